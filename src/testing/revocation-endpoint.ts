import type { AuthServerContext } from "./auth-server-context.js";
import { authenticateClient } from "./client-authentication.js";
import { OAuthRefusal, notFound } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireFormPost, requiredParameterOf } from "./received-request.js";

/** Token revocation, RFC 7009 §2. */
export async function answerRevocation(context: AuthServerContext, received: ReceivedRequest): Promise<Response> {
  const { settings, grants } = context;
  if (!settings.revocation) return notFound();
  requireFormPost(received);
  const client = await authenticateClient(context, received);
  const token = requiredParameterOf(received.form, "token");
  const grant = await grants.grantOf(token);
  if (grant !== undefined && grant.clientId !== client.client_id) {
    throw new OAuthRefusal(400, "invalid_request", "the token was issued to another client");
  }
  grants.revokeToken(token);
  return new Response(null, { status: 200, headers: { "cache-control": "no-store" } });
}
