import { isAuthError } from "../errors.js";
import { ambientFetch, baseUrl, redirectsAreOpaque } from "../platform.js";
import type { AuthChallenge, AuthFetch, FetchLike, TokenSet } from "../types.js";
import { parseAuthChallenge } from "../wire/challenge.js";
import { asksForScope, authorizationRequired, handleChallenge } from "./handle-challenge.js";
import { interactOnce, mayStepUp } from "./interaction.js";
import { followRedirects } from "./follow-redirects.js";
import { usableTokens } from "./refresh.js";
import type { Credentials } from "../wire/dpop-connection.js";
import { discard } from "../wire/http.js";
import { isReplayable } from "../wire/replayable.js";
import { readTokens } from "./stored-tokens.js";
import { type RequestParts, requestInit, withAuthorization } from "./request-parts.js";
import { engineOf } from "./session-engine.js";
import type { AuthSession } from "./session-types.js";
import { parseUrl } from "../wire/url-policy.js";
import { createTokenAudience } from "./token-audience.js";

/** Options of {@link createAuthFetch}. @public */
export interface AuthFetchOptions {
  /** Sends the requests.
   * @defaultValue the client's `fetch` option, else `globalThis.fetch` */
  readonly fetch?: FetchLike | undefined;
  /** Further URLs of the MCP server's origin that get the token, such as the message endpoint of the HTTP+SSE transport.
   * @defaultValue none but `serverUrl` and what is below its path */
  readonly includeUrl?: ((url: URL) => boolean) | undefined;
  /** Gets the user to log in or to grant more, usually with `session.authorize`; the request is then sent again. Called once at a
   * time for each session, however many requests wait for it.
   * @defaultValue the request fails with `authorization_required` or `insufficient_scope` */
  readonly onAuthorizationRequired?: ((context: AuthorizationRequiredContext) => Promise<void>) | undefined;
}

/** What {@link AuthFetchOptions.onAuthorizationRequired} is told. @public */
export interface AuthorizationRequiredContext {
  /** The session that needs the user. */
  readonly session: AuthSession;
  /** `login`: there are no usable tokens. `step_up`: the server wants more scope than was granted. */
  readonly reason: "login" | "step_up";
  /** The scope to request, for a step-up; hand it to `session.authorize`. */
  readonly scope: string | undefined;
  /** What the server demanded; hand it to `session.authorize`. */
  readonly challenge: AuthChallenge | undefined;
  /** Aborted when every request that waits for the user has been given up. */
  readonly signal: AbortSignal;
}

/** For one request, beside one refresh and one login; MCP wants "no more than a few" attempts. */
const MAX_STEP_UPS = 2;

/**
 * Wraps `fetch` for one session: requests to its MCP server carry the access token, which is renewed when it runs out or is refused.
 *
 * @remarks
 * Only requests to `session.serverUrl` and below its path get the token; all others, requests with an `Authorization` of their
 * own, and the authorization server's endpoints pass through untouched. With a fresh token nothing is read from the store.
 * After a 401 the token is refreshed once and the request sent again; after a 403 `insufficient_scope` the user is asked for
 * the union of scopes. A body that is a stream cannot be sent twice: the refused response is then handed back, and the next
 * request carries the new token. Redirects are followed up to three times, and the token goes along only inside the server; an
 * answer from outside is handed back, whatever it is.
 *
 * @param session - whose tokens to send
 * @returns a function that fits `typeof fetch` and the `fetch` option of MCP transports. It rejects with
 * {@link AuthorizationError} `authorization_required` or `insufficient_scope` when the user is needed and
 * `onAuthorizationRequired` is absent or did not help; with {@link TransportError} when a refresh could not be made; and with
 * whatever the underlying `fetch` rejects with.
 * @example In an MCP transport
 * ```ts
 * const transport = new StreamableHTTPClientTransport(new URL(session.serverUrl), { fetch: createAuthFetch(session) });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-2.1 | RFC 6750 §2.1}
 * @public
 */
export function createAuthFetch(session: AuthSession, options: AuthFetchOptions = {}): AuthFetch {
  const engine = engineOf(session);
  const { context, cell, freshTokens } = engine;
  const { onAuthorizationRequired } = options;
  const send = options.fetch ?? context.http.fetch ?? ambientFetch;
  const audience = createTokenAudience(engine, options.includeUrl);
  const opaque = redirectsAreOpaque();
  // answers whose 401 or 403 is not about the token: those from outside the session's server, reached by a redirect, and demands for
  // another proof
  const unrelated = new WeakSet<Response>();
  // what was accepted last, compared instead of parsed and judged again on every call
  let accepted: ({ readonly href: string; readonly tokens: TokenSet } & Credentials) | undefined;

  return async (input, init) => {
    let target: string | URL;
    let options = init;
    if (typeof input === "object" && "url" in input) {
      target = input.url;
      options = await requestInit(input, init);
    } else target = input;
    const href = String(target);
    // the whole of what a request with a fresh token costs
    if (accepted?.href === href && accepted.tokens === freshTokens() && options?.redirect === undefined && !opaque) {
      const { tokens, via, authorization } = accepted;
      const headers = withAuthorization(options?.headers, authorization);
      if (headers !== undefined) {
        const response = await via(target, { ...options, headers, redirect: "manual" });
        if (response.status < 300) return response;
        const parts: RequestParts = { href, target, init: options };
        return await afterRefusal(parts, tokens, await followFrom(parts, tokens, response));
      }
    }
    const parts: RequestParts = { href, target, init: options };
    const url = parseUrl(href, baseUrl());
    const isOurs = url !== undefined && audience.includes(url) && withAuthorization(options?.headers, "") !== undefined;
    if (!isOurs) return await send(target, options);
    const tokens =
      freshTokens() ??
      // a grant waits for the server to say what it wants
      (cell.grant && !(await readTokens(context, cell))
        ? undefined
        : await usableTokens(context, cell, {}, options?.signal ?? undefined));
    if (tokens !== undefined) {
      if (!(await audience.accepts(url, tokens))) return await send(target, options);
      accepted = { href, tokens, ...credentialsOf(tokens) };
    }
    return await afterRefusal(parts, tokens, await sendOnce(parts, tokens));
  };

  /** Without DPoP there are no tokens but bearer tokens. */
  function credentialsOf(tokens: TokenSet): Credentials {
    const bearer = { authorization: `Bearer ${tokens.accessToken}`, via: send };
    return context.http.dpop?.credentialsOf(tokens, send, unrelated) ?? bearer;
  }

  async function sendOnce(parts: RequestParts, tokens: TokenSet | undefined): Promise<Response> {
    const { target, init } = parts;
    if (tokens === undefined) return await judgeFollowed(tokens, await send(target, init));
    const { authorization, via } = credentialsOf(tokens);
    const headers = withAuthorization(init?.headers, authorization) ?? {};
    const ownRedirects = !opaque && (init?.redirect ?? "follow") === "follow";
    const response = await via(target, { ...init, headers, ...(ownRedirects && { redirect: "manual" }) });
    return ownRedirects ? await followFrom(parts, tokens, response) : await judgeFollowed(tokens, response);
  }

  async function followFrom({ href, init }: RequestParts, tokens: TokenSet, response: Response): Promise<Response> {
    const { authorization, via } = credentialsOf(tokens);
    const end = await followRedirects(via, new URL(href, baseUrl()).href, init, response, async (url) =>
      (await audience.accepts(url, tokens)) ? withAuthorization(init?.headers, authorization) : undefined,
    );
    if (!end.own) unrelated.add(end.response);
    return end.response;
  }

  async function judgeFollowed(tokens: TokenSet | undefined, response: Response): Promise<Response> {
    if (response.redirected && !(await audience.accepts(new URL(response.url), tokens))) unrelated.add(response);
    return response;
  }

  async function afterRefusal(parts: RequestParts, used: TokenSet | undefined, refusal: Response): Promise<Response> {
    const signal = parts.init?.signal ?? undefined;
    const replayable = isReplayable(parts.init?.body);
    let response = refusal;
    let tokens = used;
    let refreshed = false;
    let adopted = false;
    let loggedIn = false;
    let stepUps = 0;
    for (;;) {
      const challenge = parseAuthChallenge(response);
      const stepUp = asksForScope(response, challenge);
      if (unrelated.has(response) || (response.status !== 401 && !stepUp)) return response;
      const isLast = stepUp && stepUps === MAX_STEP_UPS;
      if (replayable && !isLast) discard(response.body);
      try {
        const accessToken = tokens?.accessToken;
        if (refreshed && !stepUp) {
          // notes the refusal, and says so when there have been too many
          await usableTokens(context, cell, { refused: accessToken, challenge, final: true }, signal);
          throw authorizationRequired(cell, challenge);
        }
        tokens = await handleChallenge(context, cell, response, { accessToken, signal }, challenge);
        // what another process had stored before may have gone the same way, and is worth one refresh
        if (!stepUp) refreshed = adopted || tokens.accessToken === cell.renewed;
        adopted ||= !stepUp;
      } catch (error) {
        const enough = stepUp ? isLast : loggedIn;
        if (enough || !(await askUser(error, signal))) {
          discard(response.body);
          throw error;
        }
        loggedIn ||= !stepUp;
        refreshed = true;
        tokens = await usableTokens(context, cell, {}, signal);
      }
      if (!replayable || isLast) return response;
      if (stepUp) stepUps += 1;
      response = await sendOnce(parts, tokens);
    }
  }

  /** Whether the host was asked, and what it did is worth another try. */
  async function askUser(error: unknown, signal: AbortSignal | undefined): Promise<boolean> {
    const stepUp = isAuthError(error, "insufficient_scope");
    if (onAuthorizationRequired === undefined || !(stepUp || isAuthError(error, "authorization_required")))
      return false;
    const { challenge, scope } = error;
    if (stepUp && (scope === undefined || (cell.interaction === undefined && !mayStepUp(cell, scope, context.now())))) {
      return false;
    }
    const reason = stepUp ? "step_up" : "login";
    await interactOnce(
      cell,
      (ended) => onAuthorizationRequired({ session, reason, scope, challenge, signal: ended }),
      signal,
    );
    return true;
  }
}
