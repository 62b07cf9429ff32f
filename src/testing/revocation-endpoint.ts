import type { Clients } from "./clients.js";
import type { Settings } from "./fake-auth-server-options.js";
import type { Grants } from "./grants.js";
import { notFound } from "./metadata-endpoints.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireFormPost, requiredParameterOf } from "./received-request.js";

/** Token revocation, RFC 7009 §2. */
export async function answerRevocation(
  settings: Settings,
  clients: Clients,
  grants: Grants,
  received: ReceivedRequest,
): Promise<Response> {
  if (!settings.revocation) return notFound();
  requireFormPost(received);
  const client = await clients.authenticate(received);
  const token = requiredParameterOf(received.form, "token");
  const grant = grants.grantOf(token);
  if (grant !== undefined && grant.clientId !== client.client_id) {
    throw new OAuthRefusal(400, "invalid_request", "the token was issued to another client");
  }
  grants.revokeToken(token);
  return new Response(null, { status: 200, headers: { "cache-control": "no-store" } });
}
