import { CallbackServerError } from "../index.js";
import { browserPage, type BrowserPage } from "../platform.js";

/** What the page at the redirect URI says to the page that waits for this login. */
export interface PopupMessage {
  readonly callbackUrl: string;
}

/** The name of the channel between the two: whoever does not know the state does not hear them. */
export const popupChannelName = (state: string): string => `mcp-oauth-client:${state}`;

export function requirePage(what: string): BrowserPage {
  const page = browserPage();
  if (page !== undefined) return page;
  throw new CallbackServerError(
    "unsupported_runtime",
    `${what} needs a page in a browser, with windows and BroadcastChannel: elsewhere use authorizeWithLoopback or startAuthorization`,
  );
}
