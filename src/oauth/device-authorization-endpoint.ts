import { quoteRemote, TokenError } from "../errors.js";
import { postForm, type ClientRequestContext } from "./call-endpoint.js";
import { answerDetails, describeAnswer, transientError } from "./map-error.js";
import { nonEmpty } from "./normalize-response.js";

/** What the user and the device go on with, times as milliseconds. */
export interface DeviceAuthorization {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string | undefined;
  readonly expiresAt: number;
  readonly intervalMs: number;
}

const DEFAULT_INTERVAL_S = 5;
/** Where a server does not say how long its codes are good. */
const DEFAULT_LIFETIME_S = 600;

/** RFC 8628 §3.1 and §3.2. */
export async function requestDeviceAuthorization(
  context: ClientRequestContext,
  parameters: { readonly resource: string; readonly scope: string | undefined },
): Promise<DeviceAuthorization> {
  const answer = await postForm(context, "device_authorization_endpoint", parameters);
  const { document, error, status, receivedAt } = answer;
  if (!document) throw transientError(answer);
  const party = `the device authorization endpoint of ${quoteRemote(context.server.issuer)}`;
  const deviceCode = nonEmpty(document["device_code"]);
  const userCode = nonEmpty(document["user_code"]);
  // its name before RFC 8628, which servers still send
  const verificationUri = nonEmpty(document["verification_uri"]) ?? nonEmpty(document["verification_url"]);
  if (error !== undefined || status >= 400) {
    const said = `${party} refused the request (${describeAnswer(answer)})`;
    throw new TokenError("token_request_rejected", said, answerDetails(answer));
  }
  if (deviceCode === undefined || userCode === undefined || verificationUri === undefined) {
    const member = deviceCode === undefined ? "device_code" : userCode === undefined ? "user_code" : "verification_uri";
    const said = `${party} answered without a usable "${member}"; its operator has to correct this`;
    throw new TokenError("token_response_invalid", said, { status });
  }
  const seconds = (member: string, otherwise: number): number =>
    Number(document[member]) > 0 ? Number(document[member]) : otherwise;
  return {
    deviceCode,
    userCode,
    verificationUri,
    verificationUriComplete: nonEmpty(document["verification_uri_complete"]),
    expiresAt: receivedAt + seconds("expires_in", DEFAULT_LIFETIME_S) * 1000,
    intervalMs: seconds("interval", DEFAULT_INTERVAL_S) * 1000,
  };
}
