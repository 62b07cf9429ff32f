import { describe, expect, it, vi } from "vitest";
import {
  authorizeWithDeviceCode,
  clientCredentials,
  createAuthFetch,
  createDpop,
  createGrant,
  type AuthClientOptions,
  type ClientCredentialsOptions,
  type Grant,
  type GrantDefinition,
  type KVStore,
  type TokenKey,
  type TokenSet,
} from "../../src/index.js";
import { createFakeAuthServer, type FakeAuthServer, type FakeAuthServerOptions } from "../../src/testing.js";
import {
  approvedBy,
  createHost,
  failureOf,
  lockingViewOf,
  REDIRECT,
  viewOf,
  type SharedLocks,
} from "../support/host.js";

const HOUR = 3_600_000;
const SECRET = "correct horse";

const startServer = (options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({
    clientCredentials: true,
    accessTokenTtlMs: HOUR,
    clients: [{ client_id: "machine", client_secret: SECRET }],
    ...options,
  });

const grantAt = ({ issuer }: FakeAuthServer, options: Partial<ClientCredentialsOptions> = {}): Grant =>
  clientCredentials({ issuer, clientId: "machine", clientSecret: SECRET, ...options });

/** One process of a machine. */
function startMachine(
  server: FakeAuthServer,
  { grant = grantAt(server), ...options }: Partial<AuthClientOptions> & { readonly grant?: Grant } = {},
) {
  const { client, events } = createHost(server, options);
  const session = client.session(server.serverUrl, { grant });
  return { client, session, events, call: createAuthFetch(session) };
}

const askedOf = (server: FakeAuthServer): readonly string[] => server.requests.map(({ endpoint }) => endpoint);
const tokenRequests = (server: FakeAuthServer) => server.requests.filter(({ endpoint }) => endpoint === "token");

describe("a machine with credentials of its own", () => {
  it("gets a token without a user, a registration or a page [spec-131, spec-132, spec-133, spec-134]", async () => {
    const server = startServer({ scopes: ["read", "write"] });
    const { session } = startMachine(server);
    const accessToken = await session.getAccessToken();
    const [asked] = tokenRequests(server);

    expect(askedOf(server)).toEqual(["protectedResourceMetadata", "authorizationServerMetadata", "token"]);
    expect(Object.fromEntries(asked?.form ?? [])).toEqual({
      grant_type: "client_credentials",
      resource: server.serverUrl,
      scope: "read write",
    });
    expect(asked?.headers["authorization"]).toMatch(/^Basic /);
    expect(await session.getTokens()).toMatchObject({
      accessToken,
      grant: "client_credentials machine",
      scope: "read write",
      issuer: server.issuer,
      registration: { clientId: "machine", source: "pre_registered" },
    });
  });

  it("asks for what the server's challenge names, which its first request brings [spec-12, spec-131]", async () => {
    const server = startServer({ scopes: ["profile", "read"], requiredScope: "read" });
    const { call } = startMachine(server);

    expect((await call(server.serverUrl)).status).toBe(200);
    expect(tokenRequests(server)[0]?.form.get("scope")).toBe("read");
    expect(server.counts).toMatchObject({ resource: 2, token: 1 });
  });

  it("asks for the scope it was given, and for none when nobody names one", async () => {
    const named = startServer({ scopes: ["a", "b"] });
    const silent = startServer();
    await startMachine(named, { grant: grantAt(named, { scope: "b" }) }).session.getAccessToken();
    await startMachine(silent).session.getAccessToken();

    expect(tokenRequests(named)[0]?.form.get("scope")).toBe("b");
    expect(tokenRequests(silent)[0]?.form.has("scope")).toBe(false);
  });

  it("uses a fresh token without asking anybody, and renews with one request before it runs out [spec-136]", async () => {
    const server = startServer();
    const { session, call } = startMachine(server);
    const first = await session.getAccessToken();
    await call(server.serverUrl);
    expect(await session.getAccessToken()).toBe(first);
    const before = server.requests.length;

    server.advance(HOUR - 20_000);
    expect((await call(server.serverUrl)).status).toBe(200);
    expect(askedOf(server).slice(before)).toEqual(["token", "resource"]);
    expect(await session.getAccessToken()).not.toBe(first);
  });

  it("gets another token when the server refuses one, once for all who wait [spec-3.8-02]", async () => {
    const server = startServer();
    const { call } = startMachine(server);
    await call(server.serverUrl);
    server.advance(HOUR / 2);
    server.expireAccessTokens();
    const responses = await Promise.all(Array.from({ length: 5 }, () => call(server.serverUrl)));

    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(server.counts).toMatchObject({ token: 2, authorization: 0, registration: 0 });
  });

  it("asks once in all processes that share the store, which find the token after a restart too", async () => {
    const server = startServer();
    const [backing, locks] = [new Map<string, string>(), new Map() as SharedLocks];
    const machines = Array.from({ length: 4 }, () => startMachine(server, { store: lockingViewOf(backing, locks) }));
    const tokens = await Promise.all(
      machines.flatMap(({ session }) => [session, session].map((s) => s.getAccessToken())),
    );

    expect(new Set(tokens).size).toBe(1);
    expect(server.counts.token).toBe(1);
    expect(await startMachine(server, { store: viewOf(backing) }).session.getAccessToken()).toBe(tokens[0]);
    server.advance(HOUR);
    await Promise.all(machines.map(({ session }) => session.getAccessToken()));
    expect(server.counts.token).toBe(2);
  });

  it("keeps its secret to itself: neither store nor events have it", async () => {
    const server = startServer();
    const backing = new Map<string, string>();
    const { session, events } = startMachine(server, { store: viewOf(backing) });
    await session.getAccessToken();

    expect(JSON.stringify([...backing])).not.toContain(SECRET);
    expect(JSON.stringify(events)).not.toContain(SECRET);
  });

  it("keeps its tokens apart from a user's, and from another machine's", async () => {
    const server = startServer({
      clients: ["machine", "other"].map((client_id) => ({ client_id, client_secret: SECRET })),
    });
    const { client, session } = startMachine(server);
    const user = client.session(server.serverUrl);
    const other = client.session(server.serverUrl, { grant: grantAt(server, { clientId: "other" }) });
    const tokens = [
      (await user.authorize(approvedBy(server))).accessToken,
      await session.getAccessToken(),
      await other.getAccessToken(),
    ];

    expect(new Set(tokens).size).toBe(3);
    await session.signOut();
    expect(await user.getAccessToken()).toBe(tokens[0]);
    expect(await other.getAccessToken()).toBe(tokens[2]);
  });

  it("is not given a user's tokens by a table that knows users alone", async () => {
    const server = startServer();
    const rows = new Map<string, TokenSet>();
    const tokenStore = {
      getTokens: ({ serverUrl }: TokenKey) => rows.get(serverUrl),
      setTokens: ({ serverUrl }: TokenKey, tokens: TokenSet) => void rows.set(serverUrl, tokens),
      deleteTokens: ({ serverUrl }: TokenKey) => void rows.delete(serverUrl),
      getClientRegistration: () => undefined,
      setClientRegistration: () => undefined,
      deleteClientRegistration: () => undefined,
    };
    const { client, session } = startMachine(server, { tokenStore });
    const user = client.session(server.serverUrl);
    const { accessToken } = await user.authorize(approvedBy(server));

    expect(await session.getTokens()).toBeUndefined();
    expect(await session.getAccessToken()).not.toBe(accessToken);
    expect(await user.getTokens()).toBeUndefined();
  });

  it("revokes what it has when it signs out, and asks anew when it is needed again", async () => {
    const server = startServer();
    const { session } = startMachine(server);
    const first = await session.getAccessToken();

    expect(await session.signOut()).toEqual({ revoked: "yes" });
    expect(await session.getAccessToken()).not.toBe(first);
  });

  it("has tokens that are bound to a key where the host wants that, and keeps the key when it renews", async () => {
    const server = startServer({ dpop: {} });
    const { session, call } = startMachine(server, { dpop: createDpop({ required: true }) });
    expect((await call(server.serverUrl)).status).toBe(200);
    const { dpopKeyId, tokenType } = (await session.getTokens()) ?? {};
    server.advance(HOUR);
    expect((await call(server.serverUrl)).status).toBe(200);

    expect(tokenType).toBe("DPoP");
    expect(await session.getTokens()).toMatchObject({ dpopKeyId });
    expect(tokenRequests(server)).toHaveLength(2);
  });

  it("lets go of a refresh token that it was given all the same", async () => {
    const server = startServer({ faults: [{ endpoint: "token", fault: { members: { refresh_token: "spare" } } }] });
    const { session } = startMachine(server);
    await session.getAccessToken();

    expect(await session.getTokens()).not.toHaveProperty("refreshToken");
  });
});

describe("a machine's credentials", () => {
  it.each([
    "https://auth.example.com/",
    "https://AUTH.example.com",
    "https://auth.example.com:443",
    "https://attacker.example",
  ])("are not shown to an issuer that is not spelt the same: %s [spec-19, spec-20]", async (issuer) => {
    const server = startServer();
    const { session, call } = startMachine(server, { grant: grantAt(server, { issuer }) });

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "client_issuer_mismatch" });
    await expect(call(server.serverUrl)).rejects.toMatchObject({ code: "client_issuer_mismatch" });
    expect(server.counts.token).toBe(0);
  });

  it("stay behind when the MCP server moves to another issuer [spec-54, spec-100]", async () => {
    const server = startServer();
    const { call } = startMachine(server);
    await call(server.serverUrl);
    const other = startServer({ issuer: "https://other.example" });
    server.moveTo(other);

    await expect(call(server.serverUrl)).rejects.toMatchObject({ code: "client_issuer_mismatch" });
    expect(server.counts.token).toBe(1);
    expect(other.counts.token).toBe(0);
  });

  it("are repeated by no message, even when the server repeats them [pain-40]", async () => {
    const body = { error: "invalid_client", error_description: `not ${SECRET}` };
    const server = startServer({ faults: [{ endpoint: "token", fault: { status: 401, body } }] });
    const { session } = startMachine(server);
    const error = await failureOf(session.getAccessToken());

    expect(error).toMatchObject({ code: "token_request_rejected", oauthError: "invalid_client" });
    expect(`${String(error)} ${JSON.stringify({ ...(error as object) })}`).not.toContain(SECRET);
  });

  it.each(["a", "_", "grant", "invalid", "client", "0"])(
    "of a few letters (%s) spoil no error code, and are still repeated by no message [pain-40]",
    async (clientSecret) => {
      const server = startServer();
      const body = { error: "invalid_client", error_description: `bad secret "${clientSecret}": (${clientSecret})` };
      const { session } = startMachine(server, {
        grant: grantAt(server, { clientSecret }),
        fetch: (url, init) =>
          new URL(url).pathname === "/token"
            ? Promise.resolve(Response.json(body, { status: 400 }))
            : server.fetch(url, init),
      });

      expect(await failureOf(session.getAccessToken())).toMatchObject({
        code: "token_request_rejected",
        oauthError: "invalid_client",
        oauthErrorDescription: 'bad secret "[redacted]": ([redacted])',
      });
    },
  );

  it("have to be some", () => {
    const options = { issuer: "https://auth.example.com", clientId: "machine" };
    expect(() => clientCredentials(options)).toThrow("clientSecret");
    expect(() => clientCredentials({ ...options, clientSecret: "" })).toThrow(TypeError);
    expect(() => clientCredentials({ ...options, clientId: "", clientSecret: "x" })).toThrow("clientId");
    expect(() => clientCredentials({ ...options, issuer: "auth.example.com", clientSecret: "x" })).toThrow("issuer");
  });
});

describe("a machine that is refused", () => {
  it("says so, and asks nobody again until a pause has passed, in no process [spec-129]", async () => {
    const server = startServer({ clientCredentials: false });
    const backing = new Map<string, string>();
    const { session, call } = startMachine(server, { store: viewOf(backing) });
    const error = await failureOf(session.getAccessToken());

    expect(error).toMatchObject({ code: "token_request_rejected", oauthError: "unsupported_grant_type" });
    await expect(session.getAccessToken()).rejects.toBe(error);
    await expect(call(server.serverUrl)).rejects.toMatchObject({ code: "token_request_rejected" });
    const restarted = startMachine(server, { store: viewOf(backing) });
    await expect(restarted.session.getAccessToken()).rejects.toHaveProperty("retryAt");
    expect(server.counts.token).toBe(1);

    server.advance(60_000);
    await expect(restarted.session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    expect(server.counts.token).toBe(2);
  });

  it("goes on with a token that still works, and with nothing else", async () => {
    const server = startServer();
    const { session } = startMachine(server);
    const first = await session.getAccessToken();
    server.forgetClient("machine");
    server.advance(HOUR - 20_000);

    expect(await session.getAccessToken()).toBe(first);
    server.advance(80_000);
    await expect(session.getAccessToken()).rejects.toMatchObject({ oauthError: "invalid_client" });
  });

  it("for a moment recovers by itself [spec-3.8-18]", async () => {
    const server = startServer();
    const { session, events } = startMachine(server);
    server.faults.add({ endpoint: "token", fault: "503_retry_after" });

    const error = await failureOf(session.getAccessToken());
    expect(error).toMatchObject({ code: "server_error", status: 503 });
    await expect(session.getAccessToken()).rejects.toBe(error);
    expect(server.counts.token).toBe(1);
    server.advance(120_000);
    expect(await session.getAccessToken()).toBeDefined();
    expect(events.map(({ type }) => type)).toEqual(["discovered", "refresh_failed", "discovered", "refreshed"]);
  });

  it("by the MCP server, however fresh its token, is told that no login will help [spec-3.8-02]", async () => {
    const server = startServer();
    server.faults.add({ fault: "rejects_every_token" });
    const { call, session } = startMachine(server);
    const onAuthorizationRequired = vi.fn();
    const asking = createAuthFetch(session, { onAuthorizationRequired });

    for (let calls = 0; calls < 3; calls += 1) {
      await expect(call(server.serverUrl)).rejects.toMatchObject({ code: "token_not_accepted" });
      await expect(asking(server.serverUrl)).rejects.toMatchObject({ code: "token_not_accepted" });
    }
    expect(server.counts.token).toBeLessThanOrEqual(2);
    expect(onAuthorizationRequired).not.toHaveBeenCalled();
  });

  it("finds the token endpoint that has moved", async () => {
    const server = startServer();
    const { session } = startMachine(server);
    await session.getAccessToken();
    server.advance(2 * HOUR);
    server.faults.add({ endpoint: "token", fault: "404" });

    await expect(session.getAccessToken()).rejects.toMatchObject({ status: 404 });
    expect(server.counts.authorizationServerMetadata).toBe(2);
  });
});

describe("a machine that needs more scope", () => {
  const ADMIN = { scopes: ["read", "admin"], requiredScope: "read", pathScopes: { "/mcp/admin": "admin" } };

  it("asks for it by itself, together with what it has, once for all who wait [spec-110, spec-111]", async () => {
    const server = startServer(ADMIN);
    const { session } = startMachine(server);
    const onAuthorizationRequired = vi.fn();
    const call = createAuthFetch(session, { onAuthorizationRequired });
    await call(server.serverUrl);
    const responses = await Promise.all(Array.from({ length: 5 }, () => call(`${server.serverUrl}/admin`)));

    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(tokenRequests(server).map(({ form }) => form.get("scope"))).toEqual(["read", "read admin"]);
    expect(onAuthorizationRequired).not.toHaveBeenCalled();
  });

  it("does so for adapters that hand in the response", async () => {
    const server = startServer(ADMIN);
    const { session, call } = startMachine(server);
    await call(server.serverUrl);
    const accessToken = await session.getAccessToken();
    const refused = new Response(null, {
      status: 403,
      headers: { "www-authenticate": 'Bearer error="insufficient_scope", scope="admin"' },
    });
    await session.handleChallenge(refused, { accessToken });

    expect((await session.getTokens())?.scope).toBe("read admin");
  });

  it("keeps it when it renews, and begins as configured after a sign-out and after a restart", async () => {
    const server = startServer(ADMIN);
    const backing = new Map<string, string>();
    const grant = grantAt(server, { scope: "read" });
    const { call, session } = startMachine(server, { grant, store: viewOf(backing) });
    await call(`${server.serverUrl}/admin`);
    server.advance(HOUR);
    await session.getAccessToken();
    expect(tokenRequests(server).map(({ form }) => form.get("scope"))).toEqual(["read", "read admin", "read admin"]);

    await session.signOut();
    await session.getAccessToken();
    expect(tokenRequests(server).at(-1)?.form.get("scope")).toBe("read");

    await call(`${server.serverUrl}/admin`);
    server.advance(HOUR);
    await startMachine(server, { grant, store: viewOf(backing) }).session.getAccessToken();
    expect(tokenRequests(server).at(-1)?.form.get("scope")).toBe("read");
  });

  it("and is not allowed it gives up, and goes on with what it has [spec-110, spec-112]", async () => {
    const server = startServer(ADMIN);
    const { call, session } = startMachine(server);
    await call(server.serverUrl);
    const before = await session.getAccessToken();
    server.faults.add({ endpoint: "token", fault: "invalid_scope", times: 1 });

    await expect(call(`${server.serverUrl}/admin`)).rejects.toMatchObject({
      code: "token_request_rejected",
      oauthError: "invalid_scope",
    });
    expect(await session.getAccessToken()).toBe(before);
    expect((await call(server.serverUrl)).status).toBe(200);
    server.advance(HOUR);
    await session.getAccessToken();
    expect(tokenRequests(server).at(-1)?.form.get("scope")).toBe("read");
  });

  it("and gets less than it asks for ends with the server's refusal, after a few tries [spec-112]", async () => {
    const server = startServer(ADMIN);
    const less = async (url: string | URL, init?: RequestInit): Promise<Response> => {
      const body = new URLSearchParams(init?.body as URLSearchParams | undefined);
      if (new URL(url).pathname === "/token") body.set("scope", "read");
      return await server.fetch(url, init?.method === "POST" ? { ...init, body } : init);
    };
    const { call } = startMachine(server, { fetch: less });

    await expect(call(`${server.serverUrl}/admin`)).rejects.toMatchObject({ code: "insufficient_scope" });
    await expect(call(`${server.serverUrl}/admin`)).rejects.toMatchObject({ code: "insufficient_scope" });
    expect(server.counts.token).toBe(3);
  });
});

describe("a session with a grant", () => {
  it("cannot be logged in to", async () => {
    const server = startServer();
    const { session } = startMachine(server);

    await expect(session.startAuthorization({ redirectUri: REDIRECT })).rejects.toThrow(TypeError);
    await expect(session.authorize(approvedBy(server))).rejects.toThrow('"grant"');
    await expect(authorizeWithDeviceCode(session, { onUserCode: () => undefined })).rejects.toThrow('"grant"');
    expect(server.requests).toHaveLength(0);
  });

  it("of the host's own needs an id that is no user's, an issuer and a way to obtain tokens", () => {
    const definition = { id: "vault", issuer: "https://auth.example.com", obtain: () => Promise.reject(new Error()) };
    expect(() => createGrant({ ...definition, id: "" })).toThrow("id");
    expect(() => createGrant({ ...definition, id: "user" })).toThrow("id");
    expect(() => createGrant({ ...definition, issuer: "auth" })).toThrow("issuer");
    expect(() => createGrant({ ...definition, obtain: undefined as never })).toThrow("obtain");
  });

  it("takes the newer grant of the same client, whose secret was changed", async () => {
    const server = startServer();
    const { client, session } = startMachine(server, { grant: grantAt(server, { clientSecret: "old" }) });
    client.session(server.serverUrl, { grant: grantAt(server) });

    expect(await session.getAccessToken()).toBeDefined();
  });

  it("passes on what the host's own grant throws, and waits for it no longer than 20 seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = startServer();
      const failure = new Error("the vault is locked");
      const own = (obtain: GrantDefinition["obtain"]): Grant =>
        createGrant({ id: "vault", issuer: server.issuer, obtain });
      const locked = startMachine(server, { grant: own(() => Promise.reject(failure)) });
      await expect(locked.session.getAccessToken()).rejects.toBe(failure);

      const stuck = startMachine(server, { grant: own(() => new Promise(() => undefined)) });
      const late = failureOf(stuck.session.getAccessToken());
      await vi.advanceTimersByTimeAsync(20_000);
      expect(await late).toMatchObject({ code: "server_error", url: server.issuer });
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("fails in the store's words when the store does", async () => {
    const server = startServer();
    const broken: KVStore = { ...viewOf(new Map()), get: () => Promise.reject(new Error("no disk")) };
    const { session } = startMachine(server, { store: broken });

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "store_failed" });
    expect(server.counts.token).toBe(0);
  });
});
