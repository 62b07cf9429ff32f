import { popupChannelName, requirePage, type PopupMessage } from "./popup-channel.js";

/**
 * Ends a login in a window: call it on the page at the redirect URI of {@link authorizeWithPopup}. Hands the page's URL to the page
 * that waits for it, and closes the window.
 *
 * @remarks
 * The URL's parameters are taken out of the address first, so that neither a reload nor the history has them. A page without a
 * `state` in its address, as after a reload, is left alone. The window stays open when no page waits any more, so let it say
 * that it can be closed.
 *
 * @throws `CallbackServerError` `unsupported_runtime` outside of browsers
 * @example
 * ```ts
 * completePopup();
 * ```
 * @public
 */
export function completePopup(): void {
  const page = requirePage("completePopup");
  const { searchParams, pathname } = new URL(page.url);
  const state = searchParams.get("state");
  if (state === null) return;
  page.showUrl(pathname);
  const channel = page.openChannel(popupChannelName(state));
  // the other page has it, and says so
  channel.onmessage = () => {
    channel.close();
    page.closeWindow();
  };
  const message: PopupMessage = { callbackUrl: page.url };
  channel.postMessage(message);
}
