import { checkAssertion } from "./assertion.js";
import type { AssertionClaims } from "./assertion.js";
import { resourceOf } from "./authorization-endpoint.js";
import type { AuthServerContext } from "./auth-server-context.js";
import { authenticateClient, invalidClient, namesClient } from "./client-authentication.js";
import type { FakeTrustedIssuer } from "./fake-grant-options.js";
import { scopesOf } from "./fake-auth-server-options.js";
import { GRANT_TYPE } from "./grant-types.js";
import type { IssuedTokens } from "./grants.js";
import { ID_JAG_TYPE } from "./id-jag.js";
import { parseJsonWebToken } from "./json-web-token.js";
import type { JsonWebToken } from "./json-web-token.js";
import { requestedScopes } from "./scopes.js";
import { OAuthRefusal, invalidGrant } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requiredParameterOf } from "./received-request.js";

/**
 * RFC 7523 §2.1: an ID-JAG of an identity provider, which needs the client that it was issued for, or the assertion of a
 * workload, which needs no other client.
 */
export async function redeemAssertion(context: AuthServerContext, received: ReceivedRequest): Promise<IssuedTokens> {
  // who says which client it is has to be that client, whatever the assertion
  const client = namesClient(received) ? await authenticateClient(context, received) : undefined;
  if (client?.grant_types.includes(GRANT_TYPE.jwtBearer) === false) {
    throw new OAuthRefusal(400, "unauthorized_client", "the client is not registered for this grant type");
  }
  const assertion = parseJsonWebToken(requiredParameterOf(received.form, "assertion"));
  if (assertion === undefined) throw invalidGrant("the assertion is no JSON Web Token");
  const { settings } = context;

  if (assertion.header["typ"] === ID_JAG_TYPE) {
    if (client === undefined) throw invalidClient("an ID-JAG needs the client that it was issued for");
    const claims = await check(context, assertion, settings.identityProviders, [settings.issuer]);
    if (claims["client_id"] !== client.client_id) throw invalidGrant("the ID-JAG was issued for another client");
    return issue(context, received, client.client_id, claims);
  }
  const claims = await check(context, assertion, settings.workloadIssuers, [settings.issuer, settings.endpoints.token]);
  return issue(context, received, client?.client_id ?? claims.subject, claims);
}

async function check(
  context: AuthServerContext,
  assertion: JsonWebToken,
  trusted: readonly FakeTrustedIssuer[] = [],
  audiences: readonly string[],
): Promise<AssertionClaims> {
  const trust = trusted.find(({ issuer }) => issuer === assertion.claims["iss"]);
  if (trust === undefined) throw invalidGrant('the "iss" of the assertion is not trusted for its kind');
  const { issuer, keys } = trust;
  const checked = await checkAssertion(context, assertion, {
    issuer,
    audiences,
    keys: () => (typeof keys === "function" ? keys() : keys),
    reusable: trust.reusable ?? false,
  });
  if (typeof checked === "string") throw invalidGrant(checked);
  return checked;
}

/** What the assertion allows bounds what is asked for: its `scope` and `resource` (ID-JAG §4.4). */
function issue(
  { settings, grants }: AuthServerContext,
  { form }: ReceivedRequest,
  clientId: string,
  { subject, scope, resource }: AssertionClaims,
): IssuedTokens {
  if (resource !== undefined && resource !== settings.resource) {
    throw new OAuthRefusal(400, "invalid_target", 'the "resource" of the assertion is another');
  }
  const allowed = typeof scope === "string" ? scopesOf(scope) : undefined;
  const scopes = form.has("scope") || allowed === undefined ? requestedScopes(settings, form) : allowed;
  if (allowed !== undefined && scopes.some((one) => !allowed.includes(one))) {
    throw new OAuthRefusal(400, "invalid_scope", "the assertion allows less");
  }
  const audience = resourceOf(settings, form) ?? (resource === undefined ? undefined : settings.resource);
  return grants.issueTokens(grants.create({ clientId, subject, scopes, resource: audience }), scopes, false);
}
