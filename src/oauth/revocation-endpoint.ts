import { revocationRequest } from "oauth4webapi";
import { quoteRemote, TokenError } from "../errors.js";
import { callEndpoint, toClient } from "./convert.js";
import { answerDetails, describeAnswer, transientError } from "./map-error.js";
import type { ClientRequestContext } from "./token-endpoint.js";

/** RFC 7009 §2.1. Any 2xx without an error is a success, and so is a token type that the server does not revoke. */
export async function requestRevocation(
  { server, registration, options }: ClientRequestContext,
  token: string,
  hint: "refresh_token" | "access_token",
): Promise<void> {
  const secrets = [token, registration.clientSecret];
  const answer = await callEndpoint(server, "revocation_endpoint", options, secrets, (endpoint, endpointOptions) =>
    revocationRequest(endpoint, ...toClient(registration), token, {
      ...endpointOptions,
      additionalParameters: { token_type_hint: hint },
    }),
  );
  const { error, status, document } = answer;
  if (error === "unsupported_token_type" || (error === undefined && status < 400)) return;
  if (!document) throw transientError(answer);
  throw new TokenError(
    "token_request_rejected",
    `the revocation endpoint of ${quoteRemote(server.issuer)} refused the request (${describeAnswer(answer)})`,
    answerDetails(answer),
  );
}
