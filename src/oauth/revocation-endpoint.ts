import { quoteRemote, TokenError } from "../errors.js";
import { postForm, type ClientRequestContext } from "./call-endpoint.js";
import { answerDetails, describeAnswer, transientError } from "./map-error.js";

/** RFC 7009 §2.1. Any 2xx without an error is a success, and so is a token type that the server does not revoke. */
export async function requestRevocation(
  context: ClientRequestContext,
  token: string,
  hint: "refresh_token" | "access_token",
): Promise<void> {
  const answer = await postForm(context, "revocation_endpoint", { token, token_type_hint: hint });
  const { error, status, document } = answer;
  if (error === "unsupported_token_type" || (error === undefined && status < 400)) return;
  if (!document) throw transientError(answer);
  throw new TokenError(
    "token_request_rejected",
    `the revocation endpoint of ${quoteRemote(context.server.issuer)} refused the request (${describeAnswer(answer)})`,
    answerDetails(answer),
  );
}
