import { quoteRemote, TokenError } from "../errors.js";
import { postForm, type ClientRequestContext } from "./call-endpoint.js";
import { answerDetails, describeAnswer, transientError } from "./map-error.js";
import type { OAuthAnswer } from "./normalize-response.js";
import type { TokenGrant } from "./token-document.js";
import { allowedDocument, readTokenDocument } from "./token-document.js";

/** What a grant sends beside `grant_type` and the client's own parameters (RFC 6749 §4.1.3 and §6, RFC 7636 §4.5, RFC 8707 §2). */
export interface GrantParameters {
  readonly authorization_code: {
    readonly code: string;
    readonly redirect_uri: string;
    readonly code_verifier: string;
    readonly resource: string;
  };
  readonly refresh_token: {
    readonly refresh_token: string;
    readonly resource: string;
    readonly scope: string | undefined;
  };
  readonly client_credentials: { readonly resource: string; readonly scope: string | undefined };
  readonly "urn:ietf:params:oauth:grant-type:jwt-bearer": {
    readonly assertion: string;
    readonly resource: string;
    readonly scope: string | undefined;
  };
  readonly "urn:ietf:params:oauth:grant-type:device_code": { readonly device_code: string; readonly resource: string };
}

/** Answers to a refresh that no repetition changes. */
const TERMINAL = /^(invalid_(grant|client|scope|target)|unauthorized_client|unsupported_grant_type)$/;

/** Asks for tokens. */
export async function requestTokens<G extends keyof GrantParameters>(
  context: ClientRequestContext,
  grantType: G,
  parameters: GrantParameters[G],
): Promise<TokenGrant> {
  const { server, options, dpopKeyId } = context;
  const party = quoteRemote(server.issuer);
  const ask = (proof?: string): Promise<OAuthAnswer> =>
    postForm(context, "token_endpoint", { grant_type: grantType, ...parameters }, proof);
  const dpop = dpopKeyId && options.dpop;
  const answer = await (dpop ? dpop.requestTokens(dpopKeyId, server.authorizationServer.token_endpoint, ask) : ask());
  const { error, status, receivedAt, headers } = answer;
  const document = allowedDocument(answer, server.allowances?.tokenResponse);
  if (!document) throw transientError(answer);
  if (error === undefined && status === 200) {
    const type = dpop ? dpop.tokenType : /^bearer$/i;
    return {
      ...readTokenDocument(document, party, receivedAt, headers.get("date"), type),
      ...(dpop && { dpopKeyId }),
    };
  }
  const isUnusable = error === undefined && status < 400;
  const isTerminal = grantType === "refresh_token" && TERMINAL.test(error ?? "");
  throw new TokenError(
    isUnusable ? "token_response_invalid" : isTerminal ? "refresh_rejected" : "token_request_rejected",
    `the token endpoint of ${party} did not grant the request (${describeAnswer(answer)})`,
    answerDetails(answer),
  );
}
