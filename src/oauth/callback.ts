import { validateAuthResponse } from "oauth4webapi";
import { AuthorizationError, quoteRemote, TransportError } from "../errors.js";
import type { PendingAuthorization } from "../types.js";
import { toClient } from "./convert.js";
import { nonEmpty } from "./normalize-response.js";

/**
 * Checks an authorization response against the login it answers, and only then reads what it says.
 *
 * @returns what the code exchange demands: parameters that oauth4webapi's own validator has passed
 */
export function validateCallback(pending: PendingAuthorization, params: URLSearchParams, now: number): URLSearchParams {
  const { state, server, registration, expiresAt } = pending;
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
      `the callback lacks the "iss" of ${quoteRemote(issuer)}, where the login was started; start the login again`,
    );
  }
  const error = nonEmpty(params.get("error"));
  if (error !== undefined) throw deniedError(issuer, error, nonEmpty(params.get("error_description")));
  const code = nonEmpty(params.get("code"));
  if (code === undefined) {
    throw new AuthorizationError(
      "callback_invalid",
      'the callback has neither "code" nor "error"; start the login again',
    );
  }
  return validateAuthResponse({ issuer }, toClient(registration), new URLSearchParams({ code, state }), state);
}

function deniedError(issuer: string, error: string, description: string | undefined): Error {
  const said = `${quoteRemote(error)}${description ? `: ${quoteRemote(description)}` : ""}`;
  if (error === "temporarily_unavailable" || error === "server_error") {
    return new TransportError(
      "server_error",
      `${quoteRemote(issuer)} could not complete the login (${said}); try again later`,
      {
        url: issuer,
      },
    );
  }
  return new AuthorizationError("authorization_denied", `${quoteRemote(issuer)} refused the login (${said})`, {
    oauthError: error,
    oauthErrorDescription: description,
  });
}
