import { calculateJwkThumbprint } from "jose";
import { describe, expect, it } from "vitest";
import { createAuthFetch, createDpop } from "../../src/index.js";
import type { FakeAuthServerOptions } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { NOW, createServer, createDpopHost, receivedBy, proofOf, keysIn } from "../support/dpop-host.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.js";

describe("a login with DPoP", () => {
  it("names its key, proves it at the token endpoint, and sends a new proof with every request [spec-148, spec-149, spec-151]", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    const tokens = await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    await authFetch(`${server.serverUrl}?a=b#c`, { method: "POST", body: "x" });
    await authFetch(`${server.serverUrl}?a=b#c`, { method: "POST", body: "x" });
    expect(receivedBy(server, "resource").map(({ status }) => status)).toEqual([200, 200]);

    const [login] = receivedBy(server, "authorization");
    const [exchange] = receivedBy(server, "token");
    const [first, second] = receivedBy(server, "resource");
    if (!login || !exchange || !first || !second) throw new Error("too few requests");
    const { header, claims } = proofOf(exchange);
    const { typ, alg, jwk = {} } = header;
    expect(new URL(login.url).searchParams.get("dpop_jkt")).toBe(tokens.dpopKeyId);
    expect(await calculateJwkThumbprint(jwk)).toBe(tokens.dpopKeyId);
    expect({ typ, alg }).toEqual({ typ: "dpop+jwt", alg: "ES256" });
    expect(Object.keys(jwk).sort()).toEqual(["crv", "kty", "x", "y"]);
    expect(claims).toEqual({
      jti: expect.stringMatching(/^.{20,}$/) as unknown,
      htm: "POST",
      htu: "https://auth.example.com/token",
      iat: NOW / 1000,
    });
    expect(tokens.tokenType).toBe("DPoP");
    expect(first.headers["authorization"]).toBe(`DPoP ${server.nameOf(tokens.accessToken)}`);
    expect(proofOf(first).claims).toEqual({
      jti: expect.any(String) as unknown,
      htm: "POST",
      htu: "https://mcp.example.com/mcp",
      iat: NOW / 1000,
      ath: expect.stringMatching(/^[\w-]{43}$/) as unknown,
    });
    expect(proofOf(second).claims.jti).not.toBe(proofOf(first).claims.jti);
  });

  it("is finished by another process, which refreshes with the same key [spec-149]", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const starting = createDpopHost(server, { store });
    const { authorizationUrl } = await starting.session.startAuthorization({ redirectUri: REDIRECT });
    const finishing = createDpopHost(server, { store });
    const { tokens } = await finishing.client.finishAuthorization(await server.approve(authorizationUrl));
    server.advance(86_400_000);
    const refreshing = createDpopHost(server, { store });
    expect((await createAuthFetch(refreshing.session)(server.serverUrl)).status).toBe(200);

    const renewed = await refreshing.session.getTokens();
    expect(renewed).toMatchObject({ tokenType: "DPoP", dpopKeyId: tokens.dpopKeyId });
    expect(renewed?.accessToken).not.toBe(tokens.accessToken);
    expect(keysIn(store)).toEqual([`v1:dpop:${tokens.dpopKeyId}`]);
  });

  it("steps up with a new key and drops the old one", async () => {
    const server = createServer({ requiredScope: "read", pathScopes: { "/mcp/admin": "admin" } });
    const store = new Map<string, string>();
    const { session } = createDpopHost(server, { store });
    const { dpopKeyId } = await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async ({ scope, challenge }) => {
        await session.authorize(approvedBy(server, { scope, challenge }));
      },
    });
    expect((await authFetch(`${server.serverUrl}/admin`)).status).toBe(200);

    const after = (await session.getTokens())?.dpopKeyId;
    expect(after).not.toBe(dpopKeyId);
    expect(keysIn(store)).toEqual([`v1:dpop:${after}`]);
  });

  it("leaves a key that may be tidied up when nobody finishes it, and one that may not when somebody does", async () => {
    const server = createServer();
    const written: [string, number | undefined][] = [];
    const entries = new Map<string, string>();
    const { session } = createDpopHost(server, {
      store: {
        get: (key) => entries.get(key),
        set: (key, value, options) => {
          if (key.startsWith("v1:dpop:")) written.push([key, options?.expiresAt]);
          entries.set(key, value);
        },
        delete: (key) => entries.delete(key),
      },
    });
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    expect(written).toEqual([[expect.any(String), NOW + 3_600_000]]);
    const { dpopKeyId } = await session.finishAuthorization(await server.approve(authorizationUrl));
    expect(written).toEqual([expect.anything(), [`v1:dpop:${dpopKeyId}`, undefined]]);
    expect(JSON.parse(entries.get(`v1:dpop:${dpopKeyId}`) ?? "")).not.toHaveProperty("data.expiresAt");
  });

  it("follows the clock of the servers when its own is wrong", async () => {
    const server = createServer();
    const { session } = createDpopHost(server, { now: () => server.now() - 900_000, store: new Map() });
    await session.authorize(approvedBy(server));
    expect(receivedBy(server, "token").map(({ status }) => status)).toEqual([400, 200]);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts.resource).toBe(1);
  });
});

describe("a downgrade", () => {
  const toBearer = { members: { token_type: "Bearer" } };

  it("by the token endpoint is refused at login and at refresh", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    server.faults.add({ endpoint: "token", fault: toBearer });
    const failure = await failureOf(session.authorize(approvedBy(server)));
    expect(failure).toMatchObject({ code: "token_response_invalid" });
    expect(String(failure)).toContain('"Bearer"');
    expect(await session.getTokens()).toBeUndefined();

    await session.authorize(approvedBy(server));
    server.faults.add({ endpoint: "refresh", fault: toBearer });
    server.advance(86_400_000);
    expect(await failureOf(session.getAccessToken())).toMatchObject({ code: "token_response_invalid" });
  });

  it("is accepted where the host allows it, and such a token is sent as the bearer token it is", async () => {
    const server = createFakeAuthServer({
      authorizationServerMetadata: { dpop_signing_alg_values_supported: ["ES256"] },
    });
    const { session } = createDpopHost(server, { dpop: createDpop({ allowDowngrade: true }) });
    const { accessToken } = await session.authorize(approvedBy(server));
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    const [call] = receivedBy(server, "resource");
    expect(call?.headers).toMatchObject({ authorization: `Bearer ${server.nameOf(accessToken)}` });
    expect(call?.headers).not.toHaveProperty("dpop");
  });

  it.each([
    [{ allowDowngrade: true }, { scheme: "bearer" }, false],
    [{ allowDowngrade: true }, { scheme: "dpop" }, true],
    [{ allowDowngrade: true }, { scheme: "bearer", error: "insufficient_scope" }, true],
    [{}, { scheme: "bearer" }, true],
    [{ required: true }, { scheme: "bearer" }, true],
  ] as const)(
    "by the challenge of an MCP server that names no algorithms: with %j and %j, a key: %s",
    async (policy, challenge, hasKey) => {
      const server = createServer({
        dpop: {},
        protectedResourceMetadata: { dpop_signing_alg_values_supported: undefined },
      });
      const { session } = createDpopHost(server, { dpop: createDpop(policy) });
      const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT, challenge });
      expect(authorizationUrl.searchParams.has("dpop_jkt")).toBe(hasKey);
    },
  );

  it("cannot be both allowed and excluded", () => {
    expect(() => createDpop({ required: true, allowDowngrade: true })).toThrow(TypeError);
  });
});

describe("a server that does not offer DPoP", () => {
  const servers: readonly [string, FakeAuthServerOptions][] = [
    ["at all", { dpop: undefined }],
    ["with ES256", { authorizationServerMetadata: { dpop_signing_alg_values_supported: ["RS256"] } }],
    ["in a readable way", { authorizationServerMetadata: { dpop_signing_alg_values_supported: "ES256" } }],
    ["at its MCP server", { protectedResourceMetadata: { dpop_signing_alg_values_supported: ["RS256"] } }],
  ];

  it.each(servers)("%s issues bearer tokens [spec-152]", async (_, options) => {
    const server = createServer({ dpop: {}, ...options });
    const { session } = createDpopHost(server);
    expect((await session.authorize(approvedBy(server))).tokenType).toBe("Bearer");
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.requests.some(({ headers, url }) => "dpop" in headers || url.includes("dpop_jkt"))).toBe(false);
  });

  it.each(servers)("%s is refused where DPoP is required, before the user is asked [spec-152]", async (_, options) => {
    const server = createServer({ dpop: {}, ...options });
    const { session } = createDpopHost(server, { dpop: createDpop({ required: true }) });
    expect(await failureOf(session.authorize(approvedBy(server)))).toMatchObject({ code: "dpop_unsupported" });
    expect(server.counts).toMatchObject({ registration: 0, authorization: 0 });
  });

  it("is refused when its MCP server takes nothing else [spec-152]", async () => {
    const server = createServer({ authorizationServerMetadata: { dpop_signing_alg_values_supported: undefined } });
    const { session } = createDpopHost(server);
    expect(await failureOf(session.authorize(approvedBy(server)))).toMatchObject({ code: "dpop_unsupported" });
  });

  it("has left bearer tokens that are not used any more once DPoP is required", async () => {
    const server = createServer({ dpop: {} });
    const store = new Map<string, string>();
    const before = createHost(server, { store });
    const { accessToken } = await before.session.authorize(approvedBy(server));
    expect(await createDpopHost(server, { store }).session.getAccessToken()).toBe(accessToken);
    const strict = createDpopHost(server, { store, dpop: createDpop({ required: true }) });
    expect(await strict.session.getAccessToken()).toBeUndefined();
    expect(await strict.session.signOut()).toEqual({ revoked: "yes" });
    expect(server.counts.revocation).toBe(2);
  });
});
