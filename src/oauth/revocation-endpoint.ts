import { revocationRequest } from "oauth4webapi";
import { quoteRemote, TokenError } from "../errors.js";
import { currentTime } from "../platform.js";
import { callEndpoint, toAuthorizationServer, toClient, toClientAuth } from "./convert.js";
import { answerDetails, describeAnswer, transientError } from "./map-error.js";
import { isTransient, readAnswer } from "./normalize-response.js";
import type { ClientRequestContext } from "./token-endpoint.js";

/** RFC 7009 §2.1. Any 2xx without an error is a success, and so is a token type that the server does not revoke. */
export const requestRevocation = (
  { server, registration, options }: ClientRequestContext,
  token: string,
  hint: "refresh_token" | "access_token",
): Promise<void> =>
  callEndpoint(
    server,
    "revocation_endpoint",
    options,
    (received) => {
      const answer = readAnswer(received, [token, registration.clientSecret]);
      const { error, status, document } = answer;
      if (error === "unsupported_token_type" || (error === undefined && status < 400)) return;
      if (isTransient(answer) || !document) throw transientError(received, answer, (options.now ?? currentTime)());
      throw new TokenError(
        "token_request_rejected",
        `the revocation endpoint of ${quoteRemote(server.issuer)} refused the request (${describeAnswer(answer)})`,
        answerDetails(answer),
      );
    },
    (endpointOptions) =>
      revocationRequest(
        toAuthorizationServer(server, "revocation_endpoint"),
        toClient(registration),
        toClientAuth(registration),
        token,
        { ...endpointOptions, additionalParameters: { token_type_hint: hint } },
      ),
  );
