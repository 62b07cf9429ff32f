import { resourceOf } from "./authorization-endpoint.js";
import type { AuthServerContext } from "./auth-server-context.js";
import type { KnownClient } from "./clients.js";
import type { IssuedTokens } from "./grants.js";
import { requestedScopes } from "./scopes.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";

/** RFC 6749 §4.4: for confidential clients alone, and without a refresh token. */
export function grantToClient(
  { settings, grants }: AuthServerContext,
  client: KnownClient,
  { form }: ReceivedRequest,
): IssuedTokens {
  if (client.token_endpoint_auth_method === "none") {
    throw new OAuthRefusal(400, "unauthorized_client", "a public client cannot act for itself");
  }
  const scopes = requestedScopes(settings, form);
  const grant = grants.create({
    clientId: client.client_id,
    subject: client.client_id,
    scopes,
    resource: resourceOf(settings, form),
  });
  return grants.issueTokens(grant, scopes, false);
}
