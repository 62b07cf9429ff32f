import { resourceOf } from "./authorization-endpoint.js";
import type { Clients, KnownClient } from "./clients.js";
import { scopesOf } from "./fake-auth-server-options.js";
import type { Settings } from "./fake-auth-server-options.js";
import type { AuthorizationCode, Grant, Grants, IssuedTokens } from "./grants.js";
import { OAuthRefusal, json } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { parameterOf, requireFormPost, requiredParameterOf } from "./received-request.js";
import { codeChallengeOf } from "./secrets.js";

/** The token endpoint, RFC 6749 §4.1.3 and §6. */
export async function answerToken(
  settings: Settings,
  clients: Clients,
  grants: Grants,
  received: ReceivedRequest,
): Promise<Response> {
  requireFormPost(received);
  const { form } = received;
  const client = await clients.authenticate(received);
  const grantType = requiredParameterOf(form, "grant_type");
  if (grantType !== "authorization_code" && grantType !== "refresh_token") {
    throw new OAuthRefusal(400, "unsupported_grant_type", "the grant type is not supported");
  }
  if (!client.grant_types.includes(grantType)) {
    throw new OAuthRefusal(400, "unauthorized_client", "the client is not registered for this grant type");
  }
  const redeem = grantType === "authorization_code" ? redeemCode : redeemRefreshToken;
  return json(200, await redeem(settings, grants, client, form));
}

async function redeemCode(
  settings: Settings,
  grants: Grants,
  client: KnownClient,
  form: URLSearchParams,
): Promise<IssuedTokens> {
  const code = grants.findCode(requiredParameterOf(form, "code"));
  if (code?.grant.clientId !== client.client_id) throw invalidGrant("the code is not known for this client");
  // awaited first: from here to the code being used up, no other request comes between
  const isVerified = await matchesCodeChallenge(code, parameterOf(form, "code_verifier"));
  if (code.used) {
    // RFC 6749 §4.1.2: somebody else has had it
    code.grant.revoked = true;
    throw invalidGrant("the code was used before");
  }
  if (!grants.isLive(code)) throw invalidGrant("the code has expired");
  if (requiredParameterOf(form, "redirect_uri") !== code.redirectUri) {
    throw invalidGrant('the "redirect_uri" is not the one of the authorization request');
  }
  if (!isVerified) throw invalidGrant("the code_verifier does not match");
  requireSameResource(settings, code.grant, form);
  code.used = true;
  return grants.issueTokens(code.grant, code.grant.scopes, getsRefreshToken(settings, client, code.grant));
}

/** RFC 7636 §4.6. A verifier without a challenge is a downgraded request (RFC 9700 §4.8.2). */
async function matchesCodeChallenge(code: AuthorizationCode, verifier: string | undefined): Promise<boolean> {
  if (code.codeChallenge === undefined || verifier === undefined) return code.codeChallenge === verifier;
  if (!/^[\w.~-]{43,128}$/.test(verifier)) return false;
  return code.codeChallenge === (code.codeChallengeMethod === "S256" ? await codeChallengeOf(verifier) : verifier);
}

function redeemRefreshToken(
  settings: Settings,
  grants: Grants,
  client: KnownClient,
  form: URLSearchParams,
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

function getsRefreshToken(settings: Settings, client: KnownClient, grant: Grant): boolean {
  if (!client.grant_types.includes("refresh_token")) return false;
  return settings.issueRefreshTokens === "offline_access"
    ? grant.scopes.includes("offline_access")
    : settings.issueRefreshTokens;
}

/** RFC 8707 §2.2: the resource of the authorization request, or none for the same. */
function requireSameResource(settings: Settings, grant: Grant, form: URLSearchParams): void {
  const resource = resourceOf(settings, form);
  if (resource === undefined || resource === grant.resource) return;
  throw new OAuthRefusal(400, "invalid_target", 'the "resource" is not the one of the authorization request');
}

const invalidGrant = (description: string): OAuthRefusal => new OAuthRefusal(400, "invalid_grant", description);
