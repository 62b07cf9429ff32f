import { basic, logIn, paramsOf, post } from "./rfc-target.ts";
import type { Params, RfcCase } from "./rfc-target.ts";

type Row = readonly [name: string, rfc: string, outcome: string, send: RfcCase["send"]];

const revoke =
  (
    changes: Params,
    kind: "access_token" | "refresh_token" = "refresh_token",
    headers?: Record<string, string>,
  ): RfcCase["send"] =>
  async (target) => {
    const { [kind]: token } = await logIn(target);
    return post(target, "revocation", paramsOf({ client_id: "public", token }, changes), headers);
  };

const REVOCATION: readonly Row[] = [
  ["a refresh token", "RFC 7009 §2.1", "200", revoke({})],
  ["an access token", "RFC 7009 §2.1", "200", revoke({}, "access_token")],
  ["a hint that is wrong", "RFC 7009 §2.1", "200", revoke({ token_type_hint: "access_token" })],
  ["an unknown hint", "RFC 7009 §2.2.1", "200", revoke({ token_type_hint: "magic" })],
  ["an unknown token", "RFC 7009 §2.2", "200", revoke({ token: "magic" })],
  ["no token", "RFC 7009 §2.1", "400 invalid_request", revoke({ token: undefined })],
  ["an empty token", "RFC 6749 §3.2", "400 invalid_request", revoke({ token: "" })],
  ["a repeated token", "RFC 6749 §3.2", "400 invalid_request", revoke({ token: ["a", "b"] })],
  ["another client's token", "RFC 7009 §2.1", "400 invalid_request", revoke({ client_id: "other" })],
  ["no client", "RFC 7009 §2.1", "401 invalid_client", revoke({ client_id: undefined })],
  ["an unknown client", "RFC 7009 §2.1", "401 invalid_client", revoke({ client_id: "nobody" })],
  [
    "a wrong secret",
    "RFC 7009 §2.1",
    "401 invalid_client",
    revoke({ client_id: undefined }, "refresh_token", basic("basic", "x")),
  ],
  ["GET", "RFC 7009 §2", "405 invalid_request", (target) => target.fetch(target.endpoints.revocation)],
  [
    "a JSON body",
    "RFC 7009 §2.1",
    "400 invalid_request",
    (target) =>
      target.fetch(target.endpoints.revocation, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"token":"magic"}',
      }),
  ],
];

const introspect =
  (changes: Params, authorization?: string): RfcCase["send"] =>
  async (target) => {
    const { access_token: token } = await logIn(target);
    const headers = { authorization: authorization ?? target.introspectionAuthorization };
    return post(target, "introspection", paramsOf({ token }, changes), authorization === "" ? {} : headers);
  };

const INTROSPECTION: readonly Row[] = [
  ["a token", "RFC 7662 §2.2", "200", introspect({})],
  ["an unknown token", "RFC 7662 §2.2", "200", introspect({ token: "magic" })],
  ["an unknown hint", "RFC 7662 §2.1", "200", introspect({ token_type_hint: "magic" })],
  ["no token", "RFC 7662 §2.1", "400 invalid_request", introspect({ token: undefined })],
  ["a repeated token", "RFC 6749 §3.2", "400 invalid_request", introspect({ token: ["a", "b"] })],
  ["nobody who asks", "RFC 7662 §2.3", "401 invalid_token", introspect({}, "")],
  ["somebody else who asks", "RFC 7662 §2.3", "401 invalid_token", introspect({}, "Bearer magic")],
  ["GET", "RFC 7662 §2.1", "405 invalid_request", (target) => target.fetch(target.endpoints.introspection)],
];

export const REVOCATION_CASES: readonly RfcCase[] = REVOCATION.map(([name, rfc, outcome, send]) => ({
  name: `revocation: ${name}`,
  rfc,
  outcome,
  send,
}));
export const INTROSPECTION_CASES: readonly RfcCase[] = INTROSPECTION.map(([name, rfc, outcome, send]) => ({
  name: `introspection: ${name}`,
  rfc,
  outcome,
  send,
}));
