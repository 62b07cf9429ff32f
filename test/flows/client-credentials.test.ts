import { describe, expect, it } from "vitest";
import { clientCredentials, createDpop, type TokenKey, type TokenSet } from "../../src/index.js";
import { approvedBy, failureOf, lockingViewOf, viewOf, type SharedLocks } from "../support/host.js";
import { HOUR, SECRET, startServer, grantAt, startMachine, askedOf, tokenRequests } from "../support/machine.js";

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
    expect(await session.getTokens()).not.toHaveProperty("registration.clientSecret");
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
