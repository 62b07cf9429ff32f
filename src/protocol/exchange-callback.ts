import { validateCallback } from "../oauth/callback.js";
import { requestTokens } from "../oauth/token-endpoint.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import { currentTime } from "../platform.js";
import type { ClientAuthenticationOptions } from "../grant-types.js";
import type { Callback, ClockOptions, HttpOptions, PendingAuthorization, TokenSet } from "../types.js";
import { callbackParameters } from "../wire/callback-parameters.js";
import { requireSameIssuer } from "./issuer-binding.js";

/** Options of {@link exchangeCallback}. @public */
export interface ExchangeCallbackOptions extends HttpOptions, ClockOptions, ClientAuthenticationOptions {}

/**
 * Finishes a login: checks the callback against its record and exchanges the code for tokens. Call it once per record.
 *
 * @remarks
 * One request, to the token endpoint that was recorded when the login began. Before it, in this order: each parameter occurs
 * once, `state`, expiry, `iss` (RFC 9207, exact string), and only then `error` and `code`. A lost answer must not be repeated:
 * start the login again.
 *
 * @param pending - from {@link createAuthorizationRequest}; remove it from where it was kept before this call, so that a
 * reloaded callback page cannot use it again
 * @param callback - the whole callback: URL, query string starting with `?`, its parameters, or a {@link CallbackResult}
 * @throws {@link AuthorizationError} `authorization_denied` when the user or the server refused; `state_unknown`,
 * `state_expired`, `callback_issuer_mismatch` or `callback_invalid` when the callback is not this login's
 * @throws {@link TokenError} `token_request_rejected` when the server refuses the code, `token_response_invalid` when its
 * answer cannot be used
 * @throws {@link TransportError} when no answer came, or none that decides anything
 * @example
 * ```ts
 * const tokens = await exchangeCallback(pending, location.href);
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3 | RFC 6749 §4.1.3}
 * @public
 */
export async function exchangeCallback(
  pending: PendingAuthorization,
  callback: Callback,
  options: ExchangeCallbackOptions = {},
): Promise<TokenSet> {
  const { server, registration, redirectUri, codeVerifier, resource, scope } = pending;
  const code = validateCallback(pending, callbackParameters(callback), (options.now ?? currentTime)());
  requireSameIssuer("the client registration", registration.issuer, server.issuer);
  const grant = await requestTokens({ ...pending, options }, "authorization_code", {
    code,
    redirect_uri: redirectUri,
    code_verifier: codeVerifier,
    resource,
  });
  return withoutUndefined<TokenSet>({
    ...grant,
    scope: grant.scope ?? scope,
    requestedScope: scope,
    issuer: server.issuer,
    tokenEndpoint: server.authorizationServer.token_endpoint,
    resource,
    registration,
  });
}
