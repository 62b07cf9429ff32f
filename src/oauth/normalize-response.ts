import type { ReceivedResponse } from "../wire/http.js";
import { parseJsonObject } from "../wire/http.js";
import { formEncode } from "./client-authentication.js";

/** An answer of an OAuth endpoint, read for what it says and not for how it is labelled. */
export interface OAuthAnswer extends ReceivedResponse {
  /** Absent when the body is no JSON object. */
  readonly document: Readonly<Record<string, unknown>> | undefined;
  readonly error: string | undefined;
  readonly description: string | undefined;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** RFC 6749 §3.1: an empty value counts as an absent one. */
export const nonEmpty = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

/**
 * The error is read from the body whatever stands around it: a `WWW-Authenticate` challenge, another content type than
 * `application/json`, or status 200. `secrets` are what the request carried; an answer that echoes them loses them here.
 */
export function readAnswer(
  received: ReceivedResponse,
  secrets: readonly (string | undefined)[],
  receivedAt: number,
): OAuthAnswer {
  const redact = (text: string | undefined): string | undefined =>
    secrets
      .flatMap((secret) => (secret ? [secret, formEncode(secret)] : []))
      .reduce((rest, form) => rest?.replaceAll(findable(form), "[redacted]"), text);
  const document = parseJsonObject(received.body);
  const error = nonEmpty(document?.["access_token"]) ? undefined : nonEmpty(document?.["error"]);
  // A body that explains nothing in OAuth's terms is quoted, but not that of a success, which may hold tokens.
  const unexplained = received.status >= 400 && !error && received.body.trim();
  const description = nonEmpty(document?.["error_description"]) ?? nonEmpty(unexplained);
  return { ...received, document, error: redact(error), description: redact(description), receivedAt };
}

/** A secret of a few letters is one only as a word of its own: the "a" of a test must not spoil "invalid_grant". */
const findable = (secret: string): string | RegExp =>
  /^\w{1,7}$/.test(secret) ? RegExp(`\\b${secret}\\b`, "g") : secret;

/** Overload, rate limits and failures of the server itself: nothing was decided about the client or its tokens. */
export const isTransient = ({ status = 0, error = "" }: Partial<OAuthAnswer>): boolean =>
  status >= 500 || status === 408 || status === 429 || /^(temporarily_unavailable|server_error)$/.test(error);
