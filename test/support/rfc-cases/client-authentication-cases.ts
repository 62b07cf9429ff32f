import { SECRET, assertionFor, basic, paramsOf, post } from "./rfc-target.ts";
import type { Params, RfcCase, RfcTarget } from "./rfc-target.ts";

/** A refresh with an unknown token: `invalid_grant` is what a client hears that was recognised. */
const as =
  (params: Params, headers?: Record<string, string>): RfcCase["send"] =>
  (target) =>
    post(target, "token", paramsOf({ grant_type: "refresh_token", refresh_token: "magic" }, params), headers);

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const signed =
  (
    claims: Record<string, unknown> | ((target: RfcTarget) => Record<string, unknown>),
    params: Params = {},
    header?: Record<string, unknown>,
  ): RfcCase["send"] =>
  async (target) => {
    const changed = typeof claims === "function" ? claims(target) : claims;
    const assertion = { client_assertion: await assertionFor(target, changed, header) };
    const all = { grant_type: "client_credentials", client_assertion_type: ASSERTION_TYPE };
    return post(target, "token", paramsOf(all, assertion, params));
  };
const seconds = (offset: number): number => Math.floor(Date.now() / 1000) + offset;
const unsigned = [{ alg: "none" }, { iss: "signer", sub: "signer" }]
  .map((part) => btoa(JSON.stringify(part)).replaceAll("=", ""))
  .join(".");

type Row = readonly [name: string, rfc: string, outcome: string, send: RfcCase["send"]];

const SECRETS: readonly Row[] = [
  ["a secret by Basic", "RFC 6749 §2.3.1", "400 invalid_grant", as({}, basic("basic"))],
  ["a secret in the body", "RFC 6749 §2.3.1", "400 invalid_grant", as({ client_id: "post", client_secret: SECRET })],
  ["a public client", "RFC 6749 §3.2.1", "400 invalid_grant", as({ client_id: "public" })],
  ["nobody", "RFC 6749 §5.2", "401 invalid_client", as({})],
  ["an empty client_id", "RFC 6749 §3.2", "401 invalid_client", as({ client_id: "" })],
  ["an unknown client", "RFC 6749 §5.2", "401 invalid_client", as({ client_id: "nobody" })],
  ["an unknown client by Basic", "RFC 6749 §5.2", "401 invalid_client", as({}, basic("nobody"))],
  ["a repeated client_id", "RFC 6749 §3.2", "400 invalid_request", as({ client_id: ["public", "other"] })],
  [
    "a repeated client_secret",
    "RFC 6749 §3.2",
    "400 invalid_request",
    as({ client_id: "post", client_secret: ["a", "b"] }),
  ],
  ["a wrong secret by Basic", "RFC 6749 §5.2", "401 invalid_client", as({}, basic("basic", "magic"))],
  ["an empty secret by Basic", "RFC 6749 §5.2", "401 invalid_client", as({}, basic("basic", ""))],
  [
    "a wrong secret in the body",
    "RFC 6749 §5.2",
    "401 invalid_client",
    as({ client_id: "post", client_secret: "magic" }),
  ],
  [
    "a secret that begins alike",
    "RFC 6749 §5.2",
    "401 invalid_client",
    as({ client_id: "post", client_secret: `${SECRET}x` }),
  ],
  ["no secret where there is one", "RFC 6749 §3.2.1", "401 invalid_client", as({ client_id: "post" })],
  [
    "a secret where there is none",
    "RFC 6749 §5.2",
    "401 invalid_client",
    as({ client_id: "public", client_secret: "x" }),
  ],
  ["Basic where there is no secret", "RFC 6749 §5.2", "401 invalid_client", as({}, basic("public", "x"))],
  [
    "the body where Basic is registered",
    "RFC 7591 §2",
    "401 invalid_client",
    as({ client_id: "basic", client_secret: SECRET }),
  ],
  ["Basic where the body is registered", "RFC 7591 §2", "401 invalid_client", as({}, basic("post"))],
  [
    "Basic and the body",
    "RFC 6749 §2.3",
    "400 invalid_request",
    as({ client_id: "basic", client_secret: SECRET }, basic("basic")),
  ],
  ["Basic and another client_id", "RFC 6749 §2.3", "400 invalid_request", as({ client_id: "public" }, basic("basic"))],
  ["Basic and the same client_id", "RFC 6749 §2.3", "400 invalid_grant", as({ client_id: "basic" }, basic("basic"))],
  ["Basic without a colon", "RFC 7617 §2", "401 invalid_client", as({}, { authorization: `Basic ${btoa("basic")}` })],
  ["Basic that is no base64", "RFC 7617 §2", "401 invalid_client", as({}, { authorization: "Basic !!" })],
  [
    "Basic that is not form-encoded",
    "RFC 6749 §2.3.1",
    "401 invalid_client",
    as({}, { authorization: `Basic ${btoa("basic:%zz")}` }),
  ],
  ["Basic without anything", "RFC 7617 §2", "401 invalid_client", as({}, { authorization: "Basic" })],
  ["another scheme", "RFC 6749 §5.2", "401 invalid_client", as({}, { authorization: "Bearer magic" })],
];

const ASSERTIONS: readonly Row[] = [
  ["a good one", "RFC 7523 §2.2", "200", signed({})],
  ["and the same client_id", "RFC 7521 §4.2", "200", signed({}, { client_id: "signer" })],
  ["and another client_id", "RFC 7521 §4.2", "400 invalid_request", signed({}, { client_id: "public" })],
  ["without its type", "RFC 7521 §4.2", "400 invalid_request", signed({}, { client_assertion_type: undefined })],
  ["of another type", "RFC 7521 §4.2", "400 invalid_request", signed({}, { client_assertion_type: "magic" })],
  [
    "that is absent",
    "RFC 7521 §4.2",
    "400 invalid_request",
    signed({}, { client_id: "signer", client_assertion: undefined }),
  ],
  ["that is repeated", "RFC 6749 §3.2", "400 invalid_request", signed({}, { client_assertion: ["a", "b"] })],
  ["and a secret", "RFC 6749 §2.3", "400 invalid_request", signed({}, { client_id: "signer", client_secret: "x" })],
  ["that is no JWT", "RFC 7523 §3", "401 invalid_client", signed({}, { client_assertion: "magic" })],
  ["that is not signed", "RFC 7523 §3", "401 invalid_client", signed({}, { client_assertion: `${unsigned}.` })],
  ["of another issuer", "RFC 7523 §3", "401 invalid_client", signed({ iss: "public" })],
  ["without issuer", "RFC 7523 §3", "401 invalid_client", signed({ iss: undefined })],
  ["of an unknown client", "RFC 7523 §3", "401 invalid_client", signed({ iss: "nobody", sub: "nobody" })],
  ["of a client that does not sign", "RFC 7591 §2", "401 invalid_client", signed({ iss: "public", sub: "public" })],
  ["without subject", "RFC 7523 §3", "401 invalid_client", signed({ sub: undefined })],
  ["for another server", "RFC 7523 §3", "401 invalid_client", signed({ aud: "https://other.example" })],
  ["without audience", "RFC 7523 §3", "401 invalid_client", signed({ aud: undefined })],
  [
    "for the token endpoint",
    "draft-ietf-oauth-rfc7523bis §4",
    "401 invalid_client",
    signed(({ endpoints }) => ({ aud: endpoints.token })),
  ],
  [
    "for two servers",
    "draft-ietf-oauth-rfc7523bis §4",
    "401 invalid_client",
    signed(({ issuer }) => ({ aud: [issuer, "https://other.example"] })),
  ],
  ["that has expired", "RFC 7523 §3", "401 invalid_client", signed({ exp: seconds(-60) })],
  ["without expiry", "RFC 7523 §3", "401 invalid_client", signed({ exp: undefined })],
  ["that is not good yet", "RFC 7523 §3", "401 invalid_client", signed({ nbf: seconds(600) })],
  ["without id", "OpenID Connect Core §9", "401 invalid_client", signed({ jti: undefined })],
  [
    "with a header that must be understood",
    "RFC 7515 §4.1.11",
    "401 invalid_client",
    signed({}, {}, { crit: ["b64"], b64: true }),
  ],
  [
    "whose signature was changed",
    "RFC 7523 §3",
    "401 invalid_client",
    async (target) => {
      const assertion = await assertionFor(target);
      const forged = assertion.slice(0, -8) + "AAAAAAAA";
      return signed({}, { client_assertion: forged })(target);
    },
  ],
  [
    "a second time",
    "RFC 7523 §3",
    "401 invalid_client",
    async (target) => {
      const again = signed({}, { client_assertion: await assertionFor(target) });
      await again(target);
      return again(target);
    },
  ],
];

export const CLIENT_AUTHENTICATION_CASES: readonly RfcCase[] = [
  ...SECRETS.map(([name, rfc, outcome, send]) => ({ name: `a client: ${name}`, rfc, outcome, send })),
  ...ASSERTIONS.map(([name, rfc, outcome, send]) => ({ name: `an assertion: ${name}`, rfc, outcome, send })),
];
