import { REDIRECT_URI } from "./rfc-target.ts";
import type { RfcCase, RfcTarget } from "./rfc-target.ts";

const JSON_TYPE = { "content-type": "application/json" };

const send = (target: RfcTarget, body: string, headers: Record<string, string> = JSON_TYPE): Promise<Response> =>
  target.fetch(target.endpoints.registration, { method: "POST", headers, body });

const register =
  (changes: Record<string, unknown>): RfcCase["send"] =>
  (target) =>
    send(
      target,
      JSON.stringify({
        redirect_uris: [REDIRECT_URI],
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        ...changes,
      }),
    );

type Row = readonly [name: string, rfc: string, outcome: string, send: RfcCase["send"]];

const BODIES: readonly Row[] = [
  ["all that it needs", "RFC 7591 §3.2.1", "201", register({ client_name: "x" })],
  ["no client_name", "RFC 7591 §2", "201", register({})],
  ["a member that nobody knows", "RFC 7591 §2", "201", register({ magic: { more: [1] } })],
  ["GET", "RFC 7591 §3.1", "405 invalid_request", (target) => target.fetch(target.endpoints.registration)],
  ["a broken body", "RFC 7591 §3.1", "400 invalid_client_metadata", (target) => send(target, "{")],
  ["an empty body", "RFC 7591 §3.1", "400 invalid_client_metadata", (target) => send(target, "")],
  ["a list", "RFC 7591 §3.1", "400 invalid_client_metadata", (target) => send(target, "[]")],
  ["null", "RFC 7591 §3.1", "400 invalid_client_metadata", (target) => send(target, "null")],
  [
    "a form",
    "RFC 7591 §3.1",
    "400 invalid_client_metadata",
    (target) => send(target, "client_name=x", { "content-type": "application/x-www-form-urlencoded" }),
  ],
];

const METADATA: readonly (readonly [string, string, string, Record<string, unknown>])[] = [
  ["grant_types that are no list", "RFC 7591 §2", "client_metadata", { grant_types: "authorization_code" }],
  ["grant_types of other things", "RFC 7591 §2", "client_metadata", { grant_types: [1] }],
  ["an unknown grant type", "RFC 7591 §2", "client_metadata", { grant_types: ["authorization_code", "magic"] }],
  ["the grant type password", "RFC 9700 §2.4", "client_metadata", { grant_types: ["authorization_code", "password"] }],
  ["response_types that are no list", "RFC 7591 §2", "client_metadata", { response_types: "code" }],
  ["an unknown response type", "RFC 7591 §2", "client_metadata", { response_types: ["magic"] }],
  [
    "a response type without its grant",
    "RFC 7591 §2.1",
    "client_metadata",
    { grant_types: ["client_credentials"], response_types: ["code"], token_endpoint_auth_method: "client_secret_post" },
  ],
  ["a grant type without its response", "RFC 7591 §2.1", "client_metadata", { response_types: [] }],
  ["a method that is no string", "RFC 7591 §2", "client_metadata", { token_endpoint_auth_method: 1 }],
  ["an unknown method", "RFC 7591 §2", "client_metadata", { token_endpoint_auth_method: "magic" }],
  [
    "a machine that is public",
    "RFC 6749 §4.4",
    "client_metadata",
    { grant_types: ["client_credentials"], response_types: [], redirect_uris: [] },
  ],
  [
    "a key for signing that is absent",
    "RFC 7591 §2",
    "client_metadata",
    { token_endpoint_auth_method: "private_key_jwt" },
  ],
  ["jwks and jwks_uri", "RFC 7591 §2", "client_metadata", { jwks: { keys: [] }, jwks_uri: "https://app.example/keys" }],
  ["jwks that are no key set", "RFC 7591 §2", "client_metadata", { jwks: [] }],
  ["a scope that is no string", "RFC 7591 §2", "client_metadata", { scope: ["mcp:read"] }],
  ["a client_name that is no string", "RFC 7591 §2", "client_metadata", { client_name: 1 }],
  ["a client_uri that is no URL", "RFC 7591 §2", "client_metadata", { client_uri: "home" }],
  ["a logo_uri that is a script", "RFC 7591 §5", "client_metadata", { logo_uri: "javascript:alert(1)" }],
  ["contacts that are no list", "RFC 7591 §2", "client_metadata", { contacts: "me@app.example" }],
  ["an unknown application_type", "OpenID Connect Registration §2", "client_metadata", { application_type: "magic" }],
  ["redirect_uris that are no list", "RFC 7591 §2", "client_metadata", { redirect_uris: REDIRECT_URI }],
  ["redirect_uris of other things", "RFC 7591 §2", "client_metadata", { redirect_uris: [1] }],
  ["no redirect_uris", "RFC 7591 §2", "redirect_uri", { redirect_uris: undefined }],
  ["empty redirect_uris", "RFC 7591 §2", "redirect_uri", { redirect_uris: [] }],
  ["a relative redirect URI", "RFC 6749 §3.1.2", "redirect_uri", { redirect_uris: ["/callback"] }],
  [
    "a redirect URI with a fragment",
    "RFC 6749 §3.1.2",
    "redirect_uri",
    { redirect_uris: ["https://app.example/cb#x"] },
  ],
  ["http beyond loopback", "RFC 8252 §8.3", "redirect_uri", { redirect_uris: ["http://app.example/cb"] }],
  ["a script as redirect URI", "RFC 7591 §5", "redirect_uri", { redirect_uris: ["javascript:alert(1)"] }],
  ["data as redirect URI", "RFC 7591 §5", "redirect_uri", { redirect_uris: ["data:text/html,x"] }],
  ["a scheme without a dot", "RFC 8252 §7.1", "redirect_uri", { redirect_uris: ["app:/callback"] }],
  [
    "a native client with https on localhost",
    "OpenID Connect Registration §2",
    "redirect_uri",
    { redirect_uris: ["https://localhost/cb"] },
  ],
  ["a web client with http", "OpenID Connect Registration §2", "redirect_uri", { application_type: "web" }],
  [
    "a web client on localhost",
    "OpenID Connect Registration §2",
    "redirect_uri",
    { application_type: "web", redirect_uris: ["https://localhost/cb"] },
  ],
  [
    "a web client with a scheme of its own",
    "OpenID Connect Registration §2",
    "redirect_uri",
    { application_type: "web", redirect_uris: ["com.example.app:/cb"] },
  ],
];

/** The target enforces the rules of `application_type`. */
export const REGISTRATION_CASES: readonly RfcCase[] = [
  ...BODIES.map(([name, rfc, outcome, send]) => ({ name: `registration: ${name}`, rfc, outcome, send })),
  ...METADATA.map(([name, rfc, error, changes]) => ({
    name: `registration: ${name}`,
    rfc,
    outcome: `400 invalid_${error}`,
    send: register(changes),
  })),
];

interface Registered {
  readonly client_id: string;
  readonly registration_access_token: string;
  readonly registration_client_uri: string;
}

/** A new client that asks about itself, with another token or URL. */
const manage =
  (
    method: string,
    changes: (client: Registered) => Partial<Registered> & { readonly body?: Record<string, unknown> } = () => ({}),
  ): RfcCase["send"] =>
  async (target) => {
    const client = (await (await register({})(target)).json()) as Registered;
    const { registration_client_uri: url, registration_access_token: token, body } = { ...client, ...changes(client) };
    return target.fetch(url, {
      method,
      headers: { ...JSON_TYPE, ...(token !== "" && { authorization: `Bearer ${token}` }) },
      ...(method === "PUT" && {
        body: JSON.stringify({
          client_id: client.client_id,
          redirect_uris: [REDIRECT_URI],
          application_type: "native",
          token_endpoint_auth_method: "none",
          ...body,
        }),
      }),
    });
  };

const MANAGEMENT: readonly Row[] = [
  ["reading", "RFC 7592 §2.1", "200", manage("GET")],
  ["replacing", "RFC 7592 §2.2", "200", manage("PUT")],
  ["deleting", "RFC 7592 §2.3", "204", manage("DELETE")],
  ["POST", "RFC 7592 §2", "405 invalid_request", manage("POST")],
  [
    "reading without token",
    "RFC 7592 §2.1",
    "401 invalid_token",
    manage("GET", () => ({ registration_access_token: "" })),
  ],
  [
    "reading with another token",
    "RFC 7592 §2.1",
    "401 invalid_token",
    manage("GET", () => ({ registration_access_token: "magic" })),
  ],
  [
    "deleting with another token",
    "RFC 7592 §2.3",
    "401 invalid_token",
    manage("DELETE", () => ({ registration_access_token: "magic" })),
  ],
  [
    "reading a client that is not there",
    "RFC 7592 §2.1",
    "401 invalid_token",
    manage("GET", ({ client_id: id, registration_client_uri: uri }) => ({
      registration_client_uri: uri.replace(id, "nobody"),
    })),
  ],
  [
    "replacing without client_id",
    "RFC 7592 §2.2",
    "400 invalid_client_metadata",
    manage("PUT", () => ({ body: { client_id: undefined } })),
  ],
  [
    "replacing with another client_id",
    "RFC 7592 §2.2",
    "400 invalid_client_metadata",
    manage("PUT", () => ({ body: { client_id: "other" } })),
  ],
  [
    "replacing with a secret that is not its own",
    "RFC 7592 §2.2",
    "400 invalid_client_metadata",
    manage("PUT", () => ({ body: { client_secret: "magic" } })),
  ],
  [
    "replacing with a token",
    "RFC 7592 §2.2",
    "400 invalid_client_metadata",
    manage("PUT", () => ({ body: { registration_access_token: "x" } })),
  ],
  [
    "replacing with a management URL",
    "RFC 7592 §2.2",
    "400 invalid_client_metadata",
    manage("PUT", () => ({ body: { registration_client_uri: "https://x.example" } })),
  ],
  [
    "replacing with a date of issue",
    "RFC 7592 §2.2",
    "400 invalid_client_metadata",
    manage("PUT", () => ({ body: { client_id_issued_at: 1 } })),
  ],
  [
    "replacing with an expiry",
    "RFC 7592 §2.2",
    "400 invalid_client_metadata",
    manage("PUT", () => ({ body: { client_secret_expires_at: 1 } })),
  ],
  [
    "replacing with a bad redirect URI",
    "RFC 7592 §2.2",
    "400 invalid_redirect_uri",
    manage("PUT", () => ({ body: { redirect_uris: ["http://app.example/cb"] } })),
  ],
  [
    "reading what was deleted",
    "RFC 7592 §2.3",
    "401 invalid_token",
    async (target) => {
      let held: Registered | undefined;
      await manage("DELETE", (client) => {
        held = client;
        return {};
      })(target);
      return manage("GET", () => held ?? {})(target);
    },
  ],
];

export const MANAGEMENT_CASES: readonly RfcCase[] = MANAGEMENT.map(([name, rfc, outcome, send]) => ({
  name: `management: ${name}`,
  rfc,
  outcome,
  send,
}));
