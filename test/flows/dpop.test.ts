import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AuthClientOptions, DpopOptions } from "../../src/index.js";
import { createAuthFetch, createDpop } from "../../src/index.js";
import type { FakeAuthServer, FakeAuthServerOptions, FakeEndpoint, RecordedRequest } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT, type Host } from "../support/host.js";

const NOW = 1_800_000_000_000;

afterEach(() => void vi.unstubAllGlobals());

const createServer = (options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({ now: () => NOW, dpop: { required: true }, ...options });

const createDpopHost = (
  server: FakeAuthServer,
  { dpop, ...options }: Partial<AuthClientOptions> & { dpop?: AuthClientOptions["dpop"] } = {},
): Host => createHost(server, { dpop: dpop ?? createDpop(), ...options });

const receivedBy = (server: FakeAuthServer, endpoint: FakeEndpoint): readonly RecordedRequest[] =>
  server.requests.filter((request) => request.endpoint === endpoint);

const proofOf = (request: RecordedRequest | undefined) => {
  const proof = request?.headers["dpop"] ?? "";
  return { header: decodeProtectedHeader(proof), claims: decodeJwt(proof) };
};

const keysIn = (store: Map<string, string>): string[] => [...store.keys()].filter((key) => key.startsWith("v1:dpop:"));

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
    const fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
      const response = await server.fetch(input, init);
      response.headers.set("date", new Date(server.now()).toUTCString());
      return response;
    };
    const { session } = createDpopHost(server, { fetch, now: () => server.now() - 900_000, store: new Map() });
    await session.authorize(approvedBy(server));
    expect(receivedBy(server, "token").map(({ status }) => status)).toEqual([400, 200]);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts.resource).toBe(1);
  });
});

describe("a nonce", () => {
  const options: FakeAuthServerOptions = { dpop: { required: true, nonces: true } };

  it("is learnt from each of two servers on one origin, and kept until another is wanted [spec-150, spec-3.8-17]", async () => {
    const server = createServer({ ...options, issuer: "https://mcp.example.com", accessTokenTtlMs: 3_600_000 });
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    for (const call of [1, 2, 3]) expect((await authFetch(server.serverUrl)).status, `call ${call}`).toBe(200);
    expect(receivedBy(server, "token").map(({ status }) => status)).toEqual([400, 200]);
    expect(receivedBy(server, "resource").map(({ status }) => status)).toEqual([401, 200, 200, 200]);
    const proofs = [...receivedBy(server, "token"), ...receivedBy(server, "resource")].map(proofOf);
    expect(new Set(proofs.map(({ claims }) => claims.jti)).size).toBe(6);
    const [, exchange, , call] = proofs.map(({ claims }) => claims["nonce"]);
    expect(exchange).toMatch(/^authorization_server/);
    expect(call).toMatch(/^resource_server/);

    server.advance(300_000);
    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ resource: 6, refresh: 0 });
    server.advance(3_600_000);
    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(receivedBy(server, "refresh").map(({ status }) => status)).toEqual([400, 200]);
  });

  it("of one server is never shown to the other, though both are one origin [spec-150]", async () => {
    const server = createServer({ ...options, issuer: "https://mcp.example.com", accessTokenTtlMs: 60_000 });
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    await authFetch(server.serverUrl);
    server.advance(60_000);
    await authFetch(server.serverUrl);
    const sent = (endpoint: FakeEndpoint) =>
      receivedBy(server, endpoint).map((request) => String(proofOf(request).claims["nonce"]).replace(/-.*/, ""));
    expect(sent("token")).toEqual(["undefined", "authorization_server"]);
    expect(sent("refresh")).toEqual(["authorization_server"]);
    expect(sent("resource")).toEqual(["undefined", "resource_server", "resource_server"]);
  });

  it("is remembered from an answer that demands none", async () => {
    const server = createServer({ ...options, accessTokenTtlMs: 86_400_000 });
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    server.faults.add({
      endpoint: "resource",
      fault: async (_, answer) =>
        new Response(null, { headers: { "dpop-nonce": (await answer()).headers.get("dpop-nonce") ?? "" } }),
    });
    await authFetch(server.serverUrl);
    await authFetch(server.serverUrl);
    expect(proofOf(receivedBy(server, "resource").at(-1)).claims["nonce"]).toMatch(/^resource_server/);
  });

  it("that a request with a stream cannot get is there for the next one, and no token is renewed for it", async () => {
    const server = createServer(options);
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    const send = (): Promise<Response> =>
      authFetch(server.serverUrl, {
        method: "POST",
        body: new Blob(["x"]).stream(),
        duplex: "half",
      } as RequestInit);
    expect((await send()).status).toBe(401);
    expect((await send()).status).toBe(200);
    expect(server.counts).toMatchObject({ resource: 2, refresh: 0 });
  });

  it("that the MCP server goes on demanding ends with its own answer", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    const headers = { "www-authenticate": 'Bearer, DPoP error="use_dpop_nonce"', "dpop-nonce": "another" };
    server.faults.add({
      endpoint: "resource",
      fault: () => new Response(null, { status: 401, headers }),
      times: Infinity,
    });
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(401);
    expect(server.counts).toMatchObject({ resource: 2, refresh: 0 });
    expect(await session.getAccessToken()).toBe(accessToken);
  });

  it.each([["another"], [undefined]])(
    "that the token endpoint goes on demanding (%s) is an outage, and no logout",
    async (nonce) => {
      const server = createServer();
      const { session } = createDpopHost(server);
      await session.authorize(approvedBy(server));
      server.advance(86_400_000);
      const fault = { status: 400, headers: { "dpop-nonce": nonce }, body: { error: "use_dpop_nonce" } };
      server.faults.add({ endpoint: "refresh", fault, times: Infinity });
      expect(await failureOf(session.getAccessToken())).toMatchObject({ code: "server_error", status: 400 });
      expect(server.counts.refresh).toBe(nonce === undefined ? 1 : 2);
      server.faults.clear();
      server.advance(60_000);
      expect(await session.getAccessToken()).toBeDefined();
    },
  );
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

describe("a key", () => {
  const loseKeys = (store: Map<string, string>): void => {
    for (const key of keysIn(store)) store.delete(key);
  };

  it("that is lost makes the user log in, is reported once, and nothing is sent [spec-153]", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    await createDpopHost(server, { store }).session.authorize(approvedBy(server));
    loseKeys(store);
    const before = server.requests.length;
    const { session, events } = createDpopHost(server, { store });
    expect(await session.getAccessToken()).toBeUndefined();
    expect(await session.getTokens()).toBeUndefined();
    expect(events).toEqual([{ type: "dpop_key_missing", serverUrl: server.serverUrl }]);
    expect(server.requests.length).toBe(before);

    await session.authorize(approvedBy(server));
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  });

  it.each([
    ["is corrupt", () => "{"],
    ["is of another version", (text: string) => text.replace('"v":1', '"v":2')],
    ["is incomplete", (text: string) => text.replace('"d":', '"e":')],
    ["cannot be imported", (text: string) => text.replace(/"d":"[^"]*"/, '"d":"AA"')],
  ])("that %s counts as lost", async (_, spoil) => {
    const server = createServer();
    const store = new Map<string, string>();
    await createDpopHost(server, { store }).session.authorize(approvedBy(server));
    for (const key of keysIn(store)) store.set(key, spoil(store.get(key) ?? ""));
    const { session, events } = createDpopHost(server, { store });
    expect(await session.getAccessToken()).toBeUndefined();
    expect(events).toMatchObject([{ type: "dpop_key_missing" }]);
  });

  it("that is another one's counts as lost", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const { client } = createDpopHost(server, { store });
    for (const subject of ["alice", "bob"]) {
      await client.session(server.serverUrl, { subject }).authorize(approvedBy(server));
    }
    const [alices = "", bobs = ""] = keysIn(store);
    store.set(alices, store.get(bobs) ?? "");
    const restarted = createDpopHost(server, { store });
    expect(await restarted.client.session(server.serverUrl, { subject: "alice" }).getAccessToken()).toBeUndefined();
    expect(await restarted.client.session(server.serverUrl, { subject: "bob" }).getAccessToken()).toBeDefined();
  });

  it("that is lost before the login is finished ends that login", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const { authorizationUrl } = await createDpopHost(server, { store }).session.startAuthorization({
      redirectUri: REDIRECT,
    });
    loseKeys(store);
    const { client } = createDpopHost(server, { store });
    const callback = await server.approve(authorizationUrl);
    expect(await failureOf(client.finishAuthorization(callback))).toMatchObject({ code: "authorization_required" });
    expect(server.counts.token).toBe(0);
  });

  it("goes with its tokens: at sign-out, and when the refresh is refused", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const { session } = createDpopHost(server, { store });
    await session.authorize(approvedBy(server));
    expect(await session.signOut()).toEqual({ revoked: "yes" });
    expect(keysIn(store)).toEqual([]);

    const { refreshToken } = await session.authorize(approvedBy(server));
    server.revokeGrant(refreshToken ?? "");
    server.advance(86_400_000);
    expect(await session.getAccessToken()).toBeUndefined();
    expect(keysIn(store)).toEqual([]);
  });

  it("of a host's own store does not leave the runtime", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const pairs = new Map<string, Parameters<NonNullable<DpopOptions["keys"]>["set"]>[1]>();
    const keys = {
      get: (id: string) => pairs.get(id),
      set: (id: string, pair: never) => pairs.set(id, pair),
      delete: (id: string) => pairs.delete(id),
    };
    const { session } = createDpopHost(server, { store, dpop: createDpop({ keys }) });
    const { dpopKeyId = "" } = await session.authorize(approvedBy(server));
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect([...pairs.keys()]).toEqual([dpopKeyId]);
    expect(pairs.get(dpopKeyId)).toMatchObject({
      publicKey: { extractable: true },
      privateKey: { extractable: false },
    });
    expect(keysIn(store)).toEqual([]);
  });

  it("whose store fails is no lost key", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    await createDpopHost(server, { store }).session.authorize(approvedBy(server));
    const failing = (): never => {
      throw new Error("the disk is gone");
    };
    const dpop = createDpop({ keys: { get: failing, set: failing, delete: failing } });
    const { session, events } = createDpopHost(server, { store, dpop });
    const failure = await failureOf(session.getAccessToken());
    expect(failure).toMatchObject({ code: "store_failed", key: expect.stringMatching(/^v1:dpop:/) as unknown });
    expect(events).toEqual([]);
  });
});

describe("a bound token", () => {
  it("is not used by a client without DPoP, nor from a table that lost the name of its key [spec-148]", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    await createDpopHost(server, { store }).session.authorize(approvedBy(server));
    const before = server.requests.length;
    expect(await createHost(server, { store }).session.getAccessToken()).toBeUndefined();
    for (const [key, value] of store) store.set(key, value.replace(/"dpopKeyId":"[^"]*"/, '"other":""'));
    expect(await createDpopHost(server, { store }).session.getAccessToken()).toBeUndefined();
    expect(server.requests.length).toBe(before);
  });

  it("is proved anew for each redirect inside the server, and left behind with its proof outside of it [spec-148]", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const seen: { url: string; proof: string | null; authorization: string | null }[] = [];
    const locations = ["/mcp/moved", "https://other.example.com/mcp"];
    const fetch = (input: string | URL, init?: RequestInit): Promise<Response> => {
      const headers = new Headers(init?.headers);
      seen.push({ url: String(input), proof: headers.get("dpop"), authorization: headers.get("authorization") });
      const location = locations.shift();
      return Promise.resolve(
        location === undefined ? new Response() : new Response(null, { status: 307, headers: { location } }),
      );
    };
    await createAuthFetch(session, { fetch })(server.serverUrl);
    const [first, second, third] = seen;
    expect(seen.map(({ url }) => url)).toEqual([
      "https://mcp.example.com/mcp",
      "https://mcp.example.com/mcp/moved",
      "https://other.example.com/mcp",
    ]);
    expect(decodeJwt(first?.proof ?? "")).toMatchObject({ htu: "https://mcp.example.com/mcp" });
    expect(decodeJwt(second?.proof ?? "")).toMatchObject({ htu: "https://mcp.example.com/mcp/moved" });
    expect(third).toEqual({ url: "https://other.example.com/mcp", proof: null, authorization: null });
  });

  it("ends with an error at a redirect whose target a browser hides, and the proof goes nowhere", async () => {
    vi.stubGlobal("navigator", { userAgent: "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/150.0" });
    const server = createServer();
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const inits: (RequestInit | undefined)[] = [];
    const fetch = (_: string | URL, init?: RequestInit): Promise<Response> => {
      inits.push(init);
      return Promise.resolve(Object.defineProperty(new Response(), "type", { value: "opaqueredirect" }));
    };
    const failure = await failureOf(createAuthFetch(session, { fetch })(`${server.serverUrl}?q=1`));
    expect(failure).toMatchObject({ code: "redirect_refused", url: server.serverUrl });
    expect(inits).toMatchObject([{ redirect: "manual" }]);
    const given = await createAuthFetch(session, { fetch })(server.serverUrl, { redirect: "manual" });
    expect(given.type).toBe("opaqueredirect");
  });

  it("is asked for after a challenge of the scheme DPoP alone [spec-154]", async () => {
    const server = createServer({ resourceMetadataUrl: "https://mcp.example.com/elsewhere" });
    const { session } = createDpopHost(server);
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async ({ challenge }) => {
        expect(challenge).toMatchObject({ scheme: "dpop", resourceMetadataUrl: "https://mcp.example.com/elsewhere" });
        await session.authorize(approvedBy(server, { challenge }));
      },
    });
    expect((await authFetch(server.serverUrl)).status).toBe(200);
  });

  it("is not sent to other servers, and their requests get no proof", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const fetch = createAuthFetch(session);
    await fetch("https://other.example.com/mcp");
    await fetch(`${server.issuer}/token`, { method: "POST" });
    for (const { headers } of server.requests.slice(-2)) {
      expect(headers).not.toHaveProperty("dpop");
      expect(headers).not.toHaveProperty("authorization");
    }
  });

  it("that the MCP server refuses is renewed once with a proof", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ resource: 2, refresh: 1 });
  });

  it("and its proof appear in no message that the token endpoint says back [pain-40]", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    let proof = "";
    server.faults.add({
      endpoint: "token",
      fault: (request) => {
        proof = request.headers.get("dpop") ?? "";
        return Response.json({ error: "invalid_dpop_proof", error_description: `bad: ${proof}` }, { status: 400 });
      },
    });
    const failure = await failureOf(session.authorize(approvedBy(server)));
    expect(failure).toMatchObject({ code: "token_request_rejected", oauthError: "invalid_dpop_proof" });
    expect(proof).not.toBe("");
    expect(`${String(failure)} ${JSON.stringify(Object.entries(failure as object))}`).not.toContain(proof);
  });
});
