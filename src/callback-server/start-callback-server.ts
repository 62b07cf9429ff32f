import { AuthorizationError, CallbackServerError } from "../errors.js";
import { getNodeBuiltin, LONGEST_TIMER_MS, startTimer } from "../platform.js";
import type { CallbackResult } from "../types.js";
import { isLoopback, parseUrl } from "../wire/url-policy.js";
import { makePages } from "./callback-page.js";
import { closeServer, listenOn } from "./listen.js";
import type { HttpModule, HttpRequest, HttpResponse } from "./node-http.js";
import { isSameText, readCallback } from "./read-callback.js";
import type { CallbackPlace } from "./read-callback.js";

/** Options of {@link startCallbackServer}. @public */
export interface StartCallbackServerOptions {
  /** The port to listen on, when it has to be a certain one.
   * @defaultValue 0, any free port */
  readonly port?: number | undefined;
  /** The loopback name or address to listen on, and the host of the redirect URI. `localhost` listens on both families.
   * Authorization servers tell the three apart, so use what the client is registered with.
   * @defaultValue `127.0.0.1` */
  readonly hostname?: "127.0.0.1" | "::1" | "localhost" | undefined;
  /** The path of the redirect URI; requests for any other are refused.
   * @defaultValue the path of `publicRedirectUri`, else `/callback` */
  readonly path?: string | undefined;
  /** The redirect URI that the browser sees, when it differs from where this process listens: a container or a tunnel that
   * forwards to the port. https, or http on loopback. */
  readonly publicRedirectUri?: string | URL | undefined;
  /** Makes the HTML of the page that the user sees; called once for each outcome when the server starts. The page may have
   * inline styles and `data:` images; scripts and everything from elsewhere are blocked.
   * @defaultValue a short page in English */
  readonly page?: ((outcome: "received" | "rejected") => string) | undefined;
  /** Closes the server; everything that waits rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link CallbackServer.waitForCallback}. @public */
export interface WaitForCallbackOptions {
  /** The `state` that `startAuthorization` or `createAuthorizationRequest` returned. A request with another one changes nothing. */
  readonly state: string;
  /** How long the user has, in milliseconds.
   * @defaultValue 300000 */
  readonly timeoutMs?: number | undefined;
  /** Ends the waiting; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A listening callback server. Frozen; its functions may be passed on. `await using` closes it, for programs whose `lib` knows
 * `Symbol.asyncDispose`.
 *
 * @public
 */
export interface CallbackServer extends Readonly<
  Record<
    SymbolConstructor extends { readonly asyncDispose: infer Key extends symbol } ? Key : never,
    () => Promise<void>
  >
> {
  /** The redirect URI to use in the authorization request: `publicRedirectUri` as given, else the address listened on. */
  readonly redirectUri: string;
  /** The port listened on. */
  readonly port: number;
  /**
   * Resolves with the authorization response that carries `state`. Call it before the browser is sent off: a response that
   * nobody waits for yet is refused and forgotten.
   *
   * @remarks
   * Several logins may wait on one server at once. What comes with another state, path, method or `Host`, or with a parameter
   * twice, is refused and the waiting goes on. Once the response has come, the browser gets 410 for that state. The process does
   * not exit while somebody waits.
   *
   * @param options - whose response, and for how long
   * @returns the response as received, not yet judged: hand it to `finishAuthorization` or `exchangeCallback`
   * @throws {@link CallbackServerError} `callback_timeout`, with a `state_unknown` as its `cause` if a response came with another state
   * or none, of another login or of a server that does not return it; `callback_server_closed` after `close()`
   */
  waitForCallback(options: WaitForCallbackOptions): Promise<CallbackResult>;
  /** Stops listening and drops every connection; what still waits rejects with `callback_server_closed`. */
  close(): Promise<void>;
}

interface Wait {
  readonly state: string;
  readonly end: (outcome: Promise<CallbackResult>) => void;
}

/** States that are answered with 410; older ones get 404. */
const REMEMBERED_STATES = 100;

function requireArgument(holds: boolean, problem: string): void {
  if (!holds) throw new TypeError(problem);
}

/**
 * Starts a small HTTP server on loopback that receives the redirect of a login (RFC 8252 §7.3). For command-line and desktop
 * hosts; needs Node, Bun or Deno.
 *
 * @remarks
 * Listens on loopback only. `Host`, path, method and `state` are checked before anything settles, so a favicon request, a port
 * scan or a forged callback does not end a login. The browser gets one of two constant pages. The server alone does not keep
 * the process alive. Nothing is opened or printed.
 *
 * @param options - where to listen
 * @returns the server, listening
 * @throws {@link CallbackServerError} `port_unavailable` when the port is taken or may not be used; `unsupported_runtime` in browsers
 * and workers: use a redirect URI of your own there
 * @example
 * ```ts
 * const server = await startCallbackServer();
 * try {
 *   const { authorizationUrl, state } = await session.startAuthorization({ redirectUri: server.redirectUri });
 *   const callback = server.waitForCallback({ state });
 *   console.log(`open ${authorizationUrl.href}`);
 *   await session.finishAuthorization(await callback, { state });
 * } finally {
 *   await server.close();
 * }
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc8252#section-7.3 | RFC 8252 §7.3}
 * @public
 */
export async function startCallbackServer(options: StartCallbackServerOptions = {}): Promise<CallbackServer> {
  const { hostname = "127.0.0.1", port: wantedPort = 0, publicRedirectUri, signal } = options;
  const publicUrl = publicRedirectUri === undefined ? undefined : parsePublicUri(publicRedirectUri);
  const path = options.path ?? publicUrl?.pathname ?? "/callback";
  requireArgument(["127.0.0.1", "::1", "localhost"].includes(hostname), "hostname must be 127.0.0.1, ::1 or localhost");
  requireArgument((wantedPort & 0xffff) === wantedPort, "port must be an integer from 0 to 65535");
  requireArgument(parseUrl(`http://h${path}`)?.pathname === path, "path must be the path of a URL, such as /callback");
  const pages = makePages(options.page);
  signal?.throwIfAborted();
  const http = getNodeBuiltin("node:http") as Partial<HttpModule> | undefined;
  if (!http?.createServer) {
    throw new CallbackServerError(
      "unsupported_runtime",
      "this runtime has no node:http: use a redirect URI of your own and finishAuthorization",
    );
  }

  const waits = new Set<Wait>();
  const received: string[] = [];
  let ended: Error | undefined;
  let hasStray = false;
  // nobody is let in before the port is known
  let place: CallbackPlace = { redirectUri: "", path, hosts: [] };

  const answer = (response: HttpResponse, status: number): Promise<void> => {
    response.writeHead(status, { ...pages.headers, ...(status === 405 && { Allow: "GET" }) });
    return new Promise((done) => {
      response.once("close", done);
      response.end(pages.html[status === 200 ? "received" : "rejected"], done);
    });
  };

  const handle = (request: HttpRequest, response: HttpResponse): void => {
    const callback = readCallback(request, place);
    if (typeof callback === "number") return void answer(response, callback);
    const { state = "" } = callback;
    if (received.some((one) => isSameText(state, one))) return void answer(response, 410);
    const matching = [...waits].filter((wait) => isSameText(state, wait.state));
    if (matching.length === 0) {
      hasStray ||= "code" in callback || "error" in callback;
      return void answer(response, 404);
    }
    received.push(state);
    if (received.length > REMEMBERED_STATES) received.shift();
    // Told only when the page is out: the host may end the process as soon as it knows.
    const outcome = answer(response, 200).then(() => callback);
    for (const wait of matching) wait.end(outcome);
  };

  const { servers, port } = await listenOn(http.createServer, handle, hostname, wantedPort);
  const localUri = `http://${hostname === "::1" ? "[::1]" : hostname}:${port}${path}`;
  const redirectUri = String(publicRedirectUri ?? localUri);
  place = { redirectUri, path, hosts: [new URL(localUri).host, new URL(redirectUri).host] };

  const end = async (reason: Error): Promise<void> => {
    ended ??= reason;
    signal?.removeEventListener("abort", onAbort);
    for (const wait of waits) wait.end(Promise.reject(reason));
    await Promise.all(servers.map(closeServer));
  };
  const onAbort = (): void => void end(signal?.reason as Error);
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  signal?.throwIfAborted();

  const waitForCallback = (waitOptions: WaitForCallbackOptions): Promise<CallbackResult> => {
    const result = new Promise<CallbackResult>((resolve) => {
      const { state, timeoutMs = 300_000, signal: waitSignal } = waitOptions;
      requireArgument(typeof state === "string" && state !== "", "state must be that of the authorization request");
      requireArgument(!received.includes(state), "state was received already: start a new login");
      requireArgument(
        timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS,
        `timeoutMs must be from 1 to ${LONGEST_TIMER_MS}`,
      );
      waitSignal?.throwIfAborted();
      if (ended) throw ended;
      const wait: Wait = {
        state,
        end(outcome) {
          waits.delete(wait);
          waitSignal?.removeEventListener("abort", abort);
          resolve(outcome);
          // until then the timer keeps the process alive: the page is still to go out
          outcome.then(stopTimer, stopTimer);
        },
      };
      const fail = (reason: Error): void => wait.end(Promise.reject(reason));
      const abort = (): void => fail(waitSignal?.reason as Error);
      const stopTimer = startTimer(() => {
        const cause = hasStray
          ? new AuthorizationError("state_unknown", 'one came with another "state", or none')
          : undefined;
        const why = cause?.message ?? `nobody completed the login, or the browser cannot reach port ${port}`;
        const message = `no callback of this login came within ${timeoutMs / 1000} s: ${why}`;
        fail(new CallbackServerError("callback_timeout", message, { cause }));
      }, timeoutMs);
      waitSignal?.addEventListener("abort", abort);
      waits.add(wait);
    });
    // Often awaited only after the browser was opened: if that fails, closing the server must not end the process.
    result.catch(() => undefined);
    return result;
  };

  const close = (): Promise<void> =>
    end(new CallbackServerError("callback_server_closed", "the callback server was closed before a callback came"));
  return Object.freeze({ redirectUri, port, waitForCallback, close, [Symbol.asyncDispose]: close });
}

function parsePublicUri(value: string | URL): URL {
  const url = parseUrl(value);
  if (url?.hash === "" && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url)))) return url;
  throw new TypeError("publicRedirectUri must be https, or http on loopback, without fragment");
}
