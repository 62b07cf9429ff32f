import { CallbackServerError } from "../index.js";
import type { AuthChallenge, AuthSession, InteractContext, TokenSet } from "../index.js";
import { LONGEST_TIMER_MS, orAborted, startDeadline, type BrowserPage } from "../platform.js";
import { popupChannelName, requirePage, type PopupMessage } from "./popup-channel.js";

/** Options of {@link authorizeWithPopup}. @public */
export interface AuthorizeWithPopupOptions {
  /** The page that calls {@link completePopup}, on this page's origin. */
  readonly redirectUri: string | URL;
  /** How the window looks, as `window.open` takes it; without `noopener`, which would hide it from this page.
   * @defaultValue `popup,width=520,height=680` */
  readonly features?: string | undefined;
  /** How long the user has, in milliseconds.
   * @defaultValue 300000 */
  readonly timeoutMs?: number | undefined;
  /** Space-separated scopes to request, exactly these.
   * @defaultValue as {@link AuthSession.authorize} chooses */
  readonly scope?: string | undefined;
  /** The challenge that made this login necessary. */
  readonly challenge?: AuthChallenge | undefined;
  /** More parameters for the authorization request, such as `prompt` or `login_hint`. */
  readonly extraParams?: Readonly<Record<string, string>> | undefined;
  /** Log in even though another login has just succeeded.
   * @defaultValue false */
  readonly force?: boolean | undefined;
  /** Ends the login; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_TIMEOUT_MS = 300_000;

/**
 * Logs the user in with a window of its own, so that the page keeps its state. Call it from a click: browsers open windows for
 * nothing else.
 *
 * @remarks
 * The window opens before anything else is done, and shows the authorization server when its URL is known. The page at
 * `redirectUri` hands the callback over by a BroadcastChannel, which reaches pages of the same origin only; it works as well
 * where the authorization server cuts the tie between the windows (`Cross-Origin-Opener-Policy`). What the window shows has no
 * hold on this page, and this page none on the window: nobody can tell that a user has closed it, so give a `signal` to a button
 * that gives up; a window that was given up is left to the user.
 *
 * @param session - whose login: `client.session(serverUrl)`
 * @param options - where the window ends
 * @returns the tokens, which the session has stored
 * @throws `CallbackServerError` `popup_blocked` when the browser opened no window, `callback_timeout` when nobody completed the
 * login in time, `unsupported_runtime` outside of browsers; `TypeError` when `redirectUri` is of another origin; and everything
 * that {@link AuthSession.authorize} throws
 * @example
 * ```ts
 * button.addEventListener("click", () => {
 *   void authorizeWithPopup(session, { redirectUri: new URL("/callback.html", location.href) });
 * });
 * ```
 * @public
 */
export async function authorizeWithPopup(session: AuthSession, options: AuthorizeWithPopupOptions): Promise<TokenSet> {
  const { features = "popup,width=520,height=680", timeoutMs = DEFAULT_TIMEOUT_MS, ...authorizeOptions } = options;
  if (!(timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw new TypeError(`timeoutMs must be from 1 to ${LONGEST_TIMER_MS}`);
  }
  const page = requirePage("authorizeWithPopup");
  if (new URL(options.redirectUri, page.url).origin !== new URL(page.url).origin) {
    throw new TypeError('"redirectUri" must be of the origin of this page, where completePopup can reach it');
  }
  const popup = page.openWindow(features);
  if (popup === null) {
    throw new CallbackServerError(
      "popup_blocked",
      "the browser opened no window: call authorizeWithPopup from a click, or let the page itself go to the URL of startAuthorization",
    );
  }
  // what the window will show is of another origin, and must not be able to navigate this page
  popup.opener = null;
  try {
    return await session.authorize({
      ...authorizeOptions,
      interact: (url, context) => callbackOf(page, popup, url, context, timeoutMs),
    });
  } finally {
    // if it is empty, because another login was faster or this one could not begin; else the callback page closes it
    popup.close();
  }
}

async function callbackOf(
  page: BrowserPage,
  popup: Window,
  authorizationUrl: URL,
  { state, signal }: InteractContext,
  timeoutMs: number,
): Promise<string> {
  const deadline = startDeadline(
    signal,
    timeoutMs,
    () =>
      new CallbackServerError("callback_timeout", `nobody completed the login in its window within ${timeoutMs} ms`),
  );
  const channel = page.openChannel(popupChannelName(state));
  try {
    const callback = new Promise<string>((resolve) => {
      channel.onmessage = ({ data }: MessageEvent<PopupMessage>) => {
        channel.postMessage("received");
        resolve(data.callbackUrl);
      };
    });
    popup.location.replace(authorizationUrl.href);
    return await orAborted(callback, deadline.signal);
  } finally {
    deadline.release();
    channel.close();
  }
}
