import type { ClientAuthentication } from "../grant-types.js";
import type { ClientRequestContext } from "../oauth/call-endpoint.js";
import { requestTokens, type GrantParameters } from "../oauth/token-endpoint.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import type { TokenSet } from "../types.js";
import type { GrantContext } from "./create-grant.js";
import { registrationAt } from "./grant-client.js";

/** The client that asks, by its id. */
export interface Asker {
  readonly clientId: string;
  readonly clientAuthentication: ClientAuthentication;
}

/**
 * Asks the token endpoint for tokens without a user. A refresh token is let go: the grant itself renews, and what need not be
 * kept cannot be stolen (RFC 6749 §4.4.3).
 */
export async function requestByGrant<G extends keyof GrantParameters>(
  { server, scope, previous, challenge, http, now }: GrantContext,
  { clientId, clientAuthentication }: Asker,
  grantType: G,
  parameters: GrantParameters[G],
): Promise<TokenSet> {
  const registration = registrationAt(server, clientId, clientAuthentication, now());
  const options: ClientRequestContext["options"] = { ...http, now, clientAuthentication };
  const dpopKeyId = await options.dpop?.chooseKey(server, challenge, previous);
  const granted = await requestTokens({ server, registration, options, dpopKeyId }, grantType, parameters);
  return withoutUndefined<TokenSet>({
    ...granted,
    refreshToken: undefined,
    refreshTokenExpiresAt: undefined,
    scope: granted.scope ?? scope,
    requestedScope: scope,
    issuer: server.issuer,
    tokenEndpoint: server.authorizationServer.token_endpoint,
    resource: server.resource,
    registration,
  });
}
