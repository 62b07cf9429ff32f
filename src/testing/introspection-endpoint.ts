import { sha256 } from "../platform.js";
import type { AuthServerContext } from "./auth-server-context.js";
import { requireBearerToken } from "./bearer-token.js";
import type { AccessToken } from "./grants.js";
import { json, notFound } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireFormPost, requiredParameterOf } from "./received-request.js";

/**
 * Token introspection, RFC 7662 §2, for a resource server that is a program of its own. What is not an access token that is good
 * there is not active: expired, revoked, unknown, for no or another resource, or a refresh token.
 */
export async function answerIntrospection(context: AuthServerContext, received: ReceivedRequest): Promise<Response> {
  const { settings, grants, dpop } = context;
  if (settings.introspectionToken === undefined) return notFound();
  requireFormPost(received);
  await requireBearerToken(received.request, sha256(settings.introspectionToken));
  const accessToken = requiredParameterOf(received.form, "token");
  const token = await grants.findAccessToken(accessToken);
  const isActive = token !== undefined && grants.isLive(token) && token.grant.resource === settings.resource;
  if (!isActive) return json(200, { active: false });
  const jkt = await dpop.keyOf(accessToken);
  // RFC 9449 §6.2
  const binding = jkt === undefined ? {} : { token_type: "DPoP", cnf: { jkt } };
  return json(200, { active: true, ...claimsOf(context, token), ...binding });
}

const claimsOf = (
  { settings }: AuthServerContext,
  { grant, scopes, issuedAt, expiresAt }: AccessToken,
): Readonly<Record<string, unknown>> => ({
  iss: settings.issuer,
  sub: grant.subject,
  aud: grant.resource,
  client_id: grant.clientId,
  scope: scopes.join(" "),
  token_type: "Bearer",
  iat: Math.floor(issuedAt / 1000),
  exp: Math.floor(expiresAt / 1000),
});
