import type { TokenEndpointRequestOptions } from "oauth4webapi";
import { authorizationCodeGrantRequest, refreshTokenGrantRequest } from "oauth4webapi";
import type { TokenErrorCode } from "../errors.js";
import { quoteRemote, TokenError } from "../errors.js";
import { currentTime } from "../platform.js";
import type { ClientRegistration, ClockOptions, HttpOptions, ServerMetadata } from "../types.js";
import type { ReceivedResponse } from "../wire/http.js";
import { callEndpoint, toAuthorizationServer, toClient, toClientAuth } from "./convert.js";
import { answerDetails, describeAnswer, transientError } from "./map-error.js";
import { isTransient, readAnswer } from "./normalize-response.js";
import type { TokenGrant } from "./token-document.js";
import { readTokenDocument } from "./token-document.js";

/** Whose request it is, and how it is made. */
export interface ClientRequestContext {
  readonly server: ServerMetadata;
  readonly registration: ClientRegistration;
  readonly options: HttpOptions & ClockOptions;
}

/** RFC 6749 §4.1.3 and RFC 7636 §4.5. `params` come from `validateCallback`. */
export const requestCodeGrant = (
  context: ClientRequestContext,
  params: URLSearchParams,
  { redirectUri, codeVerifier, resource }: { redirectUri: string; codeVerifier: string; resource: string },
): Promise<TokenGrant> =>
  requestTokens(
    context,
    [params.get("code"), codeVerifier],
    () => "token_request_rejected",
    (options) =>
      authorizationCodeGrantRequest(...clientArguments(context), params, redirectUri, codeVerifier, {
        ...options,
        additionalParameters: { resource },
      }),
  );

/** Answers to a refresh that no repetition changes. */
const TERMINAL = [
  "invalid_grant",
  "invalid_client",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_scope",
  "invalid_target",
];

/** RFC 6749 §6. */
export const requestRefresh = (
  context: ClientRequestContext,
  refreshToken: string,
  additionalParameters: Record<string, string>,
): Promise<TokenGrant> =>
  requestTokens(
    context,
    [refreshToken],
    (error = "") => (TERMINAL.includes(error) ? "refresh_rejected" : "token_request_rejected"),
    (options) =>
      refreshTokenGrantRequest(...clientArguments(context), refreshToken, { ...options, additionalParameters }),
  );

const clientArguments = ({ server, registration }: ClientRequestContext) =>
  [toAuthorizationServer(server, "token_endpoint"), toClient(registration), toClientAuth(registration)] as const;

function requestTokens(
  { server, registration, options }: ClientRequestContext,
  secrets: readonly (string | null)[],
  refusalCode: (error: string | undefined) => TokenErrorCode,
  send: (options: TokenEndpointRequestOptions) => Promise<Response>,
): Promise<TokenGrant> {
  const party = quoteRemote(server.issuer);
  const judge = (received: ReceivedResponse): TokenGrant => {
    const now = (options.now ?? currentTime)();
    const answer = readAnswer(received, [...secrets, registration.clientSecret]);
    const { document, error, status } = answer;
    if (isTransient(answer) || !document) throw transientError(received, answer, now);
    if (error === undefined && status === 200) return readTokenDocument(document, party, now);
    throw new TokenError(
      error === undefined && status < 400 ? "token_response_invalid" : refusalCode(error),
      `the token endpoint of ${party} did not grant the request (${describeAnswer(answer)})`,
      answerDetails(answer),
    );
  };
  return callEndpoint(server, "token_endpoint", options, judge, send);
}
