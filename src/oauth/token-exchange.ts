import { quoteRemote, TokenError } from "../errors.js";
import { postForm, type ClientRequestContext } from "./call-endpoint.js";
import { answerDetails, describeAnswer, transientError } from "./map-error.js";
import { nonEmpty } from "./normalize-response.js";

const TOKEN_TYPE = "urn:ietf:params:oauth:token-type:";
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag";

/** What an identity provider takes as proof of the user's sign-in. @public */
export type SubjectTokenType = "id_token" | "saml2" | "refresh_token";

/**
 * Exchanges a user's token at the identity provider for an assertion to another issuer (RFC 8693 §2, Identity Assertion
 * Authorization Grant §4.3).
 */
export async function requestIdJag(
  context: ClientRequestContext,
  subject: { readonly token: string; readonly type: SubjectTokenType },
  wanted: { readonly audience: string; readonly resource: string; readonly scope: string | undefined },
): Promise<string> {
  const answer = await postForm(context, "idp_token_endpoint", {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    requested_token_type: ID_JAG,
    ...wanted,
    subject_token: subject.token,
    subject_token_type: TOKEN_TYPE + subject.type,
  });
  const { document, error, status } = answer;
  if (!document) throw transientError(answer);
  const party = `the identity provider ${quoteRemote(context.server.issuer)}`;
  if (error !== undefined || status !== 200) {
    const said = `${party} did not exchange the user's token (${describeAnswer(answer)})`;
    throw new TokenError("token_request_rejected", said, answerDetails(answer));
  }
  const assertion = nonEmpty(document["access_token"]);
  // anything else, such as an access token, was not made to be shown to another issuer
  if (document["issued_token_type"] !== ID_JAG || assertion === undefined) {
    const type = quoteRemote(nonEmpty(document["issued_token_type"]) ?? "none");
    throw new TokenError(
      "token_response_invalid",
      `${party} answered with a token of the type ${type} where an ID-JAG was asked for; its operator has to enable that`,
      { status },
    );
  }
  return assertion;
}
