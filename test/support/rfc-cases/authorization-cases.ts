import { REDIRECT_URI, authorizationUrl } from "./rfc-target.ts";
import type { Params, RfcCase, RfcTarget } from "./rfc-target.ts";

const authorize =
  (changes: Params | ((target: RfcTarget) => Params)): RfcCase["send"] =>
  (target) =>
    target.fetch(authorizationUrl(target, typeof changes === "function" ? changes(target) : changes));

/** What is answered where the user is, because the redirect URI cannot be trusted (RFC 6749 §4.1.2.1). */
const SHOWN: readonly (readonly [string, string, string, Params])[] = [
  ["no client_id", "RFC 6749 §4.1.1", "400 invalid_request", { client_id: undefined }],
  ["an empty client_id", "RFC 6749 §3.1", "400 invalid_request", { client_id: "" }],
  ["a repeated client_id", "RFC 6749 §3.1", "400 invalid_request", { client_id: ["public", "other"] }],
  ["an unknown client_id", "RFC 6749 §4.1.2.1", "400 invalid_client", { client_id: "nobody" }],
  ["no redirect_uri", "OAuth 2.1 §4.1.1", "400 invalid_request", { redirect_uri: undefined }],
  ["an empty redirect_uri", "RFC 6749 §3.1", "400 invalid_request", { redirect_uri: "" }],
  ["a repeated redirect_uri", "RFC 6749 §3.1", "400 invalid_request", { redirect_uri: [REDIRECT_URI, REDIRECT_URI] }],
  ["another redirect_uri", "RFC 6749 §3.1.2.3", "400 invalid_request", { redirect_uri: "https://app.example/cb" }],
  ["another path", "RFC 9700 §2.1", "400 invalid_request", { redirect_uri: `${REDIRECT_URI}/more` }],
  ["a path in other case", "RFC 9700 §2.1", "400 invalid_request", { redirect_uri: REDIRECT_URI.replace("ca", "Ca") }],
  ["a query in addition", "RFC 9700 §2.1", "400 invalid_request", { redirect_uri: `${REDIRECT_URI}?x=1` }],
  ["a fragment", "RFC 6749 §3.1.2", "400 invalid_request", { redirect_uri: `${REDIRECT_URI}#x` }],
  ["a user in addition", "RFC 9700 §2.1", "400 invalid_request", { redirect_uri: REDIRECT_URI.replace("//", "//me@") }],
  ["https for http", "RFC 9700 §2.1", "400 invalid_request", { redirect_uri: REDIRECT_URI.replace("http", "https") }],
  [
    "localhost for 127.0.0.1",
    "RFC 8252 §7.3",
    "400 invalid_request",
    { redirect_uri: REDIRECT_URI.replace("127.0.0.1", "localhost") },
  ],
  [
    "a host that begins alike",
    "RFC 9700 §2.1",
    "400 invalid_request",
    { redirect_uri: "http://127.0.0.1.evil.example/" },
  ],
  ["a relative redirect_uri", "RFC 6749 §3.1.2", "400 invalid_request", { redirect_uri: "/callback" }],
  ["a script", "RFC 6749 §3.1.2", "400 invalid_request", { redirect_uri: "javascript:alert(1)" }],
];

/** What is answered at the redirect URI (RFC 6749 §4.1.2.1). */
const SENT_BACK: readonly (readonly [string, string, string, Params | ((target: RfcTarget) => Params)])[] = [
  ["no response_type", "RFC 6749 §4.1.2.1", "invalid_request", { response_type: undefined }],
  ["an empty response_type", "RFC 6749 §3.1", "invalid_request", { response_type: "" }],
  ["a repeated response_type", "RFC 6749 §3.1", "invalid_request", { response_type: ["code", "code"] }],
  ["the response_type token", "RFC 9700 §2.1.2", "unsupported_response_type", { response_type: "token" }],
  ["the response_type code token", "RFC 9700 §2.1.2", "unsupported_response_type", { response_type: "code token" }],
  ["an unknown response_type", "RFC 6749 §3.1.1", "unsupported_response_type", { response_type: "magic" }],
  ["an unknown response_mode", "OAuth Multiple Response Types §2.1", "invalid_request", { response_mode: "magic" }],
  ["a repeated state", "RFC 6749 §3.1", "invalid_request", { state: ["a", "b"] }],
  ["a repeated scope", "RFC 6749 §3.1", "invalid_request", { scope: ["mcp:read", "mcp:write"] }],
  [
    "a repeated code_challenge",
    "RFC 6749 §3.1",
    "invalid_request",
    { code_challenge: ["a".repeat(43), "b".repeat(43)] },
  ],
  [
    "no code_challenge",
    "RFC 7636 §4.4.1",
    "invalid_request",
    { code_challenge: undefined, code_challenge_method: undefined },
  ],
  ["a method without code_challenge", "RFC 7636 §4.3", "invalid_request", { code_challenge: undefined }],
  ["an empty code_challenge", "RFC 7636 §4.4.1", "invalid_request", { code_challenge: "" }],
  ["the method plain", "RFC 9700 §2.1.1", "invalid_request", { code_challenge_method: "plain" }],
  ["no method, which is plain", "RFC 7636 §4.3", "invalid_request", { code_challenge_method: undefined }],
  ["an unknown method", "RFC 7636 §4.4.1", "invalid_request", { code_challenge_method: "S512" }],
  ["a method in lower case", "RFC 7636 §4.4.1", "invalid_request", { code_challenge_method: "s256" }],
  ["a short code_challenge", "RFC 7636 §4.2", "invalid_request", { code_challenge: "a".repeat(42) }],
  ["a long code_challenge", "RFC 7636 §4.2", "invalid_request", { code_challenge: "a".repeat(129) }],
  ["a code_challenge that is no base64url", "RFC 7636 §4.2", "invalid_request", { code_challenge: "+".repeat(43) }],
  ["an unknown scope", "RFC 6749 §3.3", "invalid_scope", { scope: "magic" }],
  ["a malformed scope", "RFC 6749 §3.3", "invalid_scope", { scope: '"quoted"' }],
  ["another resource", "RFC 8707 §2", "invalid_target", { resource: "https://other.example" }],
  ["a relative resource", "RFC 8707 §2", "invalid_target", { resource: "/mcp" }],
  ["a resource with a fragment", "RFC 8707 §2", "invalid_target", ({ resource }) => ({ resource: `${resource}#x` })],
  [
    "one resource too many",
    "RFC 8707 §2",
    "invalid_target",
    ({ resource }) => ({ resource: [resource, "https://other.example"] }),
  ],
];

export const AUTHORIZATION_CASES: readonly RfcCase[] = [
  ...SHOWN.map(([name, rfc, outcome, changes]) => ({ name, rfc, outcome, send: authorize(changes) })),
  ...SENT_BACK.map(([name, rfc, error, changes]) => ({
    name,
    rfc,
    outcome: `callback ${error}`,
    send: authorize(changes),
  })),
  { name: "all that it needs", rfc: "RFC 6749 §4.1.1", outcome: "accepted", send: authorize({}) },
  {
    name: "another port of loopback",
    rfc: "RFC 8252 §7.3",
    outcome: "accepted",
    send: authorize({ redirect_uri: REDIRECT_URI.replace("8976", "9") }),
  },
  { name: "an unknown parameter", rfc: "RFC 6749 §3.1", outcome: "accepted", send: authorize({ magic: "x" }) },
  { name: "no state", rfc: "RFC 6749 §4.1.1", outcome: "accepted", send: authorize({ state: undefined }) },
  { name: "no scope", rfc: "RFC 6749 §3.3", outcome: "accepted", send: authorize({ scope: undefined }) },
  {
    name: "a client that is not registered for codes",
    rfc: "RFC 6749 §4.1.2.1",
    outcome: "400 invalid_request",
    send: authorize({ client_id: "machine" }),
  },
];
