import { resourceOf } from "./authorization-endpoint.js";
import type { AuthServerContext } from "./auth-server-context.js";
import { authenticateClient } from "./client-authentication.js";
import { GRANT_TYPE } from "./grant-types.js";
import { requestedScopes } from "./scopes.js";
import { OAuthRefusal, json, notFound } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireFormPost } from "./received-request.js";

/** The device authorization endpoint, RFC 8628 §3.1. */
export async function answerDeviceAuthorization(
  context: AuthServerContext,
  received: ReceivedRequest,
): Promise<Response> {
  const { settings, deviceCodes } = context;
  if (settings.deviceAuthorization === undefined) return notFound();
  requireFormPost(received);
  const client = await authenticateClient(context, received);
  if (!client.grant_types.includes(GRANT_TYPE.deviceCode)) {
    throw new OAuthRefusal(400, "unauthorized_client", "the client is not registered for this grant type");
  }
  const { deviceCode, userCode } = deviceCodes.issue({
    clientId: client.client_id,
    resource: resourceOf(settings, received.form),
    scopes: requestedScopes(settings, received.form),
  });
  const { ttlMs, intervalMs } = settings.deviceAuthorization;
  const verificationUri = settings.endpoints.verification;
  return json(200, {
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: verificationUri,
    verification_uri_complete: `${verificationUri}?user_code=${userCode}`,
    expires_in: Math.floor(ttlMs / 1000),
    interval: Math.floor(intervalMs / 1000),
  });
}
