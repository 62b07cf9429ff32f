import { quoteRemote, RegistrationError } from "../errors.js";
import type { ClientMetadata, ClockOptions, HttpOptions, ServerMetadata } from "../types.js";
import type { ClientInformation } from "../wire/documents.js";
import { parseClientInformation } from "../wire/documents.js";
import { callEndpoint } from "./call-endpoint.js";
import type { OAuthAnswer } from "./normalize-response.js";
import { answerDetails, describeAnswer, transientError } from "./map-error.js";

/** Registers, RFC 7591 §3. */
export async function requestRegistration(
  server: ServerMetadata,
  metadata: ClientMetadata,
  options: HttpOptions & ClockOptions,
  token: string | undefined,
): Promise<ClientInformation> {
  const headers = {
    accept: "application/json",
    "content-type": "application/json",
    ...(token && { authorization: `Bearer ${token}` }),
  };
  const request = { headers, body: JSON.stringify(metadata) };
  return readRegistration(server, await callEndpoint(server, "registration_endpoint", options, [token], request));
}

/** RFC 7591 §3.2. Status 200 is as good as 201. */
export function readRegistration(server: ServerMetadata, answer: OAuthAnswer): ClientInformation {
  const { issuer } = server;
  const { status, document, error } = answer;
  if (status < 400) {
    if (!document) throw transientError(answer);
    if (error === undefined) {
      const parsed = parseClientInformation(document);
      if (parsed.value) return parsed.value;
      throw unusableClient(issuer, parsed.problem);
    }
  }
  const closed = status === 401 || status === 403;
  // There the endpoint was only assumed.
  const absent = server.source === "origin_defaults" && !document && !closed;
  throw new RegistrationError(
    absent ? "registration_unsupported" : "registration_rejected",
    `${quoteRemote(issuer)} does not register this client${closed ? ": its registration is closed" : ""} (${describeAnswer(answer)}); ` +
      (server.allowances?.registrationHint ??
        "check clientMetadata, or use a pre-registered client id from its operator"),
    { issuer, ...answerDetails(answer) },
  );
}

/** The registration succeeded, and yet nobody can log in with it. */
export const unusableClient = (issuer: string, problem: string): RegistrationError =>
  new RegistrationError(
    "registration_rejected",
    `${quoteRemote(issuer)} registered a client that cannot be used: ${problem}`,
    { issuer },
  );
