import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../../src/testing.js";
import { REDIRECT_URI, call, jsonOf, logIn, outcomeOf, refresh, register } from "./plain-client.js";
import type { Json } from "./plain-client.js";

interface Registered extends Json {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly registration_access_token: string;
  readonly registration_client_uri: string;
}

async function serverAndClient(
  metadata: Json = {},
  options: FakeAuthServerOptions = {},
): Promise<{ server: FakeAuthServer; client: Registered }> {
  const server = createFakeAuthServer({ registrationManagement: true, ...options });
  return { server, client: (await jsonOf(await register(server, metadata))) as Registered };
}

async function manage(
  server: FakeAuthServer,
  method: string,
  { registration_client_uri: uri, registration_access_token: token }: Registered,
  body?: Json,
): Promise<Response> {
  return server.fetch(uri, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** What a client sends that wants to stay as it is. */
function withoutServerMembers(client: Registered): Json {
  const { registration_access_token: _, registration_client_uri: __, client_id_issued_at: ___, ...rest } = client;
  return Object.fromEntries(Object.entries(rest).filter(([name]) => name !== "client_secret_expires_at"));
}

test("gives every client the means to manage its registration, and shows it (RFC 7592 §2.1, §3)", async () => {
  const { server, client } = await serverAndClient({ client_name: "Example" });
  expect(client.registration_client_uri).toBe(`https://auth.example.com/register/${client.client_id}`);
  const response = await manage(server, "GET", client);
  expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"]);
  expect(await jsonOf(response)).toEqual(client);
  expect(server.counts).toMatchObject({ registration: 1, clientConfiguration: 1 });
  expect(server.requests.at(-1)?.headers["authorization"]).toBe("Bearer [registration_access_token 1]");
});

test("replaces the metadata, and forgets what is left out (RFC 7592 §2.2)", async () => {
  const { server, client } = await serverAndClient({ client_name: "Example", logo_uri: "https://app.example/logo" });
  const { logo_uri: _, ...kept } = withoutServerMembers(client);
  const other = "http://127.0.0.1:9/other";
  const response = await manage(server, "PUT", client, { ...kept, redirect_uris: [other] });
  expect(response.status).toBe(200);
  const { logo_uri: __, ...expected } = client;
  expect(await jsonOf(response)).toEqual({ ...expected, redirect_uris: [other] });
  await expect(logIn(server, client.client_id)).rejects.toThrow("not registered");
  expect(await logIn(server, client.client_id, { redirect_uri: other })).toHaveProperty("access_token");
});

test("keeps a secret through a replacement without telling it again, and gives one to who needs one now", async () => {
  const { server, client } = await serverAndClient({ token_endpoint_auth_method: "client_secret_post" });
  const secret = { client_secret: client.client_secret };
  const replaced = await jsonOf(await manage(server, "PUT", client, withoutServerMembers(client)));
  expect(replaced).not.toHaveProperty("client_secret");
  const tokens = await logIn(server, client.client_id, {}, secret);
  expect((await refresh(server, client.client_id, tokens.refresh_token, secret)).status).toBe(200);

  const { client: publicClient, server: elsewhere } = await serverAndClient();
  const body = { ...withoutServerMembers(publicClient), token_endpoint_auth_method: "client_secret_basic" };
  expect(await jsonOf(await manage(elsewhere, "PUT", publicClient, body))).toMatchObject({
    client_secret: expect.any(String) as string,
    client_secret_expires_at: 0,
  });
});

test.each<[string, Json, string]>([
  ["no client id", { client_id: undefined }, "invalid_client_metadata"],
  ["another client id", { client_id: "other" }, "invalid_client_metadata"],
  ["another secret", { client_secret: "a guess" }, "invalid_client_metadata"],
  ["a secret that is a number", { client_secret: 1 }, "invalid_client_metadata"],
  ["a registration token", { registration_access_token: "x" }, "invalid_client_metadata"],
  ["a registration URL", { registration_client_uri: "https://x.example" }, "invalid_client_metadata"],
  ["a date of issue", { client_id_issued_at: 1 }, "invalid_client_metadata"],
  ["an expiry of the secret", { client_secret_expires_at: 1 }, "invalid_client_metadata"],
  ["a bad redirect URI", { redirect_uris: ["http://app.example/cb"] }, "invalid_redirect_uri"],
])("refuses a replacement with %s, and leaves everything", async (_, changes, error) => {
  const { server, client } = await serverAndClient({ token_endpoint_auth_method: "client_secret_post" });
  const body = { ...withoutServerMembers(client), ...changes };
  expect(await outcomeOf(await manage(server, "PUT", client, body))).toEqual([400, error]);
  const { client_secret: ___, client_secret_expires_at: ____, ...shown } = client;
  expect(await jsonOf(await manage(server, "GET", client))).toEqual(shown);
});

test("deletes a client with all that was issued to it (RFC 7592 §2.3)", async () => {
  const { server, client } = await serverAndClient();
  const tokens = await logIn(server, client.client_id);
  expect((await manage(server, "DELETE", client)).status).toBe(204);
  expect((await call(server, tokens.access_token)).status).toBe(401);
  expect(await outcomeOf(await refresh(server, client.client_id, tokens.refresh_token))).toEqual([
    401,
    "invalid_client",
  ]);
  expect((await manage(server, "GET", client)).status).toBe(401);
});

test("answers everybody else with 401, and other methods with 405", async () => {
  const { server, client } = await serverAndClient();
  const other = (await jsonOf(await register(server))) as Registered;
  for (const token of [other.registration_access_token, "guess"]) {
    const response = await manage(server, "GET", { ...client, registration_access_token: token });
    expect(response.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    expect(await outcomeOf(response)).toEqual([401, "invalid_token"]);
  }
  const bare = await server.fetch(client.registration_client_uri);
  expect([bare.status, bare.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  const nobody = { ...client, registration_client_uri: "https://auth.example.com/register/nobody" };
  expect((await manage(server, "DELETE", nobody)).status).toBe(401);
  const post = await manage(server, "POST", client);
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, PUT, DELETE"]);
});

test("lets no client of the start be managed, and none at all unless told", async () => {
  const clients = [{ client_id: "ours", redirect_uris: [REDIRECT_URI] }];
  const server = createFakeAuthServer({ registrationManagement: true, clients });
  expect((await server.fetch("https://auth.example.com/register/ours")).status).toBe(401);
  const off = await serverAndClient({}, { registrationManagement: false });
  expect(off.client).not.toHaveProperty("registration_access_token");
  expect((await off.server.fetch(`https://auth.example.com/register/${off.client.client_id}`)).status).toBe(404);
});
