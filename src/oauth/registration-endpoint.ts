import { dynamicClientRegistrationRequest } from "oauth4webapi";
import { quoteRemote, RegistrationError } from "../errors.js";
import { currentTime } from "../platform.js";
import type { ClientMetadata, ClockOptions, HttpOptions, ServerMetadata } from "../types.js";
import type { ClientInformation } from "../wire/documents.js";
import { parseClientInformation } from "../wire/documents.js";
import type { ReceivedResponse } from "../wire/http.js";
import { callEndpoint, toAuthorizationServer } from "./convert.js";
import { answerDetails, describeAnswer, transientError } from "./map-error.js";
import { isTransient, readAnswer } from "./normalize-response.js";

/** RFC 7591 §3. Status 200 is as good as 201. */
export function requestRegistration(
  server: ServerMetadata,
  metadata: ClientMetadata,
  initialAccessToken: string | undefined,
  options: HttpOptions & ClockOptions,
): Promise<ClientInformation> {
  const { issuer } = server;
  const judge = (received: ReceivedResponse): ClientInformation => {
    const answer = readAnswer(received, [initialAccessToken]);
    const { status, document, error } = answer;
    if (isTransient(answer) || (status < 400 && !document)) {
      throw transientError(received, answer, (options.now ?? currentTime)());
    }
    if (document && error === undefined && status < 400) {
      const parsed = parseClientInformation(document);
      if (parsed.ok) return parsed.value;
      throw unusableClient(issuer, parsed.problem);
    }
    const closed = status === 401 || status === 403;
    // There the endpoint was only assumed.
    const absent = server.source === "origin_defaults" && !document && !closed;
    throw new RegistrationError(
      absent ? "registration_unsupported" : "registration_rejected",
      `${quoteRemote(issuer)} does not register this client${closed ? ": its registration is closed" : ""} (${describeAnswer(answer)}); ` +
        "check clientMetadata, or ask its operator for a client id and pass that as pre-registered",
      { issuer, ...answerDetails(answer) },
    );
  };
  return callEndpoint(server, "registration_endpoint", options, judge, (endpointOptions) =>
    dynamicClientRegistrationRequest(
      toAuthorizationServer(server, "registration_endpoint"),
      metadata as Record<string, string>,
      initialAccessToken === undefined ? endpointOptions : { ...endpointOptions, initialAccessToken },
    ),
  );
}

/** The registration succeeded, and yet nobody can log in with it. */
export const unusableClient = (issuer: string, problem: string): RegistrationError =>
  new RegistrationError(
    "registration_rejected",
    `${quoteRemote(issuer)} registered a client that cannot be used: ${problem}`,
    { issuer },
  );
