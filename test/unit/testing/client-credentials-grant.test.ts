import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import { call, jsonOf, outcomeOf, postForm, register } from "./plain-client.js";

const MACHINE = { client_id: "machine", client_secret: "the secret", token_endpoint_auth_method: "client_secret_post" };
const CREDENTIALS = { client_id: "machine", client_secret: "the secret" };

test("gives a confidential client tokens of its own, without a refresh token (RFC 6749 §4.4.3)", async () => {
  const server = createFakeAuthServer({ clientCredentials: true, clients: [MACHINE], scopes: ["a", "b"] });
  const params = { grant_type: "client_credentials", ...CREDENTIALS, scope: "a c", resource: server.serverUrl };
  const response = await postForm(server, "/token", params);
  expect(response.status).toBe(200);
  const tokens = await jsonOf(response);
  expect(tokens).toEqual({
    access_token: expect.any(String) as string,
    token_type: "Bearer",
    expires_in: 86_400,
    scope: "a",
  });
  expect(await jsonOf(await call(server, tokens["access_token"] as string))).toEqual({ ok: true, scope: "a" });
});

test.each<[string, Record<string, string | undefined>, number, string]>([
  ["a wrong secret", { client_secret: "The secret" }, 401, "invalid_client"],
  ["no secret", { client_secret: undefined }, 401, "invalid_client"],
  ["a scope that does not exist", { scope: "c" }, 400, "invalid_scope"],
  ["another resource", { resource: "https://other.example" }, 400, "invalid_target"],
])("refuses a client with %s", async (_, changes, status, error) => {
  const server = createFakeAuthServer({ clientCredentials: true, clients: [MACHINE], scopes: ["a"] });
  const params = { grant_type: "client_credentials", ...CREDENTIALS, ...changes };
  expect(await outcomeOf(await postForm(server, "/token", params))).toEqual([status, error]);
});

test("refuses public clients, clients that are not registered for it, and all where it is not switched on", async () => {
  const clients = [{ client_id: "public" }, { ...MACHINE, grant_types: ["authorization_code"] }];
  const server = createFakeAuthServer({ clientCredentials: true, clients });
  const params = { grant_type: "client_credentials" };
  for (const credentials of [{ client_id: "public" }, CREDENTIALS]) {
    const response = await postForm(server, "/token", { ...params, ...credentials });
    expect(await outcomeOf(response)).toEqual([400, "unauthorized_client"]);
  }
  const without = createFakeAuthServer({ clients: [MACHINE] });
  expect(await outcomeOf(await postForm(without, "/token", { ...params, ...CREDENTIALS }))).toEqual([
    400,
    "unsupported_grant_type",
  ]);
});

test("registers machines, which have no redirect URI, and no public ones", async () => {
  const server = createFakeAuthServer({ clientCredentials: true });
  const metadata = { redirect_uris: undefined, grant_types: ["client_credentials"] };
  const registered = await register(server, { ...metadata, token_endpoint_auth_method: "client_secret_post" });
  const { client_id: id, client_secret: secret, ...rest } = await jsonOf(registered);
  expect(rest).toMatchObject({ redirect_uris: [], response_types: [], grant_types: ["client_credentials"] });
  const params = { grant_type: "client_credentials", client_id: id as string, client_secret: secret as string };
  expect((await postForm(server, "/token", params)).status).toBe(200);
  expect(await outcomeOf(await register(server, metadata))).toEqual([400, "invalid_client_metadata"]);
});
