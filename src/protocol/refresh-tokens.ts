import { requestTokens } from "../oauth/token-endpoint.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import type { ClientAuthenticationOptions } from "../grant-types.js";
import type { ClockOptions, HttpOptions, ServerMetadata, TokenSet } from "../types.js";
import { requireSameIssuer } from "./issuer-binding.js";

/** Options of {@link refreshTokens}. @public */
export interface RefreshTokensOptions extends HttpOptions, ClockOptions, ClientAuthenticationOptions {
  /** Asks for less than was granted. When absent the scope stays; it can never be widened this way. */
  readonly scope?: string | undefined;
}

/**
 * Exchanges the refresh token for new tokens. Sessions do it by themselves; call it when you keep tokens on your own, and see to
 * it that one refresh of the same tokens runs at a time.
 *
 * @remarks
 * One request. A server may rotate the refresh token: store the result before using it, because the old refresh token may be
 * dead by then. What the answer leaves out (refresh token, scope, ID token) is kept.
 *
 * @param server - from {@link discoverAuthServer}; refused unless it has the issuer that the tokens are from
 * @param tokens - from {@link exchangeCallback} or an earlier refresh, with a refresh token
 * @throws {@link TokenError} `refresh_rejected` when the refresh token or the client is dead and the user has to log in again
 * (`oauthError` says which); `token_request_rejected` for other refusals; `token_response_invalid`
 * @throws {@link TransportError} when nothing was decided: keep the tokens, try again after `retryAt`
 * @throws {@link RegistrationError} `client_issuer_mismatch` when the MCP server has moved to another issuer
 * @throws `TypeError` when there is no refresh token
 * @example
 * ```ts
 * const renewed = await refreshTokens(server, tokens);
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-6 | RFC 6749 §6}
 * @public
 */
export async function refreshTokens(
  server: ServerMetadata,
  tokens: TokenSet,
  options: RefreshTokensOptions = {},
): Promise<TokenSet> {
  const { refreshToken, registration, resource } = tokens;
  if (!refreshToken) throw new TypeError("tokens has no refreshToken; the user has to log in again");
  requireSameIssuer("the token set", tokens.issuer, server.issuer);
  requireSameIssuer("the client registration", registration.issuer, server.issuer);
  const scope = options.scope ?? (server.allowances?.refreshScope && tokens.scope);
  const grant = await requestTokens({ ...tokens, server, options }, "refresh_token", {
    refresh_token: refreshToken,
    resource,
    scope,
  });
  // A new refresh token has a lifetime of its own.
  const known = grant.refreshToken === undefined ? tokens.refreshTokenExpiresAt : undefined;
  return withoutUndefined<TokenSet>({
    ...tokens,
    ...grant,
    scope: grant.scope ?? scope ?? tokens.scope,
    expiresAt: grant.expiresAt,
    clockSkew: grant.clockSkew,
    refreshTokenExpiresAt: grant.refreshTokenExpiresAt ?? known,
    tokenEndpoint: server.authorizationServer.token_endpoint,
  });
}
