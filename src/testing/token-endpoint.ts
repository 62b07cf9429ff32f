import type { AuthServerContext } from "./auth-server-context.js";
import { redeemCode } from "./authorization-code-grant.js";
import { authenticateClient } from "./client-authentication.js";
import { grantToClient } from "./client-credentials-grant.js";
import { redeemDeviceCode } from "./device-code-grant.js";
import { GRANT_TYPE, supportedGrantTypes } from "./grant-types.js";
import { redeemAssertion } from "./jwt-bearer-grant.js";
import { OAuthRefusal, json } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireFormPost, requiredParameterOf } from "./received-request.js";
import { redeemRefreshToken } from "./refresh-token-grant.js";
import { exchangeForIdJag } from "./token-exchange-grant.js";

const GRANTS = {
  [GRANT_TYPE.authorizationCode]: redeemCode,
  [GRANT_TYPE.refreshToken]: redeemRefreshToken,
  [GRANT_TYPE.clientCredentials]: grantToClient,
  [GRANT_TYPE.deviceCode]: redeemDeviceCode,
  [GRANT_TYPE.tokenExchange]: exchangeForIdJag,
};

/** The token endpoint, RFC 6749 §3.2. */
export async function answerToken(context: AuthServerContext, received: ReceivedRequest): Promise<Response> {
  requireFormPost(received);
  const { dpop } = context;
  const jkt = await dpop.checkTokenRequest(received);
  const grantType = supportedGrantTypes(context.settings).find((one) => one === received.form.get("grant_type"));
  if (grantType === GRANT_TYPE.jwtBearer) {
    requiredParameterOf(received.form, "grant_type");
    return json(200, dpop.bindTokens(await redeemAssertion(context, received), jkt));
  }
  const client = await authenticateClient(context, received);
  requiredParameterOf(received.form, "grant_type");
  if (grantType === undefined) {
    throw new OAuthRefusal(400, "unsupported_grant_type", "the grant type is not supported");
  }
  if (!client.grant_types.includes(grantType)) {
    throw new OAuthRefusal(400, "unauthorized_client", "the client is not registered for this grant type");
  }
  return json(200, dpop.bindTokens(await GRANTS[grantType](context, client, received), jkt, client));
}
