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
  // Without metadata there is no issuer to compare with.
  const iss = server.source === "origin_defaults" ? null : params.get("iss");
  if (iss === null) {
    if (
      server.source !== "origin_defaults" &&
      server.authorizationServer.authorization_response_iss_parameter_supported === true
    ) {
      throw new AuthorizationError(
        "callback_issuer_mismatch",
        `the callback has no "iss", which ${quoteRemote(server.issuer)} promises to send; start the login again`,
      );
    }
  } else if (iss !== server.issuer) {
    throw new AuthorizationError(
      "callback_issuer_mismatch",
      `the callback's "iss" is not ${quoteRemote(server.issuer)}, where the login was started; start the login again`,
    );
  }
  const error = nonEmpty(params.get("error"));
  if (error !== undefined) throw deniedError(pending, error, nonEmpty(params.get("error_description")));
  const code = nonEmpty(params.get("code"));
  if (code === undefined) {
    throw new AuthorizationError(
      "callback_invalid",
      'the callback has neither "code" nor "error"; start the login again',
    );
  }
  const accepted = new URLSearchParams({ code, state, ...(iss !== null && { iss }) });
  return validateAuthResponse({ issuer: server.issuer }, toClient(registration), accepted, state);
}

function deniedError({ server }: PendingAuthorization, error: string, description: string | undefined): Error {
  const said = `${quoteRemote(error)}${description ? `: ${quoteRemote(description)}` : ""}`;
  if (error === "temporarily_unavailable" || error === "server_error") {
    const url = server.issuer;
    return new TransportError("server_error", `${url} could not complete the login (${said}); try again later`, {
      url,
    });
  }
  return new AuthorizationError("authorization_denied", `the authorization server refused the login (${said})`, {
    oauthError: error,
    oauthErrorDescription: description,
  });
}
