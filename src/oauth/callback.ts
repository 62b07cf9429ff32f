import { AuthorizationError, quoteRemote, TransportError } from "../errors.js";
import type { PendingAuthorization } from "../types.js";
import { answerDetails, describeAnswer } from "./map-error.js";
import { isTransient, nonEmpty } from "./normalize-response.js";

/**
 * Checks an authorization response against the login it answers, and only then reads what it says. The validator of
 * oauth4webapi is not used: it takes an empty `iss` for none, and tells its refusals apart by their messages alone.
 *
 * @returns the code
 */
export function validateCallback(
  { state, server, expiresAt }: PendingAuthorization,
  params: URLSearchParams,
  now: number,
): string {
  const { issuer, source, authorizationServer } = server;
  if (params.get("state") !== state) {
    throw new AuthorizationError("state_unknown", 'the callback\'s "state" belongs to no login that is under way');
  }
  // Written so that a record without a valid time counts as expired.
  if (!(now < expiresAt)) {
    throw new AuthorizationError(
      "state_expired",
      "the callback came after its login had expired; start the login again",
    );
  }
  const iss = params.get("iss");
  const isWrong =
    iss === null ? authorizationServer.authorization_response_iss_parameter_supported === true : iss !== issuer;
  // Without metadata there is no issuer to compare with.
  if (isWrong && source !== "origin_defaults") {
    throw new AuthorizationError(
      "callback_issuer_mismatch",
      `"iss" of the callback is ${iss === null ? "missing" : "another issuer"}, expected ${quoteRemote(issuer)}; start the login again`,
    );
  }
  const answer = { error: nonEmpty(params.get("error")), description: nonEmpty(params.get("error_description")) };
  if (answer.error !== undefined) {
    const party = quoteRemote(issuer);
    const said = describeAnswer(answer);
    throw isTransient(answer)
      ? new TransportError("server_error", `${party} could not complete the login (${said}); try again later`, {
          url: issuer,
        })
      : new AuthorizationError("authorization_denied", `${party} refused the login (${said})`, answerDetails(answer));
  }
  const code = nonEmpty(params.get("code"));
  if (code === undefined) {
    throw new AuthorizationError(
      "callback_invalid",
      'the callback has neither "code" nor "error"; start the login again',
    );
  }
  return code;
}
