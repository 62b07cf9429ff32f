import { requestRevocation } from "../oauth/revocation-endpoint.js";
import type { ClientAuthenticationOptions } from "../grant-types.js";
import type { ClockOptions, HttpOptions, ServerMetadata, TokenSet } from "../types.js";
import { requireSameIssuer } from "./issuer-binding.js";

/** Options of {@link revokeTokens}. @public */
export interface RevokeTokensOptions extends HttpOptions, ClockOptions, ClientAuthenticationOptions {}

/**
 * Revokes tokens at their authorization server: the refresh token first, because most servers end the whole grant with it, then
 * the access token. Delete your own copy whatever comes of it.
 *
 * @remarks
 * One request per token. A token that the server does not know, and a token type that it does not revoke, count as done.
 *
 * @param server - from {@link discoverAuthServer}; refused unless it has the issuer that the tokens are from
 * @param tokens - from {@link exchangeCallback} or {@link refreshTokens}
 * @returns whether revocation was asked for; false when the server has no revocation endpoint
 * @throws {@link TokenError} `token_request_rejected` when the server refuses
 * @throws {@link TransportError} when nothing was decided; the tokens may still be alive
 * @throws {@link RegistrationError} `client_issuer_mismatch` when the MCP server has moved to another issuer
 * @example
 * ```ts
 * const revoked = await revokeTokens(server, tokens);
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc7009#section-2 | RFC 7009 §2}
 * @public
 */
export async function revokeTokens(
  server: ServerMetadata,
  tokens: TokenSet,
  options: RevokeTokensOptions = {},
): Promise<boolean> {
  const { registration, refreshToken, accessToken, issuer } = tokens;
  requireSameIssuer("the token set", issuer, server.issuer);
  requireSameIssuer("the client registration", registration.issuer, server.issuer);
  if (server.authorizationServer.revocation_endpoint === undefined) return false;
  const context = { server, registration, options };
  if (refreshToken) await requestRevocation(context, refreshToken, "refresh_token");
  await requestRevocation(context, accessToken, "access_token");
  return true;
}
