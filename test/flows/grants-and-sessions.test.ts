import { describe, expect, it, vi } from "vitest";
import {
  authorizeWithDeviceCode,
  createAuthFetch,
  createGrant,
  type Grant,
  type GrantDefinition,
  type KVStore,
} from "../../src/index.js";
import { approvedBy, failureOf, REDIRECT, viewOf } from "../support/host.js";
import { HOUR, startServer, grantAt, startMachine, tokenRequests } from "../support/machine.js";

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
