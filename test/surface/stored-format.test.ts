import { expect, it } from "vitest";
import { createDpop } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, REDIRECT } from "../support/host.js";

// Versions that share a store must agree on what follows: a change here breaks logins that are stored already.

const NOW = 1_800_000_000_000;

/** Everything that a login leaves in the store, with the secrets replaced by their kinds. */
async function storeAfter(step: "start" | "login"): Promise<Record<string, unknown>> {
  const server = createFakeAuthServer({
    now: () => NOW,
    tokenEndpointAuthMethods: ["client_secret_basic"],
    scopes: ["read"],
    issueRefreshTokens: true,
  });
  const store = new Map<string, string>();
  const { client } = createHost(server, { store });
  const session = client.session("HTTPS://MCP.example.com:443/mcp#x", { subject: "alice@example.com" });
  if (step === "login") await session.authorize(approvedBy(server));
  else await session.startAuthorization({ redirectUri: REDIRECT });
  return Object.fromEntries([...store].map(([key, value]) => [key, JSON.parse(value) as unknown]));
}

const REGISTRATION = {
  issuer: "https://auth.example.com",
  clientId: expect.stringMatching(/^client-/) as unknown,
  clientSecret: expect.stringMatching(/^client_secret-/) as unknown,
  tokenEndpointAuthMethod: "client_secret_basic",
  redirectUris: ["http://127.0.0.1:8976/callback"],
  source: "dynamic",
  metadata: expect.objectContaining({ client_name: "Test", application_type: "native" }) as unknown,
  createdAt: NOW,
};

const SERVER_KEY = "v1:server:https%3A%2F%2Fmcp.example.com%2Fmcp";
const ISSUER_KEY = "v1:issuer:https%3A%2F%2Fauth.example.com";
const CLIENT_KEY = "v1:client:https%3A%2F%2Fauth.example.com:http%3A%2F%2F127.0.0.1%2Fcallback";
const TOKENS_KEY = "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:=alice%40example.com";

it("keeps four records of a login, by these keys", async () => {
  const store = await storeAfter("login");

  expect(Object.keys(store).sort()).toEqual([CLIENT_KEY, ISSUER_KEY, SERVER_KEY, TOKENS_KEY].sort());
  expect(store[TOKENS_KEY]).toEqual({
    v: 1,
    data: {
      accessToken: expect.stringMatching(/^access_token-/) as unknown,
      tokenType: expect.stringMatching(/^bearer$/i) as unknown,
      refreshToken: expect.stringMatching(/^refresh_token-/) as unknown,
      scope: "read",
      requestedScope: "read",
      expiresAt: NOW + 86_400_000,
      obtainedAt: NOW,
      issuer: "https://auth.example.com",
      tokenEndpoint: "https://auth.example.com/token",
      resource: "https://mcp.example.com/mcp",
      registration: REGISTRATION,
    },
  });
  expect(store[CLIENT_KEY]).toEqual({ v: 1, data: REGISTRATION });
  expect(store[SERVER_KEY]).toEqual({
    v: 1,
    data: {
      resourceMetadataUrl: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
      protectedResource: expect.objectContaining({ resource: "https://mcp.example.com/mcp" }) as unknown,
      fetchedAt: NOW,
    },
  });
  expect(store[ISSUER_KEY]).toEqual({
    v: 1,
    data: {
      authorizationServer: expect.objectContaining({ issuer: "https://auth.example.com" }) as unknown,
      fetchedAt: NOW,
    },
  });
});

it("keeps a login that is under way by its state, with all that the callback will need", async () => {
  const store = await storeAfter("start");
  const key = Object.keys(store).find((one) => one.startsWith("v1:pending:")) ?? "";

  expect(Object.keys(store).sort()).toEqual([CLIENT_KEY, ISSUER_KEY, SERVER_KEY, key].sort());
  expect(store[key]).toEqual({
    v: 1,
    data: {
      state: key.slice("v1:pending:".length),
      codeVerifier: expect.stringMatching(/^[\w-]{43,128}$/) as unknown,
      redirectUri: "http://127.0.0.1:8976/callback",
      scope: "read",
      subject: "alice@example.com",
      resource: "https://mcp.example.com/mcp",
      server: {
        serverUrl: "https://mcp.example.com/mcp",
        resource: "https://mcp.example.com/mcp",
        issuer: "https://auth.example.com",
        authorizationServer: expect.objectContaining({ token_endpoint: "https://auth.example.com/token" }) as unknown,
        protectedResource: expect.objectContaining({ scopes_supported: ["read"] }) as unknown,
        resourceMetadataUrl: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
        source: "protected_resource",
      },
      registration: REGISTRATION,
      createdAt: NOW,
      expiresAt: NOW + 600_000,
    },
  });
});

it("keeps the key that tokens are bound to under its thumbprint, as a private JWK", async () => {
  const server = createFakeAuthServer({ now: () => NOW, dpop: {} });
  const store = new Map<string, string>();
  const { session } = createHost(server, { store, dpop: createDpop() });
  const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
  const key = [...store.keys()].find((one) => one.startsWith("v1:dpop:")) ?? "";
  const id = key.slice("v1:dpop:".length);
  const read = (): unknown => JSON.parse(store.get(key) ?? "");
  const part = expect.stringMatching(/^[\w-]{43}$/) as unknown;
  const jwk = { kty: "EC", crv: "P-256", x: part, y: part, d: part };
  expect(read()).toEqual({ v: 1, data: { jwk, expiresAt: NOW + 3_600_000 } });
  const pending = [...store].find(([one]) => one.startsWith("v1:pending:"))?.[1] ?? "";
  expect(JSON.parse(pending)).toMatchObject({ data: { dpopKeyId: id } });

  const tokens = await session.finishAuthorization(await server.approve(authorizationUrl));
  expect(tokens).toMatchObject({ tokenType: "DPoP", dpopKeyId: id });
  expect(read()).toEqual({ v: 1, data: { jwk } });
});

it.each([
  ["https://mcp.example.com", undefined, "v1:tokens:https%3A%2F%2Fmcp.example.com:user:-"],
  ["https://MCP.example.com:443/", undefined, "v1:tokens:https%3A%2F%2Fmcp.example.com:user:-"],
  [
    "https://mcp.example.com:8443/a/b/?c=d#e",
    undefined,
    "v1:tokens:https%3A%2F%2Fmcp.example.com%3A8443%2Fa%2Fb%3Fc%3Dd:user:-",
  ],
  ["http://127.0.0.1:1/MCP", "-", "v1:tokens:http%3A%2F%2F127.0.0.1%3A1%2FMCP:user:=-"],
  ["https://mcp.example.com", "a:b/ü", "v1:tokens:https%3A%2F%2Fmcp.example.com:user:=a%3Ab%2F%C3%BC"],
])("keeps tokens for %s and the subject %j under %s", async (serverUrl, subject, key) => {
  const server = createFakeAuthServer();
  const asked: string[] = [];
  const { client } = createHost(server, {
    store: { get: (one) => void asked.push(one), set: () => undefined, delete: () => undefined },
  });
  await client.session(serverUrl, { subject }).getTokens();

  expect(asked).toEqual([key]);
});

it("locks by these names", async () => {
  const server = createFakeAuthServer();
  const backing = new Map<string, string>();
  const locked: string[] = [];
  const { session } = createHost(server, {
    store: {
      get: (key) => backing.get(key),
      set: (key, value) => backing.set(key, value),
      delete: (key) => backing.delete(key),
      withLock: async (key, task) => {
        locked.push(key.replace(/^(pending:)[\w-]{20,}$/, "$1<state>"));
        return await task(new AbortController().signal);
      },
    },
  });
  await session.authorize(approvedBy(server));
  server.advance(86_400_000);
  await session.getAccessToken();

  const tokens = "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-";
  expect(locked).toEqual([
    `authorize:${tokens}`,
    `register:${CLIENT_KEY}`,
    "pending:<state>",
    `refresh:${tokens}`,
    `refresh:${tokens}`,
  ]);
});

it("reads what this version wrote yesterday", async () => {
  const server = createFakeAuthServer({ now: () => NOW });
  const store = new Map([
    [
      TOKENS_KEY,
      '{"v":1,"data":{"accessToken":"at","tokenType":"bearer","refreshToken":"rt","expiresAt":1800000600000,"obtainedAt":1799999000000,' +
        '"issuer":"https://auth.example.com","tokenEndpoint":"https://auth.example.com/token","resource":"https://mcp.example.com/mcp",' +
        '"registration":{"issuer":"https://auth.example.com","clientId":"c","tokenEndpointAuthMethod":"none","redirectUris":[],"source":"dynamic","createdAt":1}}}',
    ],
  ]);
  const { client } = createHost(server, { store });

  expect(await client.session(server.serverUrl, { subject: "alice@example.com" }).getAccessToken()).toBe("at");
});

it("reads a key that this version wrote yesterday, and the tokens bound to it", async () => {
  const server = createFakeAuthServer({ now: () => NOW });
  const id = "OTUIiG84LLJIExp6GBtpEeWASJApIsCsUhjXhNzqFEw";
  const store = new Map([
    [
      `v1:dpop:${id}`,
      '{"v":1,"data":{"jwk":{"kty":"EC","crv":"P-256","x":"h7GAUrKttTBep_vuaQpmuw4ft7WY50hYfldbnXHqXqE",' +
        '"y":"y1KxC3QvzcKpBw1I0FlQZIYD8o9gFNOUgKDADtyvTU0","d":"UlI8Rm_ttxmOo3G8Nsq421iK_iy6Mc50Pm4fNOw27kc"}}}',
    ],
    [
      TOKENS_KEY,
      `{"v":1,"data":{"accessToken":"at","tokenType":"DPoP","dpopKeyId":"${id}","obtainedAt":1799999000000,` +
        '"issuer":"https://auth.example.com","tokenEndpoint":"https://auth.example.com/token","resource":"https://mcp.example.com/mcp",' +
        '"registration":{"issuer":"https://auth.example.com","clientId":"c","tokenEndpointAuthMethod":"none","redirectUris":[],"source":"dynamic","createdAt":1}}}',
    ],
  ]);
  const { client } = createHost(server, { store, dpop: createDpop() });

  expect(await client.session(server.serverUrl, { subject: "alice@example.com" }).getAccessToken()).toBe("at");
});
