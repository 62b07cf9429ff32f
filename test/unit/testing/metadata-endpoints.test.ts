import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServerOptions } from "../../../src/testing.js";
import { call, jsonOf } from "./plain-client.js";

const RESOURCE_ORIGIN = "https://mcp.example.com";
const PATH_FORM = `${RESOURCE_ORIGIN}/.well-known/oauth-protected-resource/mcp`;
const ROOT_FORM = `${RESOURCE_ORIGIN}/.well-known/oauth-protected-resource`;

test.each<[string, FakeAuthServerOptions, { path: number; root: number; challenge: string | null; resource?: string }]>(
  [
    ["by the challenge", {}, { path: 200, root: 404, challenge: `Bearer resource_metadata="${PATH_FORM}"` }],
    ["by the path alone", { resourceMetadata: "well_known" }, { path: 200, root: 404, challenge: "Bearer" }],
    [
      "at the root alone",
      { resourceMetadata: "root" },
      { path: 404, root: 200, challenge: "Bearer", resource: RESOURCE_ORIGIN },
    ],
    ["nowhere", { resourceMetadata: "none" }, { path: 404, root: 404, challenge: "Bearer" }],
    [
      "at a URL of its own",
      { resourceMetadataUrl: `${RESOURCE_ORIGIN}/prm.json` },
      { path: 404, root: 404, challenge: `Bearer resource_metadata="${RESOURCE_ORIGIN}/prm.json"` },
    ],
  ],
)("publishes protected resource metadata %s", async (_, options, expected) => {
  const server = createFakeAuthServer(options);
  const [path, root, own] = [
    await server.fetch(PATH_FORM),
    await server.fetch(ROOT_FORM),
    await server.fetch(`${RESOURCE_ORIGIN}/prm.json`),
  ];
  expect([path.status, root.status]).toEqual([expected.path, expected.root]);
  expect((await call(server)).headers.get("www-authenticate")).toBe(expected.challenge);
  for (const response of [path, root, own].filter(({ ok }) => ok)) {
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await jsonOf(response)).toEqual({
      resource: expected.resource ?? `${RESOURCE_ORIGIN}/mcp`,
      authorization_servers: ["https://auth.example.com"],
      bearer_methods_supported: ["header"],
    });
  }
  const atItsOwn = options.resourceMetadataUrl === undefined ? 0 : 1;
  expect(server.counts).toMatchObject({ protectedResourceMetadata: 2 + atItsOwn, resource: 1, unknown: 1 - atItsOwn });
});

test.each([
  [
    "https://mcp.example.com",
    "https://mcp.example.com/.well-known/oauth-protected-resource",
    "https://mcp.example.com",
  ],
  [
    "https://mcp.example.com/v1/mcp?tenant=a",
    "https://mcp.example.com/.well-known/oauth-protected-resource/v1/mcp?tenant=a",
    "https://mcp.example.com/v1/mcp?tenant=a",
  ],
  [
    "http://localhost:3000/mcp",
    "http://localhost:3000/.well-known/oauth-protected-resource/mcp",
    "http://localhost:3000/mcp",
  ],
])("inserts the well-known path before the path of %s", async (serverUrl, metadataUrl, resource) => {
  const server = createFakeAuthServer({ serverUrl });
  expect((await jsonOf(await server.fetch(metadataUrl)))["resource"]).toBe(resource);
  expect((await call(server)).headers.get("www-authenticate")).toBe(`Bearer resource_metadata="${metadataUrl}"`);
  expect(server.serverUrl).toBe(serverUrl);
});

test.each<[string, FakeAuthServerOptions, string | undefined]>([
  ["RFC 8414", {}, "/.well-known/oauth-authorization-server"],
  ["RFC 8414 with a path", { issuer: "https://auth.example.com/t1" }, "/.well-known/oauth-authorization-server/t1"],
  ["RFC 8414 with a slash", { issuer: "https://auth.example.com/" }, "/.well-known/oauth-authorization-server"],
  ["OpenID Connect", { metadataKind: "openid" }, "/.well-known/openid-configuration"],
  [
    "OpenID Connect with a path",
    { metadataKind: "openid", issuer: "https://auth.example.com/t1" },
    "/t1/.well-known/openid-configuration",
  ],
  [
    "OpenID Connect, inserted",
    { metadataKind: "openid_inserted", issuer: "https://auth.example.com/t1" },
    "/.well-known/openid-configuration/t1",
  ],
  ["no metadata", { metadataKind: "none" }, undefined],
])("publishes authorization server metadata at one URL: %s", async (_, options, expected) => {
  const server = createFakeAuthServer(options);
  const candidates = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/t1",
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/t1",
    "/t1/.well-known/openid-configuration",
  ];
  const found: string[] = [];
  for (const path of candidates) {
    const response = await server.fetch(`https://auth.example.com${path}`);
    expect([200, 404]).toContain(response.status);
    if (!response.ok) continue;
    found.push(path);
    expect((await jsonOf(response))["issuer"]).toBe(server.issuer);
  }
  expect(found).toEqual(expected === undefined ? [] : [expected]);
  expect(server.counts.authorizationServerMetadata).toBe(5);
});

test("says what is switched on", async () => {
  const server = createFakeAuthServer();
  const metadata = await jsonOf(await server.fetch(`${server.issuer}/.well-known/oauth-authorization-server`));
  expect(metadata).toEqual({
    issuer: "https://auth.example.com",
    authorization_endpoint: "https://auth.example.com/authorize",
    token_endpoint: "https://auth.example.com/token",
    registration_endpoint: "https://auth.example.com/register",
    revocation_endpoint: "https://auth.example.com/revoke",
    revocation_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
  });
});

test.each<[FakeAuthServerOptions, Record<string, unknown>]>([
  [{ registration: "none" }, { registration_endpoint: undefined }],
  [{ revocation: false }, { revocation_endpoint: undefined, revocation_endpoint_auth_methods_supported: undefined }],
  [{ issueRefreshTokens: false }, { grant_types_supported: ["authorization_code"] }],
  [{ issueRefreshTokens: "offline_access" }, { scopes_supported: ["offline_access"] }],
  [{ issueRefreshTokens: "offline_access", scopes: ["a"] }, { scopes_supported: ["a", "offline_access"] }],
  [{ iss: { advertised: false } }, { authorization_response_iss_parameter_supported: undefined }],
  [{ codeChallengeMethods: [] }, { code_challenge_methods_supported: undefined }],
  [
    { tokenEndpointAuthMethods: ["client_secret_post"] },
    { token_endpoint_auth_methods_supported: ["client_secret_post"] },
  ],
  [
    { clientCredentials: true },
    { grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"] },
  ],
  [
    { deviceAuthorization: {} },
    {
      device_authorization_endpoint: "https://auth.example.com/device_authorization",
      grant_types_supported: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
    },
  ],
  [
    { identityProviders: [] },
    {
      authorization_grant_profiles_supported: ["urn:ietf:params:oauth:grant-profile:id-jag"],
      grant_types_supported: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
    },
  ],
  [{ workloadIssuers: [] }, { authorization_grant_profiles_supported: undefined }],
  [
    { idJag: { audiences: {} } },
    {
      identity_chaining_requested_token_types_supported: ["urn:ietf:params:oauth:token-type:id-jag"],
      jwks_uri: "https://auth.example.com/jwks",
      grant_types_supported: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"],
    },
  ],
  [{ clientIdMetadataDocuments: true }, { client_id_metadata_document_supported: true }],
  [
    { authorizationServerMetadata: { token_endpoint: "https://other.example/token", issuer: undefined } },
    { token_endpoint: "https://other.example/token", issuer: undefined },
  ],
])("says what is switched off, or otherwise: %o", async (options, members) => {
  const server = createFakeAuthServer(options);
  const metadata = await jsonOf(await server.fetch("https://auth.example.com/.well-known/oauth-authorization-server"));
  for (const [member, value] of Object.entries(members)) expect(metadata[member], member).toEqual(value);
});

test("publishes an OpenID provider's members, and the keys that they name", async () => {
  const server = createFakeAuthServer({ metadataKind: "openid" });
  const metadata = await jsonOf(await server.fetch(`${server.issuer}/.well-known/openid-configuration`));
  expect(metadata["subject_types_supported"]).toEqual(["public"]);
  expect(await jsonOf(await server.fetch(metadata["jwks_uri"] as string))).toEqual({
    keys: [expect.objectContaining({ kty: "RSA", alg: "RS256", use: "sig" })],
  });
  expect((await createFakeAuthServer().fetch("https://auth.example.com/jwks")).status).toBe(404);
});

test("lists its scopes on both sides, and `offline_access` on the authorization server's alone", async () => {
  const server = createFakeAuthServer({ scopes: ["a", "b"], issueRefreshTokens: "offline_access" });
  expect((await jsonOf(await server.fetch(PATH_FORM)))["scopes_supported"]).toEqual(["a", "b"]);
});

test("changes members of the protected resource metadata, and holds tokens to the resource named there", async () => {
  const server = createFakeAuthServer({
    protectedResourceMetadata: { resource: "https://mcp.example.com/", authorization_servers: undefined },
  });
  const metadata = await jsonOf(await server.fetch(PATH_FORM));
  expect(metadata).toEqual({ resource: "https://mcp.example.com/", bearer_methods_supported: ["header"] });
  expect(() => createFakeAuthServer({ protectedResourceMetadata: { resource: 1 } })).toThrow(
    new TypeError('"protectedResourceMetadata.resource" must be a string'),
  );
});

test.each([PATH_FORM, "https://auth.example.com/.well-known/oauth-authorization-server"])(
  "answers GET alone at %s",
  async (url) => {
    const response = await createFakeAuthServer().fetch(url, { method: "POST" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET");
  },
);

test.each([
  "https://auth.example.com/",
  "https://mcp.example.com/other",
  "https://elsewhere.example/.well-known/oauth-authorization-server",
])("has nothing at %s", async (url) => {
  const server = createFakeAuthServer();
  expect((await server.fetch(url)).status).toBe(404);
  expect(server.counts.unknown).toBe(1);
});
