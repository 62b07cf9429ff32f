import { getsRefreshToken, requireSameResource } from "./authorization-code-grant.js";
import type { AuthServerContext } from "./auth-server-context.js";
import type { KnownClient } from "./clients.js";
import type { IssuedTokens } from "./grants.js";
import { idTokenOf } from "./id-token.js";
import { OAuthRefusal, invalidGrant } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requiredParameterOf } from "./received-request.js";

/** RFC 8628 §3.5. */
const SLOWER_BY_MS = 5000;

/** RFC 8628 §3.4: a device asks whether its user has decided. */
export async function redeemDeviceCode(
  context: AuthServerContext,
  client: KnownClient,
  { form }: ReceivedRequest,
): Promise<IssuedTokens> {
  const { settings, grants, deviceCodes, now } = context;
  const code = deviceCodes.find(requiredParameterOf(form, "device_code"));
  if (code?.clientId !== client.client_id) throw invalidGrant("the device code is not known for this client");
  if (code.state === "used") throw invalidGrant("the device code was used before");
  if (code.expiresAt <= now()) throw new OAuthRefusal(400, "expired_token", "the device code has expired");
  if (code.state === "denied") throw new OAuthRefusal(400, "access_denied", "the user refused");
  const { lastPollAt } = code;
  code.lastPollAt = now();
  if (lastPollAt !== undefined && now() - lastPollAt < code.intervalMs) {
    code.intervalMs += SLOWER_BY_MS;
    throw new OAuthRefusal(400, "slow_down", `the device must wait ${code.intervalMs} ms between its requests`);
  }
  if (code.state === "pending") {
    throw new OAuthRefusal(400, "authorization_pending", "the user has not decided yet");
  }
  const grant = code.state;
  requireSameResource(settings, grant, form);
  code.state = "used";
  const tokens = grants.issueTokens(grant, grant.scopes, getsRefreshToken(settings, client, grant));
  return { ...tokens, ...(await idTokenOf(context, grant)) };
}
