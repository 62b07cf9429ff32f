import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import { jsonOf, outcomeOf, postForm, register } from "./plain-client.js";
import { createSigner } from "./signed-assertion.js";
import type { Signer } from "./signed-assertion.js";

const NOW_MS = 1_800_000_000_000;
const NOW = NOW_MS / 1000;
const TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

function serverFor({ keys }: Signer): FakeAuthServer {
  return createFakeAuthServer({
    now: () => NOW_MS,
    clientCredentials: true,
    tokenEndpointAuthMethods: ["private_key_jwt", "client_secret_post", "none"],
    clients: [{ client_id: "machine", jwks: { keys } }, { client_id: "public" }],
  });
}

const GOOD = { iss: "machine", sub: "machine", aud: "https://auth.example.com", iat: NOW, exp: NOW + 60 };
let count = 0;
const claims = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...GOOD,
  jti: `id ${(count += 1)}`,
  ...changes,
});

const ask = (
  server: FakeAuthServer,
  assertion: string,
  changes: Record<string, string | undefined> = {},
  headers: Record<string, string> = {},
): Promise<Response> =>
  postForm(
    server,
    "/token",
    { grant_type: "client_credentials", client_assertion: assertion, client_assertion_type: TYPE, ...changes },
    headers,
  );

test.each(["ES256", "ES384", "RS256", "PS256", "Ed25519"])(
  "knows a client by its signature with %s (RFC 7523 §2.2)",
  async (alg) => {
    const signer = await createSigner(alg);
    const server = serverFor(signer);
    const header = alg === "Ed25519" ? { alg: "EdDSA" } : {};
    expect((await ask(server, await signer.sign(claims(), header))).status).toBe(200);
  },
);

test.each<[string, Record<string, unknown>]>([
  ["another issuer", { iss: "other" }],
  ["no issuer", { iss: undefined }],
  ["an unknown subject", { sub: "other", iss: "other" }],
  ["no subject", { sub: undefined }],
  ["the token endpoint as audience", { aud: "https://auth.example.com/token" }],
  ["the issuer with a slash as audience", { aud: "https://auth.example.com/" }],
  ["two audiences", { aud: ["https://auth.example.com", "https://other.example"] }],
  ["no audience", { aud: undefined }],
  ["no expiry", { exp: undefined }],
  ["an expiry that is past", { exp: NOW }],
  ["an expiry in words", { exp: "tomorrow" }],
  ["a time from which it is good", { nbf: NOW + 31 }],
  ["a birth in the future", { iat: NOW + 31 }],
  ["no id", { jti: undefined }],
  ["an id that is a number", { jti: 1 }],
])("refuses an assertion with %s", async (_, changes) => {
  const signer = await createSigner();
  const response = await ask(serverFor(signer), await signer.sign(claims(changes)));
  expect(response.headers.get("www-authenticate")).toBe('Basic realm="token"');
  expect(await outcomeOf(response)).toEqual([401, "invalid_client"]);
});

test("takes an assertion once, and one that failed not even once less", async () => {
  const signer = await createSigner();
  const server = serverFor(signer);
  const assertion = await signer.sign(claims());
  const forged = `${assertion.slice(0, -4)}AAAA`;
  expect(await outcomeOf(await ask(server, forged))).toEqual([401, "invalid_client"]);
  const [first, second] = await Promise.all([ask(server, assertion), ask(server, assertion)]);
  expect([first.status, second.status].sort()).toEqual([200, 401]);
});

test("takes the audience as a list of one, and clocks that differ by half a minute", async () => {
  const signer = await createSigner();
  const server = serverFor(signer);
  const assertion = await signer.sign(claims({ aud: ["https://auth.example.com"], iat: NOW + 30, nbf: NOW + 30 }));
  expect((await ask(server, assertion)).status).toBe(200);
});

test("refuses what nobody signed, or signed with another key, algorithm or critical header", async () => {
  const [signer, other] = await Promise.all([createSigner("ES256", "k1"), createSigner("ES256", "k1")]);
  const server = serverFor(signer);
  const [header, body, signature] = (await signer.sign(claims())).split(".") as [string, string, string];
  const none = btoa('{"alg":"none"}').replaceAll("=", "");
  for (const assertion of [
    await other.sign(claims()),
    await signer.sign(claims(), { kid: "k2" }),
    `${none}.${body}.`,
    `${none}.${body}.${signature}`,
    `${header}.${btoa("[]")}.${signature}`,
    `${header}.${body}`,
    "not a token",
    "%.%.%",
  ]) {
    expect(await outcomeOf(await ask(server, assertion)), assertion).toEqual([401, "invalid_client"]);
  }
});

test("refuses half an assertion, one of another type, and one beside other credentials", async () => {
  const signer = await createSigner();
  const server = serverFor(signer);
  const assertion = await signer.sign(claims());
  const refused: [Record<string, string | undefined>, Record<string, string>?][] = [
    [{ client_assertion_type: undefined }],
    [{ client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer" }],
    [{ client_assertion: undefined }],
    [{ client_id: "public" }],
    [{ client_secret: "a guess" }],
    [{}, { authorization: `Basic ${btoa("machine:x")}` }],
  ];
  for (const [changes, headers] of refused) {
    expect(await outcomeOf(await ask(server, assertion, changes, headers))).toEqual([400, "invalid_request"]);
  }
  expect((await ask(server, assertion, { client_id: "machine" })).status).toBe(200);
});

test("takes no other method of a client that signs, and no signature of one that does not", async () => {
  const signer = await createSigner();
  const server = serverFor(signer);
  const params = { grant_type: "client_credentials", client_id: "machine" };
  expect(await outcomeOf(await postForm(server, "/token", params))).toEqual([401, "invalid_client"]);
  const secret = { ...params, client_secret: "x" };
  expect(await outcomeOf(await postForm(server, "/token", secret))).toEqual([401, "invalid_client"]);
  const assertion = await signer.sign(claims({ iss: "public", sub: "public" }));
  expect(await outcomeOf(await ask(server, assertion))).toEqual([401, "invalid_client"]);
});

test("gets the keys behind a `jwks_uri` when it needs them, and knows none when they are not there", async () => {
  const signer = await createSigner();
  let keySet: unknown = { keys: signer.keys };
  const server = createFakeAuthServer({
    now: () => NOW_MS,
    clientCredentials: true,
    tokenEndpointAuthMethods: ["private_key_jwt"],
    clients: [{ client_id: "machine", jwks_uri: "https://app.example/keys" }],
    fetch: (url) =>
      Promise.resolve(
        String(url) === "https://app.example/keys" ? Response.json(keySet) : new Response(null, { status: 404 }),
      ),
  });
  expect((await ask(server, await signer.sign(claims()))).status).toBe(200);
  for (keySet of [{ keys: [] }, { keys: "none" }, {}]) {
    expect(await outcomeOf(await ask(server, await signer.sign(claims())))).toEqual([401, "invalid_client"]);
  }
});

test("registers a key, says which algorithms it knows, and shows no assertion", async () => {
  const signer = await createSigner("PS256", "k1");
  const server = serverFor(signer);
  const metadata = await jsonOf(await server.fetch("https://auth.example.com/.well-known/oauth-authorization-server"));
  expect(metadata).toMatchObject({
    token_endpoint_auth_signing_alg_values_supported: ["ES256", "ES384", "RS256", "PS256", "EdDSA"],
    revocation_endpoint_auth_signing_alg_values_supported: ["ES256", "ES384", "RS256", "PS256", "EdDSA"],
  });
  const key = { token_endpoint_auth_method: "private_key_jwt", grant_types: ["client_credentials"] };
  const response = await register(server, { ...key, redirect_uris: undefined, jwks: { keys: signer.keys } });
  const { client_id: id, ...registered } = await jsonOf(response);
  expect(registered).not.toHaveProperty("client_secret");
  const assertion = await signer.sign(claims({ iss: id, sub: id }));
  expect((await ask(server, assertion)).status).toBe(200);
  expect(server.requests.at(-1)?.form.get("client_assertion")).toBe(server.nameOf(assertion));

  for (const wrong of [{}, { jwks: 1 }, { jwks: { keys: [] }, jwks_uri: "https://app.example/keys" }]) {
    expect(await outcomeOf(await register(server, { ...key, ...wrong }))).toEqual([400, "invalid_client_metadata"]);
  }
});
