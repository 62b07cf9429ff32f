import { expect, it } from "vitest";

// What a host may import at run time. A name that goes, or comes, is a decision: it belongs into the change log.

it("has these names in the root", async () => {
  expect(Object.keys(await import("../../src/index.js")).sort()).toEqual([
    "AuthError",
    "AuthorizationError",
    "CallbackServerError",
    "DiscoveryError",
    "RegistrationError",
    "StoreError",
    "TokenError",
    "TransportError",
    "authorizeWithDeviceCode",
    "clientCredentials",
    "createAuthClient",
    "createAuthFetch",
    "createAuthorizationRequest",
    "createClientMetadataDocument",
    "createDpop",
    "createEncryptedStore",
    "createGrant",
    "createKeyvStore",
    "createMemoryStore",
    "createTokenStore",
    "createWebStorageStore",
    "deleteClientRegistration",
    "discoverAuthServer",
    "enterpriseManaged",
    "exchangeCallback",
    "isAuthError",
    "knownServers",
    "listSessions",
    "parseAuthChallenge",
    "privateKeyJwt",
    "refreshTokens",
    "registerClient",
    "requirementsOf",
    "revokeTokens",
    "selectScope",
    "startCallbackServer",
    "updateClientRegistration",
    "workloadIdentity",
  ]);
});

it("has these names for Node", async () => {
  expect(Object.keys(await import("../../src/node.js")).sort()).toEqual([
    "authorizeWithLoopback",
    "createFileStore",
    "createKeychainStore",
    "openBrowser",
  ]);
});

it("has these names for Redis", async () => {
  expect(Object.keys(await import("../../src/redis.js"))).toEqual(["createRedisStore"]);
});

it("has these names for browsers", async () => {
  expect(Object.keys(await import("../../src/browser.js")).sort()).toEqual([
    "authorizeWithPopup",
    "completePopup",
    "createIndexedDbKeyStore",
    "createIndexedDbStore",
  ]);
});

it("has these names for the SDKs of MCP", async () => {
  expect(Object.keys(await import("../../src/mcp-sdk.js")).sort()).toEqual([
    "createAiSdkAuthProvider",
    "createAuthProvider",
    "createOAuthClientProvider",
  ]);
});

it("has these names for tests", async () => {
  expect(Object.keys(await import("../../src/testing.js")).sort()).toEqual([
    "createFakeAuthServer",
    "kvStoreContract",
    "mswHandlers",
  ]);
});

it("has no default export and no default instance", async () => {
  const entries = [
    import("../../src/index.js"),
    import("../../src/node.js"),
    import("../../src/redis.js"),
    import("../../src/mcp-sdk.js"),
    import("../../src/browser.js"),
    import("../../src/testing.js"),
  ];
  for (const entry of entries) expect(Object.keys(await entry)).not.toContain("default");
});
