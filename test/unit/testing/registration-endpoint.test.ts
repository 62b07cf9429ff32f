import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServerOptions } from "../../../src/testing.js";
import { REDIRECT_URI, jsonOf, register } from "./plain-client.js";
import type { Json } from "./plain-client.js";

test("registers a public client and answers with its metadata (RFC 7591 §3.2.1)", async () => {
  const server = createFakeAuthServer({ now: () => 1_800_000_000_500 });
  const response = await register(server, { client_name: "Example" });
  expect(response.status).toBe(201);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await jsonOf(response)).toEqual({
    client_id: expect.stringMatching(/^client-1-/) as string,
    client_id_issued_at: 1_800_000_000,
    client_name: "Example",
    redirect_uris: [REDIRECT_URI],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  });
});

test("applies the defaults of RFC 7591 §2: a secret by Basic, no refresh", async () => {
  const server = createFakeAuthServer();
  const client = await jsonOf(
    await server.fetch(`${server.issuer}/register`, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ redirect_uris: [REDIRECT_URI] }),
    }),
  );
  expect(client).toMatchObject({
    token_endpoint_auth_method: "client_secret_basic",
    grant_types: ["authorization_code"],
    client_secret: expect.any(String) as string,
    client_secret_expires_at: 0,
  });
});

test("gives every client an id of its own, and no two servers the same", async () => {
  const servers = [createFakeAuthServer(), createFakeAuthServer()];
  const ids: unknown[] = [];
  for (const server of [...servers, ...servers]) ids.push((await jsonOf(await register(server)))["client_id"]);
  expect(new Set(ids).size).toBe(4);
});

test.each<[string, Json, string, FakeAuthServerOptions?]>([
  ["no redirect URI", { redirect_uris: [] }, "invalid_redirect_uri"],
  ["an absent redirect URI list", { redirect_uris: undefined }, "invalid_redirect_uri"],
  ["redirect URIs that are no list", { redirect_uris: REDIRECT_URI }, "invalid_client_metadata"],
  ["a list of other things", { redirect_uris: [1] }, "invalid_client_metadata"],
  ["a relative redirect URI", { redirect_uris: ["/callback"] }, "invalid_redirect_uri"],
  ["a fragment", { redirect_uris: ["https://app.example/cb#x"] }, "invalid_redirect_uri"],
  ["an empty fragment", { redirect_uris: ["https://app.example/cb#"] }, "invalid_redirect_uri"],
  ["http beyond loopback", { redirect_uris: ["http://app.example/cb"] }, "invalid_redirect_uri"],
  ["a scheme without a dot", { redirect_uris: ["myapp:/cb"] }, "invalid_redirect_uri"],
  ["a script", { redirect_uris: ["javascript:alert(1)"] }, "invalid_redirect_uri"],
  ["a bad one behind a good one", { redirect_uris: [REDIRECT_URI, "http://app.example/cb"] }, "invalid_redirect_uri"],
  ["an unknown authentication method", { token_endpoint_auth_method: "private_key_jwt" }, "invalid_client_metadata"],
  [
    "a method that is switched off",
    { token_endpoint_auth_method: "none" },
    "invalid_client_metadata",
    { tokenEndpointAuthMethods: ["client_secret_post"] },
  ],
  ["an unknown grant", { grant_types: ["authorization_code", "password"] }, "invalid_client_metadata"],
  ["no authorization code", { grant_types: ["refresh_token"] }, "invalid_client_metadata"],
  ["an unknown response type", { response_types: ["token"] }, "invalid_client_metadata"],
  ["an unknown response type beside a known one", { response_types: ["code", "token"] }, "invalid_client_metadata"],
  ["no response type", { response_types: [] }, "invalid_client_metadata"],
  ["a scope list", { scope: ["a"] }, "invalid_client_metadata"],
  ["web with loopback", { application_type: "web" }, "invalid_redirect_uri", { applicationTypeRules: true }],
  ["web by default with loopback", {}, "invalid_redirect_uri", { applicationTypeRules: true }],
  [
    "web with https on localhost",
    { redirect_uris: ["https://localhost/cb"] },
    "invalid_redirect_uri",
    { applicationTypeRules: true },
  ],
  [
    "native with https",
    { application_type: "native", redirect_uris: ["https://app.example/cb"] },
    "invalid_redirect_uri",
    { applicationTypeRules: true },
  ],
])("refuses %s", async (_, metadata, error, options) => {
  const server = createFakeAuthServer(options);
  const response = await register(server, metadata);
  expect(response.status).toBe(400);
  expect(await jsonOf(response)).toMatchObject({ error, error_description: expect.any(String) as string });
});

test.each<[string, Json, FakeAuthServerOptions?]>([
  ["https", { redirect_uris: ["https://app.example/cb?x=1"] }],
  ["localhost", { redirect_uris: ["http://localhost:8080/cb"] }],
  ["IPv6 loopback", { redirect_uris: ["http://[::1]/cb"] }],
  ["a private-use scheme", { redirect_uris: ["com.example.app:/cb"] }],
  ["native with loopback", { application_type: "native" }, { applicationTypeRules: true }],
  [
    "native with a private-use scheme",
    { application_type: "native", redirect_uris: ["com.example.app:/cb"] },
    { applicationTypeRules: true },
  ],
  [
    "web with https",
    { application_type: "web", redirect_uris: ["https://app.example/cb"] },
    { applicationTypeRules: true },
  ],
])("accepts %s", async (_, metadata, options) => {
  expect((await register(createFakeAuthServer(options), metadata)).status).toBe(201);
});

test.each(["[]", '"text"', "null", "{", ""])("refuses a body that is no JSON object: %s", async (body) => {
  const server = createFakeAuthServer();
  const response = await server.fetch(`${server.issuer}/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  expect([response.status, (await jsonOf(response))["error"]]).toEqual([400, "invalid_client_metadata"]);
});

test("replaces the grants that it does not offer", async () => {
  const server = createFakeAuthServer({ issueRefreshTokens: false });
  expect(await jsonOf(await register(server))).toMatchObject({ grant_types: ["authorization_code"] });
});

test("wants an initial access token when registration is closed", async () => {
  const server = createFakeAuthServer({ registration: "closed", initialAccessToken: "let-me-in" });
  const attempt = async (token?: string): Promise<[number, string | null]> => {
    const response = await server.fetch(`${server.issuer}/register`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ redirect_uris: [REDIRECT_URI] }),
    });
    return [response.status, response.headers.get("www-authenticate")];
  };
  expect(await attempt()).toEqual([401, "Bearer"]);
  expect(await attempt("wrong")).toEqual([401, 'Bearer error="invalid_token"']);
  expect(await attempt("let-me-in")).toEqual([201, null]);
});

test("admits nobody to a closed registration that has no token", async () => {
  const server = createFakeAuthServer({ registration: "closed" });
  const response = await server.fetch(`${server.issuer}/register`, {
    method: "POST",
    headers: { authorization: "Bearer undefined", "content-type": "application/json" },
    body: JSON.stringify({ redirect_uris: [REDIRECT_URI] }),
  });
  expect(response.status).toBe(401);
});

test("has no registration endpoint when told so, and answers POST alone when it has one", async () => {
  expect((await register(createFakeAuthServer({ registration: "none" }))).status).toBe(404);
  expect((await createFakeAuthServer().fetch("https://auth.example.com/register")).status).toBe(405);
});
