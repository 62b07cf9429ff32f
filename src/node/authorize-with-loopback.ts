import { CallbackServerError, isAuthError, startCallbackServer } from "../index.js";
import type {
  AuthChallenge,
  AuthorizationError,
  AuthSession,
  Callback,
  CallbackServer,
  InteractContext,
  MaybePromise,
  StartCallbackServerOptions,
  TokenSet,
} from "../index.js";
import { loopbackCandidates } from "./loopback-candidates.js";
import { readPastedCallback } from "./read-pasted-callback.js";

/** Options of {@link authorizeWithLoopback}. @public */
export interface AuthorizeWithLoopbackOptions {
  /** Sends the user to the URL: prints it, opens it with {@link openBrowser}, or both. It need not wait for the browser.
   * What it throws ends the login, unless `readCallbackUrl` is given: then the user can still go on by hand. */
  readonly openUrl: (url: URL) => MaybePromise<void>;
  /** Asks the user for the URL that the browser was sent to, for a browser on another machine (SSH, containers), where the page
   * does not load and its address can be copied. Runs beside the listener; whichever answers first wins, and `signal` is aborted
   * when the other has. For what cannot be the callback of this login (half an address, the one that was opened) it is called again,
   * with what to tell the user as `refused.message`, three times in all. What it throws ends the login. */
  readonly readCallbackUrl?: ((signal: AbortSignal, refused?: AuthorizationError) => Promise<string>) | undefined;
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
  /** The port to listen on, when it has to be a certain one.
   * @defaultValue the port that the client is registered with if it is free, else any */
  readonly port?: number | undefined;
  /** The host of the redirect URI. Authorization servers tell the three apart.
   * @defaultValue the one that the client is registered with, else `127.0.0.1` */
  readonly hostname?: "127.0.0.1" | "::1" | "localhost" | undefined;
  /** How long the user has, in milliseconds.
   * @defaultValue 300000 */
  readonly timeoutMs?: number | undefined;
  /** Ends the login; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Logs the user in with the system's browser and a listener on loopback (RFC 8252): for command-line and desktop hosts.
 *
 * @remarks
 * Uses {@link AuthSession.authorize}, so of several calls at once one logs in and all get its tokens. The listener is there only
 * while the login lasts. A client that was registered before keeps its redirect URI: its port is used again, or, when it is taken,
 * another one, with which the session registers anew where it can. Prints nothing and opens nothing by itself.
 *
 * @param session - whose login: `client.session(serverUrl)`
 * @param options - how the user gets to the URL
 * @returns the tokens, which the session has stored
 * @throws `CallbackServerError` `callback_timeout` when nobody completed the login in time; `port_unavailable` when `port` is
 * taken; and everything that {@link AuthSession.authorize} throws
 * @example
 * ```ts
 * await authorizeWithLoopback(session, {
 *   openUrl: async (url) => {
 *     console.log(`Log in at ${url.href}`);
 *     await openBrowser(url).catch(() => undefined);
 *   },
 * });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc8252 | RFC 8252}
 * @public
 */
export async function authorizeWithLoopback(
  session: AuthSession,
  options: AuthorizeWithLoopbackOptions,
): Promise<TokenSet> {
  const { openUrl, readCallbackUrl, port, hostname, timeoutMs, ...authorizeOptions } = options;
  if (typeof openUrl !== "function") throw new TypeError("openUrl must be a function that shows the URL to the user");
  const servers: CallbackServer[] = [];
  const closeServers = async (): Promise<void> => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  };

  /** The listener, the paste and the attempt to open the URL run beside each other; what settles first decides. */
  async function interact(authorizationUrl: URL, { state, signal }: InteractContext): Promise<Callback> {
    const over = new AbortController();
    let openFailure: unknown;
    const ways: Promise<Callback>[] = servers.map((server) => server.waitForCallback({ state, timeoutMs, signal }));
    const opening = (async () => openUrl(authorizationUrl))();
    ways.push(
      opening.then(pending, (error: unknown) => {
        if (readCallbackUrl === undefined) throw error;
        openFailure = error;
        return pending();
      }),
    );
    if (readCallbackUrl !== undefined) ways.push(readPastedCallback(readCallbackUrl, state, over.signal));
    try {
      return await Promise.race(ways);
    } catch (error) {
      if (openFailure === undefined || !isAuthError(error, "callback_timeout")) throw error;
      throw new CallbackServerError("callback_timeout", `${error.message}; openUrl had failed`, { cause: openFailure });
    } finally {
      over.abort();
    }
  }

  try {
    return await session.authorize({
      ...authorizeOptions,
      redirectUri: {
        base: `http://${hostname === "::1" ? "[::1]" : (hostname ?? "127.0.0.1")}/callback`,
        async listen(registered) {
          await closeServers();
          const server = await startOnFirstFree(loopbackCandidates(registered, { port, hostname }), options.signal);
          servers.push(server);
          return server.redirectUri;
        },
      },
      interact,
    });
  } finally {
    await closeServers();
  }
}

const pending = (): Promise<never> => new Promise(() => undefined);

async function startOnFirstFree(
  [first, ...others]: readonly StartCallbackServerOptions[],
  signal: AbortSignal | undefined,
): Promise<CallbackServer> {
  try {
    return await startCallbackServer({ ...first, signal });
  } catch (error) {
    if (others.length === 0 || !isAuthError(error, "port_unavailable")) throw error;
    return await startOnFirstFree(others, signal);
  }
}
