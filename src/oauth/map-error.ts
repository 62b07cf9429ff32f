import { quoteRemote, TransportError } from "../errors.js";
import { withoutQuery } from "../wire/url-policy.js";
import { retryAtOf } from "../wire/http.js";
import type { OAuthAnswer } from "./normalize-response.js";

/** `status 400: "invalid_grant": "the server's words"`, as much of it as there is. */
export const describeAnswer = ({ status, error, description }: Partial<OAuthAnswer>): string =>
  [status && `status ${status}`, error && quoteRemote(error), description && quoteRemote(description)]
    .filter(Boolean)
    .join(": ");

/** Members of an error that repeat what the server said. */
export const answerDetails = ({
  status,
  error,
  description,
}: Partial<OAuthAnswer>): {
  status: number | undefined;
  oauthError: string | undefined;
  oauthErrorDescription: string | undefined;
} => ({
  status,
  oauthError: error,
  oauthErrorDescription: description,
});

type Transient = Pick<OAuthAnswer, "url" | "status" | "headers" | "receivedAt"> & Partial<OAuthAnswer>;

/** The server could not decide. Nothing stored is to be changed. */
export function transientError(answer: Transient): TransportError {
  const url = withoutQuery(answer.url);
  return new TransportError(
    "server_error",
    `${url} gave no usable answer (${describeAnswer(answer)}); try again later`,
    {
      url,
      status: answer.status,
      retryAt: retryAtOf(answer.headers, answer.receivedAt),
    },
  );
}
