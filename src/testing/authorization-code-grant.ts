import { resourceOf } from "./authorization-endpoint.js";
import type { AuthServerContext } from "./auth-server-context.js";
import type { KnownClient } from "./clients.js";
import type { Settings } from "./fake-auth-server-options.js";
import type { AuthorizationCode, Grant, IssuedTokens } from "./grants.js";
import { idTokenOf } from "./id-token.js";
import { OAuthRefusal, invalidGrant } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { parameterOf, requiredParameterOf } from "./received-request.js";
import { codeChallengeOf } from "./secrets.js";

/** RFC 6749 §4.1.3. */
export async function redeemCode(
  context: AuthServerContext,
  client: KnownClient,
  { form }: ReceivedRequest,
): Promise<IssuedTokens> {
  const { settings, grants } = context;
  const code = grants.findCode(requiredParameterOf(form, "code"));
  if (code?.grant.clientId !== client.client_id) throw invalidGrant("the code is not known for this client");
  // awaited first: from here to the code being used up, no other request comes between
  const isVerified = await matchesCodeChallenge(code, parameterOf(form, "code_verifier"));
  if (code.used) {
    // RFC 6749 §4.1.2: somebody else has had it
    grants.revoke(code.grant);
    throw invalidGrant("the code was used before");
  }
  if (!grants.isLive(code)) throw invalidGrant("the code has expired");
  if (requiredParameterOf(form, "redirect_uri") !== code.redirectUri) {
    throw invalidGrant('the "redirect_uri" is not the one of the authorization request');
  }
  if (!isVerified) throw invalidGrant("the code_verifier does not match");
  requireSameResource(settings, code.grant, form);
  code.used = true;
  const tokens = grants.issueTokens(code.grant, code.grant.scopes, getsRefreshToken(settings, client, code.grant));
  return { ...tokens, ...(await idTokenOf(context, code.grant, code.nonce)) };
}

/** RFC 7636 §4.6. A verifier without a challenge is a downgraded request (RFC 9700 §4.8.2). */
async function matchesCodeChallenge(code: AuthorizationCode, verifier: string | undefined): Promise<boolean> {
  if (code.codeChallenge === undefined || verifier === undefined) return code.codeChallenge === verifier;
  if (!/^[\w.~-]{43,128}$/.test(verifier)) return false;
  return code.codeChallenge === (code.codeChallengeMethod === "S256" ? await codeChallengeOf(verifier) : verifier);
}

/** Whether a grant that a user gave comes with a refresh token. */
export function getsRefreshToken(settings: Settings, client: KnownClient, grant: Grant): boolean {
  if (!client.grant_types.includes("refresh_token")) return false;
  return settings.issueRefreshTokens === "offline_access"
    ? grant.scopes.includes("offline_access")
    : settings.issueRefreshTokens;
}

/** RFC 8707 §2.2: the resource of the authorization request, or none for the same. */
export function requireSameResource(settings: Settings, grant: Grant, form: URLSearchParams): void {
  const resource = resourceOf(settings, form);
  if (resource === undefined || resource === grant.resource) return;
  throw new OAuthRefusal(400, "invalid_target", 'the "resource" is not the one of the authorization request');
}
