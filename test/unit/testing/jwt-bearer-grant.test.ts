import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../../src/testing.js";
import { call, jsonOf, outcomeOf, postForm } from "./plain-client.js";
import { createSigner } from "./signed-assertion.js";
import type { Signer } from "./signed-assertion.js";

const NOW_MS = 1_800_000_000_000;
const NOW = NOW_MS / 1000;
const IDP = "https://idp.example.com";
const CLIENTS = [
  { client_id: "host", client_secret: "the secret", token_endpoint_auth_method: "client_secret_post" },
  { client_id: "other" },
];

const serverFor = ({ keys }: Signer, options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({
    now: () => NOW_MS,
    identityProviders: [{ issuer: IDP, keys }],
    workloadIssuers: [{ issuer: "https://cluster.example", keys: () => keys }],
    clients: CLIENTS,
    ...options,
  });

let count = 0;
const claims = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss: IDP,
  sub: "alice",
  aud: "https://auth.example.com",
  client_id: "host",
  resource: "https://mcp.example.com/mcp",
  scope: "a b",
  jti: `id ${(count += 1)}`,
  iat: NOW,
  exp: NOW + 300,
  ...changes,
});
const ID_JAG = { typ: "oauth-id-jag+jwt" };
const WORKLOAD = {
  iss: "https://cluster.example",
  sub: "job",
  client_id: undefined,
  resource: undefined,
  scope: undefined,
};

const ask = (server: FakeAuthServer, assertion: string, changes: Record<string, string | undefined> = {}) =>
  postForm(server, "/token", {
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    client_id: "host",
    client_secret: "the secret",
    assertion,
    ...changes,
  });
const NOBODY = { client_id: undefined, client_secret: undefined };

test("takes an ID-JAG of a trusted identity provider from the client that it is for", async () => {
  const signer = await createSigner("RS256", "1");
  const server = serverFor(signer);
  const response = await ask(server, await signer.sign(claims(), ID_JAG));
  expect(response.status).toBe(200);
  const tokens = await jsonOf(response);
  expect(tokens).toEqual({
    access_token: expect.any(String) as string,
    token_type: "Bearer",
    expires_in: 86_400,
    scope: "a b",
  });
  expect(await jsonOf(await call(server, tokens["access_token"] as string))).toEqual({ ok: true, scope: "a b" });
});

test.each<[string, Record<string, unknown>, Record<string, unknown>?, Record<string, string | undefined>?, string?]>([
  ["for another client", { client_id: "other" }],
  ["for no client", { client_id: undefined }],
  ["of a provider that is not trusted", { iss: "https://idp.example" }],
  ["for another server", { aud: "https://other.example" }],
  ["for the token endpoint", { aud: "https://auth.example.com/token" }],
  ["that has expired", { exp: NOW }],
  ["without an id", { jti: undefined }],
  ["that says it is an ID token", {}, { typ: "JWT" }],
  ["that is no assertion", {}, ID_JAG, { assertion: "x" }],
  ["that is absent", {}, ID_JAG, { assertion: undefined }, "invalid_request"],
  ["for another resource", { resource: "https://other.example" }, ID_JAG, {}, "invalid_target"],
  ["with another resource asked for", {}, ID_JAG, { resource: "https://other.example" }, "invalid_target"],
  ["with more scope asked for", {}, ID_JAG, { scope: "a c" }, "invalid_scope"],
  ["from a client that does not say who it is", {}, ID_JAG, NOBODY, "invalid_client"],
  ["from a client with a wrong secret", {}, ID_JAG, { client_secret: "x" }, "invalid_client"],
])("refuses an ID-JAG %s", async (_, changes, header = ID_JAG, params = {}, error = "invalid_grant") => {
  const signer = await createSigner();
  const response = await ask(serverFor(signer), await signer.sign(claims(changes), header), params);
  expect(await outcomeOf(response)).toEqual([error === "invalid_client" ? 401 : 400, error]);
});

test("takes an ID-JAG once, and one that another client brings not at all", async () => {
  const signer = await createSigner();
  const server = serverFor(signer);
  const idJag = await signer.sign(claims(), ID_JAG);
  expect((await ask(server, idJag, { scope: "b" })).status).toBe(200);
  expect(await outcomeOf(await ask(server, idJag))).toEqual([400, "invalid_grant"]);
  const other = await signer.sign(claims(), ID_JAG);
  expect(await outcomeOf(await ask(server, other, { client_id: "other", client_secret: undefined }))).toEqual([
    400,
    "invalid_grant",
  ]);
});

test("gives a workload tokens for its own assertion, without any client (spec-155)", async () => {
  const signer = await createSigner();
  const server = serverFor(signer, { scopes: ["a"] });
  for (const aud of ["https://auth.example.com", "https://auth.example.com/token"]) {
    const assertion = await signer.sign(claims({ ...WORKLOAD, aud }));
    const response = await ask(server, assertion, { ...NOBODY, scope: "a", resource: server.serverUrl });
    expect(response.status).toBe(200);
    expect((await call(server, (await jsonOf(response))["access_token"] as string)).status).toBe(200);
    expect(await outcomeOf(await ask(server, assertion, NOBODY))).toEqual([400, "invalid_grant"]);
  }
});

test("lets an assertion come again until it expires where its issuer is trusted so", async () => {
  const signer = await createSigner();
  const server = serverFor(signer, {
    workloadIssuers: [{ issuer: "https://cluster.example", keys: signer.keys, reusable: true }],
  });
  const assertion = await signer.sign(claims({ ...WORKLOAD, jti: undefined }));
  expect((await ask(server, assertion, NOBODY)).status).toBe(200);
  expect((await ask(server, assertion, NOBODY)).status).toBe(200);
  server.advance(300_000);
  expect(await outcomeOf(await ask(server, assertion, NOBODY))).toEqual([400, "invalid_grant"]);
});

test("trusts each issuer for its own kind", async () => {
  const signer = await createSigner();
  const server = serverFor(signer);
  const idTokenAsWorkload = await signer.sign(claims({ ...WORKLOAD, iss: IDP }));
  expect(await outcomeOf(await ask(server, idTokenAsWorkload, NOBODY))).toEqual([400, "invalid_grant"]);
  const workloadAsIdJag = await signer.sign(claims({ iss: "https://cluster.example" }), ID_JAG);
  expect(await outcomeOf(await ask(server, workloadAsIdJag))).toEqual([400, "invalid_grant"]);
});

test("is offered when somebody is trusted, and to clients that are registered for it", async () => {
  const signer = await createSigner();
  const assertion = await signer.sign(claims(), ID_JAG);
  const off = serverFor(signer, { identityProviders: undefined, workloadIssuers: undefined });
  expect(await outcomeOf(await ask(off, assertion))).toEqual([400, "unsupported_grant_type"]);
  const [host] = CLIENTS as [(typeof CLIENTS)[number]];
  const unregistered = serverFor(signer, { clients: [{ ...host, grant_types: ["authorization_code"] }] });
  expect(await outcomeOf(await ask(unregistered, assertion))).toEqual([400, "unauthorized_client"]);
});
