import { TokenError, type GrantContext, type TokenSet } from "../../src/index.js";

export const EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

/** A grant of the host's own (RFC 8693): the token of a user for another, by the client that the user logged in with. */
export async function exchangeToken(
  { server, scope = "", http, now }: GrantContext,
  { accessToken, registration }: TokenSet,
): Promise<TokenSet> {
  const { fetch = globalThis.fetch, signal = null } = http;
  const { clientId, clientSecret } = registration;
  const { token_endpoint: tokenEndpoint } = server.authorizationServer;
  const body = new URLSearchParams({
    grant_type: EXCHANGE_GRANT,
    subject_token: accessToken,
    subject_token_type: ACCESS_TOKEN,
    resource: server.resource,
    scope,
    client_id: clientId,
    ...(clientSecret && { client_secret: clientSecret }),
  });
  const response = await fetch(tokenEndpoint, { method: "POST", body, signal });
  const answer = (await response.json()) as Readonly<Record<string, string>> & { readonly expires_in?: number };
  const { error: oauthError, access_token: exchanged, expires_in: lifetime = 0 } = answer;
  if (exchanged === undefined) {
    const { status } = response;
    throw new TokenError("token_request_rejected", `the exchange was refused with ${status}`, { status, oauthError });
  }
  return {
    accessToken: exchanged,
    tokenType: "Bearer",
    scope: answer["scope"] ?? scope,
    expiresAt: now() + lifetime * 1000,
    obtainedAt: now(),
    issuer: server.issuer,
    tokenEndpoint,
    resource: server.resource,
    registration,
  };
}
