import type { AuthServerContext } from "./auth-server-context.js";
import { requireSameResource } from "./authorization-code-grant.js";
import type { KnownClient } from "./clients.js";
import { scopesOf } from "./fake-auth-server-options.js";
import type { IssuedTokens } from "./grants.js";
import { OAuthRefusal, invalidGrant } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { parameterOf, requiredParameterOf } from "./received-request.js";

/** RFC 6749 §6. */
export function redeemRefreshToken(
  { settings, grants }: AuthServerContext,
  client: KnownClient,
  { form }: ReceivedRequest,
): IssuedTokens {
  const token = grants.findRefreshToken(requiredParameterOf(form, "refresh_token"));
  if (token?.grant.clientId !== client.client_id) {
    throw invalidGrant("the refresh token is not known for this client");
  }
  if (token.used) {
    if (settings.revokeOnReuse) token.grant.revoked = true;
    throw invalidGrant("the refresh token was used before");
  }
  if (!grants.isLive(token)) throw invalidGrant("the refresh token has expired or was revoked");
  requireSameResource(settings, token.grant, form);
  const requested = parameterOf(form, "scope");
  const scopes = requested === undefined ? token.grant.scopes : scopesOf(requested);
  if (scopes.some((scope) => !token.grant.scopes.includes(scope))) {
    throw new OAuthRefusal(400, "invalid_scope", "a refresh cannot widen the scope");
  }
  token.used = settings.rotateRefreshTokens;
  return grants.issueTokens(token.grant, scopes, settings.rotateRefreshTokens);
}
