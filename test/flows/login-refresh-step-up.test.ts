import { expect, it } from "vitest";
import { createAuthClient, createAuthFetch, createMemoryStore } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";

const REDIRECT = "http://127.0.0.1:8976/callback";

it("logs in with five requests, the first call included [spec-11] [spec-68] [spec-90] [spec-97]", async () => {
  const server = createFakeAuthServer({ scopes: ["mcp:read", "mcp:write"], requiredScope: "mcp:read" });
  const client = createAuthClient({
    clientMetadata: { client_name: "Test" },
    store: createMemoryStore({ now: server.now }),
    fetch: server.fetch,
    now: server.now,
  });
  const session = client.session(server.serverUrl);
  const tokens = await session.authorize({ redirectUri: REDIRECT, interact: (url) => server.approve(url) });
  const before = server.requests.filter(({ endpoint }) => endpoint !== "authorization").length;
  const response = await createAuthFetch(session)(server.serverUrl);

  expect(response.status).toBe(200);
  expect(before).toBe(4);
  expect(tokens.scope).toBe("mcp:read mcp:write");
  expect(server.counts).toMatchObject({ registration: 1, token: 1, resource: 1 });
});

it("refreshes once for many callers when the token has expired", async () => {
  const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
  const client = createAuthClient({ clientMetadata: { client_name: "Test" }, fetch: server.fetch, now: server.now });
  const session = client.session(server.serverUrl);
  await session.authorize({ redirectUri: REDIRECT, interact: (url) => server.approve(url) });
  const authFetch = createAuthFetch(session);
  server.advance(3_600_001);
  const responses = await Promise.all(Array.from({ length: 20 }, () => authFetch(server.serverUrl)));

  expect(responses.every(({ status }) => status === 200)).toBe(true);
  expect(server.counts.refresh).toBe(1);
});

it("refreshes once for many callers when the server refuses the token [spec-107]", async () => {
  const server = createFakeAuthServer();
  const client = createAuthClient({ clientMetadata: { client_name: "Test" }, fetch: server.fetch, now: server.now });
  const session = client.session(server.serverUrl);
  await session.authorize({ redirectUri: REDIRECT, interact: (url) => server.approve(url) });
  const authFetch = createAuthFetch(session);
  server.expireAccessTokens();
  const responses = await Promise.all(Array.from({ length: 20 }, () => authFetch(server.serverUrl)));

  expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  expect(server.counts.refresh).toBe(1);
});

it("steps up to the union of scopes and repeats the request [spec-111]", async () => {
  const server = createFakeAuthServer({ requiredScope: "mcp:read", pathScopes: { "/mcp/admin": "mcp:admin" } });
  const client = createAuthClient({ clientMetadata: { client_name: "Test" }, fetch: server.fetch, now: server.now });
  const session = client.session(server.serverUrl);
  const scopes: (string | null)[] = [];
  const authFetch = createAuthFetch(session, {
    onAuthorizationRequired: async ({ scope, challenge, signal }) => {
      await session.authorize({
        redirectUri: REDIRECT,
        scope,
        challenge,
        signal,
        interact: (url) => {
          scopes.push(url.searchParams.get("scope"));
          return server.approve(url);
        },
      });
    },
  });
  const first = await authFetch(server.serverUrl);
  const second = await authFetch(`${server.serverUrl}/admin`);

  expect([first.status, second.status]).toEqual([200, 200]);
  expect(scopes).toEqual(["mcp:read", "mcp:read mcp:admin"]);
});

it("signs out with revocation", async () => {
  const server = createFakeAuthServer();
  const client = createAuthClient({ clientMetadata: { client_name: "Test" }, fetch: server.fetch, now: server.now });
  const session = client.session(server.serverUrl);
  await session.authorize({ redirectUri: REDIRECT, interact: (url) => server.approve(url) });
  const result = await session.signOut();

  expect(result).toEqual({ revoked: "yes" });
  expect(await session.getTokens()).toBeUndefined();
  expect(await session.getAccessToken()).toBeUndefined();
});
