import type { AuthServerContext } from "./auth-server-context.js";
import { requireSameResource } from "./authorization-code-grant.js";
import type { KnownClient } from "./clients.js";
import { scopesOf } from "./fake-auth-server-options.js";
import type { IssuedTokens } from "./grants.js";
import { OAuthRefusal, invalidGrant } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { parameterOf, requiredParameterOf } from "./received-request.js";

/** RFC 6749 §6. */
export async function redeemRefreshToken(
  { settings, grants, now }: AuthServerContext,
  client: KnownClient,
  { form }: ReceivedRequest,
): Promise<IssuedTokens> {
  const value = requiredParameterOf(form, "refresh_token");
  // awaited first: from here to the token being used up, no other request comes between
  const token = await grants.findRefreshToken(value);
  if (token?.grant.clientId !== client.client_id) {
    throw invalidGrant("the refresh token is not known for this client");
  }
  if (token.usedAt !== undefined && now() - token.usedAt >= settings.reuseGraceMs) {
    if (settings.revokeOnReuse) grants.revoke(token.grant);
    throw invalidGrant("the refresh token was used before");
  }
  if (!grants.isLive(token)) throw invalidGrant("the refresh token has expired or was revoked");
  requireSameResource(settings, token.grant, form);
  const requested = parameterOf(form, "scope");
  const scopes = requested === undefined ? token.grant.scopes : scopesOf(requested);
  if (scopes.some((scope) => !token.grant.scopes.includes(scope))) {
    throw new OAuthRefusal(400, "invalid_scope", "a refresh cannot widen the scope");
  }
  if (settings.rotateRefreshTokens && token.usedAt === undefined) grants.markUsed(value, token);
  return grants.issueTokens(token.grant, scopes, settings.rotateRefreshTokens);
}
