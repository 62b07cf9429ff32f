import { REDIRECT_URI, SECRET, VERIFIER, CHALLENGE, basic, codeParams, logIn, paramsOf, post } from "./rfc-target.ts";
import type { Params, RfcCase, RfcTarget } from "./rfc-target.ts";

/** A code that is good, redeemed with other parameters. */
const redeem =
  (changes: Params, headers?: Record<string, string>): RfcCase["send"] =>
  async (target) =>
    post(target, "token", paramsOf(await codeParams(target), changes), headers);

const refresh =
  (changes: Params | ((target: RfcTarget) => Promise<Params>)): RfcCase["send"] =>
  async (target) => {
    const { refresh_token: token } = await logIn(target);
    const changed = typeof changes === "function" ? await changes(target) : changes;
    const params = { grant_type: "refresh_token", client_id: "public", refresh_token: token };
    return post(target, "token", paramsOf(params, changed));
  };

const asMachine =
  (changes: Params): RfcCase["send"] =>
  (target) => {
    const params = { grant_type: "client_credentials", client_id: "machine", client_secret: SECRET };
    return post(target, "token", paramsOf(params, changes));
  };

const raw =
  (init: RequestInit): RfcCase["send"] =>
  (target) =>
    target.fetch(target.endpoints.token, init);

type Row = readonly [name: string, rfc: string, outcome: string, send: RfcCase["send"]];
const casesOf = (prefix: string, rows: readonly Row[]): readonly RfcCase[] =>
  rows.map(([name, rfc, outcome, send]) => ({ name: `${prefix}: ${name}`, rfc, outcome, send }));

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const PUBLIC = "grant_type=authorization_code&client_id=public";

export const TOKEN_CASES: readonly RfcCase[] = casesOf("any grant", [
  ["GET", "RFC 6749 §3.2", "405 invalid_request", raw({ method: "GET" })],
  ["PUT", "RFC 6749 §3.2", "405 invalid_request", raw({ method: "PUT", headers: FORM, body: PUBLIC })],
  [
    "a JSON body",
    "RFC 6749 §4.1.3",
    "400 invalid_request",
    raw({
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"grant_type":"authorization_code"}',
    }),
  ],
  [
    "no content type",
    "RFC 6749 §4.1.3",
    "400 invalid_request",
    raw({ method: "POST", body: new TextEncoder().encode(PUBLIC) }),
  ],
  ["an empty body", "RFC 6749 §5.2", "401 invalid_client", raw({ method: "POST", headers: FORM, body: "" })],
  [
    "parameters in the query",
    "RFC 6749 §3.2",
    "401 invalid_client",
    (target) => target.fetch(`${target.endpoints.token}?${PUBLIC}`, { method: "POST", headers: FORM, body: "" }),
  ],
  ["no grant_type", "RFC 6749 §5.2", "400 invalid_request", redeem({ grant_type: undefined })],
  ["an empty grant_type", "RFC 6749 §3.2", "400 invalid_request", redeem({ grant_type: "" })],
  [
    "a repeated grant_type",
    "RFC 6749 §3.2",
    "400 invalid_request",
    redeem({ grant_type: ["authorization_code", "authorization_code"] }),
  ],
  ["an unknown grant_type", "RFC 6749 §5.2", "400 unsupported_grant_type", redeem({ grant_type: "magic" })],
  ["the grant_type password", "RFC 9700 §2.4", "400 unsupported_grant_type", redeem({ grant_type: "password" })],
  [
    "a grant_type in other case",
    "RFC 6749 §4.1.3",
    "400 unsupported_grant_type",
    redeem({ grant_type: "Authorization_Code" }),
  ],
  ["an unknown parameter", "RFC 6749 §3.2", "200", redeem({ magic: "x" })],
]);

export const CODE_CASES: readonly RfcCase[] = casesOf("a code", [
  ["all that it needs", "RFC 6749 §4.1.3", "200", redeem({})],
  ["no code", "RFC 6749 §5.2", "400 invalid_request", redeem({ code: undefined })],
  ["an empty code", "RFC 6749 §3.2", "400 invalid_request", redeem({ code: "" })],
  ["a repeated code", "RFC 6749 §3.2", "400 invalid_request", redeem({ code: ["a", "b"] })],
  ["an unknown code", "RFC 6749 §5.2", "400 invalid_grant", redeem({ code: "magic" })],
  ["another client's code", "RFC 6749 §4.1.3", "400 invalid_grant", redeem({ client_id: "other" })],
  ["no redirect_uri", "RFC 6749 §4.1.3", "400 invalid_request", redeem({ redirect_uri: undefined })],
  ["another redirect_uri", "RFC 6749 §4.1.3", "400 invalid_grant", redeem({ redirect_uri: "https://app.example/cb" })],
  [
    "another port of the redirect_uri",
    "RFC 6749 §4.1.3",
    "400 invalid_grant",
    redeem({ redirect_uri: REDIRECT_URI.replace("8976", "9") }),
  ],
  [
    "a repeated redirect_uri",
    "RFC 6749 §3.2",
    "400 invalid_request",
    redeem({ redirect_uri: [REDIRECT_URI, REDIRECT_URI] }),
  ],
  ["no code_verifier", "RFC 7636 §4.6", "400 invalid_grant", redeem({ code_verifier: undefined })],
  [
    "another code_verifier",
    "RFC 7636 §4.6",
    "400 invalid_grant",
    redeem({ code_verifier: VERIFIER.replace("a", "b") }),
  ],
  ["the code_challenge as code_verifier", "RFC 7636 §4.6", "400 invalid_grant", redeem({ code_verifier: CHALLENGE })],
  ["a short code_verifier", "RFC 7636 §4.1", "400 invalid_grant", redeem({ code_verifier: "a".repeat(42) })],
  ["a long code_verifier", "RFC 7636 §4.1", "400 invalid_grant", redeem({ code_verifier: "a".repeat(129) })],
  [
    "a code_verifier of other characters",
    "RFC 7636 §4.1",
    "400 invalid_grant",
    redeem({ code_verifier: "é".repeat(43) }),
  ],
  ["a repeated code_verifier", "RFC 6749 §3.2", "400 invalid_request", redeem({ code_verifier: [VERIFIER, VERIFIER] })],
  ["another resource", "RFC 8707 §2.2", "400 invalid_target", redeem({ resource: "https://other.example" })],
  [
    "a second time",
    "RFC 6749 §4.1.2",
    "400 invalid_grant",
    async (target) => {
      const params = paramsOf(await codeParams(target));
      await post(target, "token", params);
      return post(target, "token", params);
    },
  ],
]);

export const REFRESH_CASES: readonly RfcCase[] = casesOf("a refresh", [
  ["all that it needs", "RFC 6749 §6", "200", refresh({})],
  ["no refresh_token", "RFC 6749 §5.2", "400 invalid_request", refresh({ refresh_token: undefined })],
  ["an empty refresh_token", "RFC 6749 §3.2", "400 invalid_request", refresh({ refresh_token: "" })],
  ["a repeated refresh_token", "RFC 6749 §3.2", "400 invalid_request", refresh({ refresh_token: ["a", "b"] })],
  ["an unknown refresh_token", "RFC 6749 §5.2", "400 invalid_grant", refresh({ refresh_token: "magic" })],
  ["another client's refresh_token", "RFC 6749 §6", "400 invalid_grant", refresh({ client_id: "other" })],
  [
    "an access token for a refresh token",
    "RFC 6749 §6",
    "400 invalid_grant",
    refresh(async (target) => ({ refresh_token: (await logIn(target)).access_token })),
  ],
  [
    "a code for a refresh token",
    "RFC 6749 §6",
    "400 invalid_grant",
    refresh(async (target) => ({ refresh_token: (await codeParams(target))["code"] })),
  ],
  ["less scope", "RFC 6749 §6", "200", refresh({ scope: "mcp:read" })],
  ["more scope", "RFC 6749 §6", "400 invalid_scope", refresh({ scope: "mcp:read mcp:write" })],
  ["an unknown scope", "RFC 6749 §6", "400 invalid_scope", refresh({ scope: "magic" })],
  ["another resource", "RFC 8707 §2.2", "400 invalid_target", refresh({ resource: "https://other.example" })],
  ["a client that does not say who it is", "RFC 6749 §6", "401 invalid_client", refresh({ client_id: undefined })],
  [
    "a client that is not registered for it",
    "RFC 6749 §5.2",
    "400 unauthorized_client",
    refresh({ client_id: "machine", client_secret: SECRET }),
  ],
  [
    "a second time",
    "RFC 9700 §4.14.2",
    "400 invalid_grant",
    async (target) => {
      const { refresh_token: token } = await logIn(target);
      const params = paramsOf({ grant_type: "refresh_token", client_id: "public", refresh_token: token });
      await post(target, "token", params);
      return post(target, "token", params);
    },
  ],
  [
    "the successor of one that came twice",
    "RFC 9700 §4.14.2",
    "400 invalid_grant",
    async (target) => {
      const params = { grant_type: "refresh_token", client_id: "public" };
      const { refresh_token: token } = await logIn(target);
      const first = await post(target, "token", paramsOf(params, { refresh_token: token }));
      const { refresh_token: next } = (await first.json()) as { refresh_token: string };
      await post(target, "token", paramsOf(params, { refresh_token: token }));
      return post(target, "token", paramsOf(params, { refresh_token: next }));
    },
  ],
  [
    "one that was revoked",
    "RFC 7009 §2.1",
    "400 invalid_grant",
    async (target) => {
      const { refresh_token: token } = await logIn(target);
      await post(target, "revocation", paramsOf({ client_id: "public", token }));
      return post(
        target,
        "token",
        paramsOf({ grant_type: "refresh_token", client_id: "public", refresh_token: token }),
      );
    },
  ],
]);

export const CLIENT_CREDENTIALS_CASES: readonly RfcCase[] = casesOf("client credentials", [
  ["all that they need", "RFC 6749 §4.4.2", "200", asMachine({ scope: "mcp:read" })],
  ["a wrong secret", "RFC 6749 §4.4.2", "401 invalid_client", asMachine({ client_secret: "magic" })],
  ["an unknown scope", "RFC 6749 §5.2", "400 invalid_scope", asMachine({ scope: "magic" })],
  ["another resource", "RFC 8707 §2.2", "400 invalid_target", asMachine({ resource: "https://other.example" })],
  ["a repeated scope", "RFC 6749 §3.2", "400 invalid_request", asMachine({ scope: ["mcp:read", "mcp:write"] })],
  [
    "a public client",
    "RFC 6749 §4.4",
    "400 unauthorized_client",
    asMachine({ client_id: "public", client_secret: undefined }),
  ],
  [
    "a client that is not registered for them",
    "RFC 6749 §5.2",
    "400 unauthorized_client",
    (target) => post(target, "token", paramsOf({ grant_type: "client_credentials" }), basic("basic")),
  ],
]);
