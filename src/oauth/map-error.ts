import { DiscoveryError, quoteRemote, TransportError } from "../errors.js";
import type { ReceivedResponse } from "../wire/http.js";
import { retryAtOf } from "../wire/http.js";
import { withoutQuery } from "../wire/url-policy.js";
import type { OAuthAnswer } from "./normalize-response.js";

/** `status 400, "invalid_grant": "the server's words"`, as much of it as there is. */
export const describeAnswer = ({ status, error, description }: OAuthAnswer): string =>
  `status ${status}${error ? `, ${quoteRemote(error)}` : ""}${description ? `: ${quoteRemote(description)}` : ""}`;

/** Members of an error that repeat what the server said. */
export const answerDetails = ({
  status,
  error,
  description,
}: OAuthAnswer): { status: number; oauthError: string | undefined; oauthErrorDescription: string | undefined } => ({
  status,
  oauthError: error,
  oauthErrorDescription: description,
});

/** The server could not decide. Nothing stored is to be changed. */
export function transientError({ url, headers }: ReceivedResponse, answer: OAuthAnswer, now: number): TransportError {
  const shown = withoutQuery(new URL(url));
  return new TransportError(
    "server_error",
    `${shown} gave no usable answer (${describeAnswer(answer)}); try again later`,
    {
      url: shown,
      status: answer.status,
      retryAt: retryAtOf(headers, now),
    },
  );
}

/** What oauth4webapi says of an endpoint that is missing or no URL, as ours; any other error is passed through. */
export function mapLibraryError(error: unknown): unknown {
  // An abort may reject with any value at all.
  const { code, cause } = Object(error) as { code?: unknown; cause?: { attribute?: unknown } };
  return typeof code === "string" && /^OAUTH_.+_SERVER_METADATA$/.test(code)
    ? new DiscoveryError(
        "metadata_invalid",
        `the authorization server metadata has no valid "${String(cause?.attribute)}"`,
      )
    : error;
}
