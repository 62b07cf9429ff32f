import { describe, expect, it, vi } from "vitest";
import type { KVStore } from "../../src/index.js";
import { createAuthFetch, createTokenStore, isAuthError } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { SharedLocks } from "../support/host.js";
import { approvedBy, createHost, failureOf, lockingViewOf, REDIRECT, until, viewOf } from "../support/host.js";

const DAY = 86_400_000;

describe("a token that has expired", () => {
  it("is renewed before the request is sent, with the same resource and no scope [spec-90, spec-106]", async () => {
    const server = createFakeAuthServer({ scopes: ["read"] });
    const { session, events } = createHost(server);
    const before = await session.authorize(approvedBy(server));
    server.advance(DAY);
    const accessToken = await session.getAccessToken();
    const request = server.requests.find(({ endpoint }) => endpoint === "refresh");

    expect(accessToken).not.toBe(before.accessToken);
    expect(request?.form.get("resource")).toBe(server.serverUrl);
    expect(request?.form.has("scope")).toBe(false);
    expect(await session.getTokens()).toMatchObject({ accessToken, scope: "read", requestedScope: "read" });
    expect(events.map(({ type }) => type)).toContain("refreshed");
    expect(server.counts.resource).toBe(0);
  });

  it("is renewed a little early, at most a minute and a tenth of its life", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 100_000 });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(89_000);
    await session.getAccessToken();
    expect(server.counts.refresh).toBe(0);
    server.advance(6_001);
    await session.getAccessToken();
    expect(server.counts.refresh).toBe(1);

    const long = createFakeAuthServer();
    const { session: other } = createHost(long);
    await other.authorize(approvedBy(long));
    long.advance(DAY - 61_000);
    await other.getAccessToken();
    expect(long.counts.refresh).toBe(0);
    long.advance(31_001);
    await other.getAccessToken();
    expect(long.counts.refresh).toBe(1);
  });

  it("is renewed once for all who need it, in one process or several with a lock", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const locks: SharedLocks = new Map();
    const hosts = Array.from({ length: 4 }, () => createHost(server, { store: lockingViewOf(backing, locks) }));
    await hosts[0]?.session.authorize(approvedBy(server));
    server.advance(DAY);
    const got = await Promise.all(
      hosts.flatMap(({ session }) => Array.from({ length: 25 }, () => session.getAccessToken())),
    );

    expect(new Set(got).size).toBe(1);
    expect(server.counts.refresh).toBe(1);
    expect(hosts.flatMap(({ events }) => events).filter(({ type }) => type === "refresh_adopted")).toHaveLength(3);
  });

  it("replaces the refresh token by the new one, and keeps the old where there is none [spec-105]", async () => {
    const rotating = createFakeAuthServer();
    const one = createHost(rotating).session;
    const before = await one.authorize(approvedBy(rotating));
    rotating.advance(DAY);
    await one.getAccessToken();
    expect((await one.getTokens())?.refreshToken).not.toBe(before.refreshToken);

    const steady = createFakeAuthServer({ rotateRefreshTokens: false });
    const other = createHost(steady).session;
    const first = await other.authorize(approvedBy(steady));
    for (let day = 0; day < 3; day += 1) {
      steady.advance(DAY);
      await other.getAccessToken();
    }
    expect((await other.getTokens())?.refreshToken).toBe(first.refreshToken);
    expect(steady.counts.refresh).toBe(3);
  });

  it("and cannot be renewed leaves the user needed, and is used until its very end [spec-104, pain-9]", async () => {
    const server = createFakeAuthServer({ issueRefreshTokens: false });
    const { session } = createHost(server);
    const { accessToken, refreshToken } = await session.authorize(approvedBy(server));
    expect(refreshToken).toBeUndefined();
    server.advance(DAY - 1000);
    expect(await session.getAccessToken()).toBe(accessToken);
    server.advance(1001);
    expect(await session.getAccessToken()).toBeUndefined();
    expect(await session.getTokens()).toMatchObject({ accessToken });
    expect(server.counts.refresh).toBe(0);
  });

  it("cannot be told from one that lives on when the server does not say: it is used until it is refused [spec-96]", async () => {
    const server = createFakeAuthServer({ faults: [{ fault: "expires_in_missing", endpoint: "token" }] });
    const { session } = createHost(server);
    const { accessToken, expiresAt } = await session.authorize(approvedBy(server));
    expect(expiresAt).toBeUndefined();
    server.advance(365 * DAY);
    expect(await session.getAccessToken()).toBe(accessToken);
    expect(server.counts.refresh).toBe(0);
  });

  it("takes the time of its life as a hint: the server's 401 goes first [spec-96]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();

    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts.refresh).toBe(1);
  });
});

describe("a token that the server refuses", () => {
  it.each([
    ["with invalid_token", 'Bearer error="invalid_token"'],
    ["without an error", "Bearer"],
    ["without any challenge", undefined],
  ])("%s is renewed once, and the request is sent again [spec-107, spec-3.8-02]", async (_, challenge) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const headers = { "www-authenticate": challenge };
    server.faults.add({ endpoint: "resource", fault: { status: 401, headers, body: "" } });
    const response = await createAuthFetch(session)(server.serverUrl);

    expect(response.status).toBe(200);
    expect(server.counts).toMatchObject({ refresh: 1, resource: 2 });
  });

  it("again after the renewal needs the user, and is not renewed in a loop [spec-3.8-02, pain-30]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(61_000);
    server.faults.add({ endpoint: "resource", fault: "401", times: Infinity });

    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({ code: "authorization_required" });
    expect(server.counts).toMatchObject({ refresh: 1, resource: 2, authorization: 1 });
    expect(await session.getTokens()).toBeDefined();
  });

  it("is not renewed when another process has stored a newer one already", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const one = createHost(server, { store: viewOf(backing) }).session;
    const other = createHost(server, { store: viewOf(backing) }).session;
    await one.authorize(approvedBy(server));
    await other.getAccessToken();
    server.expireAccessTokens();
    await createAuthFetch(one)(server.serverUrl);
    expect(server.counts.refresh).toBe(1);

    expect((await createAuthFetch(other)(server.serverUrl)).status).toBe(200);
    expect(server.counts.refresh).toBe(1);
    expect(await other.getAccessToken()).toBe(await one.getAccessToken());
  });

  it("and that cannot be renewed is forgotten, and the user is needed", async () => {
    const server = createFakeAuthServer({ issueRefreshTokens: false });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();

    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({ code: "authorization_required" });
    expect(await session.getTokens()).toBeUndefined();
    expect(server.counts.refresh).toBe(0);
  });

  it("and whose refresh was begun by the clock is not handed out again", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 100_000 });
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    server.advance(96_000);
    // the refresh of the clock fails, so that its callers go on with the token at hand
    let answer = (): void => undefined;
    const gate = new Promise<void>((resolve) => (answer = resolve));
    server.faults.add({ endpoint: "refresh", fault: async () => (await gate, new Response(null, { status: 503 })) });
    const early = session.getAccessToken();
    await until(() => server.counts.refresh === 1);
    const refused = session.handleChallenge(new Response(null, { status: 401 }), { accessToken });
    answer();

    expect(await early).toBe(accessToken);
    // for them it is too early to ask again, and there is no other token
    expect(await failureOf(refused)).toMatchObject({ code: "server_error", retryAt: expect.any(Number) as unknown });
    expect(server.counts.refresh).toBe(1);
    server.advance(1_001);
    await session.handleChallenge(new Response(null, { status: 401 }), { accessToken });
    expect(await session.getAccessToken()).not.toBe(accessToken);
  });

  it("is renewed for adapters that know the response and the token alone", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    await session.handleChallenge(new Response(null, { status: 401 }), { accessToken });

    expect(await session.getAccessToken()).not.toBe(accessToken);
    await expect(session.handleChallenge(new Response(null, { status: 404 }))).rejects.toThrow(TypeError);
    await expect(session.handleChallenge(new Response(null, { status: 403 }))).rejects.toThrow(TypeError);
    const never = createHost(server).session;
    await expect(never.handleChallenge(new Response(null, { status: 401 }))).rejects.toMatchObject({
      code: "authorization_required",
    });
  });
});

describe("where requests must not wait for each other's promises", () => {
  it("each refreshes by itself, and takes over what the first one stored", async () => {
    vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
    const server = createFakeAuthServer({ revokeOnReuse: false });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    const got = await Promise.all([session.getAccessToken(), session.getAccessToken()]);

    expect(got[0]).toBeTypeOf("string");
    expect(got[1]).toBe(got[0]);
    expect(server.counts.refresh).toBe(2);
  });
});

describe("a server of 2025-03-26, which publishes no resource metadata,", () => {
  it("has its tokens renewed at its own origin after a 401", async () => {
    const server = createFakeAuthServer({ issuer: "https://mcp.example.com", resourceMetadata: "none" });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();

    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
  });
});

describe("a policy of the host", () => {
  it("that refuses the token endpoint keeps the tokens", async () => {
    const server = createFakeAuthServer();
    let allowed = true;
    const { session } = createHost(server, { allowUrl: (_, { purpose }) => allowed || purpose !== "token_endpoint" });
    const tokens = await session.authorize(approvedBy(server));
    server.advance(DAY);
    allowed = false;

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "insecure_url" });
    expect(await session.getTokens()).toEqual(tokens);
    expect(server.counts.refresh).toBe(0);
  });

  it("that throws is the host's own error, even while a token would still do", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    await createHost(server, { store }).session.authorize(approvedBy(server));
    server.advance(DAY - 10_000);
    const broken = new Error("policy service down");
    const { session, events } = createHost(server, { store, allowUrl: () => Promise.reject(broken) });

    expect(await failureOf(session.getAccessToken())).toBe(broken);
    expect(events).toEqual([]);
    expect(await session.getTokens()).toBeDefined();
  });
});

describe("a refresh that decides nothing", () => {
  const faults = ["500", "503_retry_after", "429", "html_200", "bad_json", "network_error"] as const;

  it.each(faults)("(%s) keeps everything, and a token that still works in use [spec-3.8-18]", async (fault) => {
    const server = createFakeAuthServer();
    const { session, events } = createHost(server);
    const before = await session.authorize(approvedBy(server));
    server.advance(DAY - 20_000);
    server.faults.add({ endpoint: "refresh", fault });

    expect(await session.getAccessToken()).toBe(before.accessToken);
    expect(events.at(-1)).toMatchObject({ type: "refresh_failed", serverUrl: server.serverUrl });
    expect(await session.getTokens()).toEqual(before);
    expect(await session.getAccessToken()).toBe(before.accessToken);
    expect(server.counts.refresh).toBe(1);
    server.advance(120_000);
    expect(await session.getAccessToken()).not.toBe(before.accessToken);
    expect(server.counts).toMatchObject({ refresh: 2, registration: 1, authorization: 1 });
  });

  it.each(faults)(
    "(%s) is an error when the token has run out or was refused, and no logout [spec-3.8-18]",
    async (fault) => {
      const server = createFakeAuthServer();
      const store = new Map<string, string>();
      const { session } = createHost(server, { store });
      await session.authorize(approvedBy(server));
      server.advance(DAY);
      const before = new Map(store);
      server.faults.add({ endpoint: "refresh", fault, times: 2 });
      const byClock = await failureOf(session.getAccessToken());
      server.advance(121_000);
      const byFetch = await failureOf(createAuthFetch(session)(server.serverUrl));

      for (const error of [byClock, byFetch]) {
        expect(isAuthError(error) && ["server_error", "network_error"].includes(error.code)).toBe(true);
      }
      expect(server.counts.refresh).toBe(2);
      for (const [key, value] of before) if (/^v1:(tokens|client):/.test(key)) expect(store.get(key)).toBe(value);
      server.advance(121_000);
      expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    },
  );

  it.each(faults)("(%s) is that error when the server has just refused the token, and not a login", async (fault) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const before = await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    server.faults.add({ endpoint: "refresh", fault });
    let asked = 0;
    const authFetch = createAuthFetch(session, { onAuthorizationRequired: async () => void (asked += 1) });
    const error = await failureOf(authFetch(server.serverUrl));

    expect(isAuthError(error) && ["server_error", "network_error"].includes(error.code)).toBe(true);
    expect(asked).toBe(0);
    expect(server.counts.resource).toBe(1);
    expect(await session.getTokens()).toEqual(before);
    server.advance(3_600_001);
    expect((await authFetch(server.serverUrl)).status).toBe(200);
  });

  it("says when to come again", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    const error = await failureOf(session.getAccessToken());

    expect(isAuthError(error, "server_error") && (error.retryAt ?? 0) - server.now()).toBeGreaterThan(110_000);
  });

  it("ends within the client's own timeout when the server hangs [pain-39]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = createFakeAuthServer();
      const { session } = createHost(server, { timeoutMs: 5_000 });
      await session.authorize(approvedBy(server));
      server.advance(DAY);
      server.faults.add({ endpoint: "refresh", fault: "hang" });
      const work = failureOf(session.getAccessToken());
      await until(() => server.counts.refresh === 1);
      await vi.advanceTimersByTimeAsync(4_999);
      expect(vi.getTimerCount()).toBeGreaterThan(0);
      await vi.advanceTimersByTimeAsync(1);

      expect(await work).toMatchObject({ code: "request_timeout" });
      expect(vi.getTimerCount()).toBe(0);
      server.advance(1_000);
      expect(await session.getAccessToken()).toBeTypeOf("string");
    } finally {
      vi.useRealTimers();
    }
  });

  it("because its answer was lost after the rotation is an error, and the next refresh finds the session dead", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "lost_answer" });

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "network_error" });
    server.advance(1_000);
    expect(await session.getAccessToken()).toBeUndefined();
    expect(await session.getTokens()).toBeUndefined();
  });
});

describe("a caller who gives up", () => {
  it("rejects with its own reason, and the refresh goes on for the others", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const before = await session.authorize(approvedBy(server));
    server.advance(DAY);
    const reason = new Error("gone");
    const controller = new AbortController();
    const quitter = failureOf(session.getAccessToken({ signal: controller.signal }));
    const patient = session.getAccessToken();
    controller.abort(reason);

    expect(await quitter).toBe(reason);
    expect(await patient).not.toBe(before.accessToken);
    expect(server.counts.refresh).toBe(1);
    expect(await failureOf(session.getAccessToken({ signal: AbortSignal.abort(reason) }))).toBe(reason);
  });
});

describe("a refresh token that the server refuses", () => {
  it.each([
    ["invalid_grant", "[spec-3.8-12]"],
    ["unauthorized_client", "[spec-3.8-14]"],
    ["unsupported_grant_type", "[spec-3.8-14]"],
    ["invalid_scope", "[spec-3.8-15]"],
    ["invalid_target", "[spec-3.8-16]"],
  ])("with %s is forgotten, the registration stays, and the user is needed %s", async (error) => {
    const server = createFakeAuthServer();
    const { session, events } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: { status: 400, body: { error } } });

    expect(await session.getAccessToken()).toBeUndefined();
    expect(await session.getTokens()).toBeUndefined();
    expect(events.at(-1)).toMatchObject({
      type: "refresh_failed",
      error: { code: "refresh_rejected", oauthError: error },
    });
    expect(server.counts.refresh).toBe(1);
    await session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(1);
  });

  it("with status 200 is forgotten as well [spec-3.8-19]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "error_in_200" });

    expect(await session.getAccessToken()).toBeUndefined();
    expect(await session.getTokens()).toBeUndefined();
  });

  it("because the grant was taken back leads to a login through the fetch [spec-3.8-12]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    server.revokeGrant(accessToken);
    const reasons: string[] = [];
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async ({ reason, challenge }) => {
        reasons.push(reason);
        await session.authorize(approvedBy(server, { challenge }));
      },
    });

    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(reasons).toEqual(["login"]);
    expect(server.counts).toMatchObject({ refresh: 1, registration: 1, authorization: 2 });
  });

  it("was used by another process first: what that one stored is taken over, not deleted", async () => {
    const server = createFakeAuthServer({ revokeOnReuse: false });
    const backing = new Map<string, string>();
    const one = createHost(server, { store: viewOf(backing) });
    const other = createHost(server, { store: viewOf(backing) });
    await one.session.authorize(approvedBy(server));
    await other.session.getAccessToken();
    server.advance(DAY);
    // without a lock both read the same refresh token before either has used it
    const got = await Promise.all([one.session.getAccessToken(), other.session.getAccessToken()]);

    expect(server.counts.refresh).toBe(2);
    expect(got[0]).toBe(got[1]);
    expect(await createHost(server, { store: viewOf(backing) }).session.getAccessToken()).toBe(got[0]);
    const types = [...one.events, ...other.events].map(({ type }) => type);
    expect(types.filter((type) => type === "refresh_adopted")).toHaveLength(1);
  });

  const rejection = () => Response.json({ error: "invalid_grant" }, { status: 400 });
  it("while another process signed out leaves nothing to delete", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({
      endpoint: "refresh",
      fault: async () => {
        await createTokenStore(store).deleteTokens({ serverUrl: server.serverUrl });
        return rejection();
      },
    });

    expect(await session.getAccessToken()).toBeUndefined();
  });

  it("while another process stored tokens that have expired as well leads to a refresh of those", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({
      endpoint: "refresh",
      fault: async () => {
        await createHost(server, { store: viewOf(store) }).session.getAccessToken();
        server.advance(DAY);
        return rejection();
      },
    });

    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ refresh: 3, authorization: 1 });
  });
});

describe("a client that the server has forgotten", () => {
  it("is dropped with its tokens, and the next login registers anew", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { registration } = await session.authorize(approvedBy(server));
    server.forgetClient(registration.clientId);
    server.advance(DAY);

    expect(await session.getAccessToken()).toBeUndefined();
    const again = await session.authorize(approvedBy(server));
    expect(again.registration.clientId).not.toBe(registration.clientId);
    expect(server.counts).toMatchObject({ refresh: 1, registration: 2 });
  });

  it("is not dropped when a newer registration has taken its place", async () => {
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    const alice = client.session(server.serverUrl, { subject: "alice" });
    const bob = client.session(server.serverUrl, { subject: "bob" });
    const first = await alice.authorize(approvedBy(server));
    server.forgetClient(first.registration.clientId);
    // bob's login with the stored, forgotten client fails at the server; his refresh would, too
    await bob.startAuthorization({ redirectUri: REDIRECT });
    server.advance(DAY);
    expect(await alice.getAccessToken()).toBeUndefined();
    const second = await bob.authorize(approvedBy(server));
    // alice has old tokens once more, as a process that slept would
    expect(second.registration.clientId).not.toBe(first.registration.clientId);
    expect(server.counts.registration).toBe(2);
  });

  it("of tokens that are older than the registration at hand leaves the registration alone", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    const old = await session.authorize(approvedBy(server));
    server.forgetClient(old.registration.clientId);
    const key = { issuer: server.issuer, redirectUri: REDIRECT };
    await createTokenStore(store).setClientRegistration(key, { ...old.registration, clientId: "newer" });
    server.advance(DAY);

    expect(await session.getAccessToken()).toBeUndefined();
    expect((await createTokenStore(store).getClientRegistration(key))?.clientId).toBe("newer");
  });

  it("but was registered by the host stays: it is for the host to correct", async () => {
    const server = createFakeAuthServer({ clients: [{ client_id: "ours", redirect_uris: [REDIRECT] }] });
    const { session } = createHost(server, { preRegistered: [{ issuer: server.issuer, clientId: "ours" }] });
    await session.authorize(approvedBy(server));
    server.forgetClient("ours");
    server.advance(DAY);

    expect(await session.getAccessToken()).toBeUndefined();
    expect(server.counts.registration).toBe(0);
  });
});

describe("a store that fails", () => {
  /** Fails on demand. */
  function fragileStore(): { store: KVStore; backing: Map<string, string>; broken: Set<"get" | "set" | "delete"> } {
    const backing = new Map<string, string>();
    const broken = new Set<"get" | "set" | "delete">();
    const check = (action: "get" | "set" | "delete"): void => {
      if (broken.has(action)) throw new Error("disk full");
    };
    return {
      backing,
      broken,
      store: {
        get: async (key) => (check("get"), backing.get(key)),
        set: async (key, value) => (check("set"), backing.set(key, value)),
        delete: async (key) => (check("delete"), backing.delete(key)),
      },
    };
  }

  it("to write renewed tokens is an error; they stay in memory and are written first when it works again", async () => {
    const server = createFakeAuthServer();
    const { store, backing } = fragileStore();
    let full = false;
    const { session } = createHost(server, {
      store: {
        ...store,
        set: async (key, value) => {
          if (full && key.startsWith("v1:tokens:")) throw new Error("disk full");
          backing.set(key, value);
        },
      },
    });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    full = true;
    const error = await failureOf(session.getAccessToken());

    expect(error).toMatchObject({ code: "store_failed", key: "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-" });
    expect(isAuthError(error) && error.cause).toEqual(new Error("disk full"));
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "store_failed" });
    expect(server.counts.refresh).toBe(1);
    full = false;
    const renewed = await session.getAccessToken();
    expect(JSON.parse(backing.get("v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-") ?? "")).toMatchObject({
      data: { accessToken: renewed },
    });
    expect(server.counts.refresh).toBe(1);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  });

  it("once to write is tried again at once", async () => {
    const server = createFakeAuthServer();
    const { store, backing } = fragileStore();
    let failures = 0;
    const { session } = createHost(server, {
      store: {
        ...store,
        set: async (key, value) => {
          if (key.startsWith("v1:tokens:") && (failures += 1) === 1) throw new Error("busy");
          backing.set(key, value);
        },
      },
    });
    const tokens = await session.authorize(approvedBy(server));

    expect(failures).toBe(2);
    expect(await session.getTokens()).toEqual(tokens);
  });

  it("to write the tokens of a login is an error, and they are not lost", async () => {
    const server = createFakeAuthServer();
    const { store, backing } = fragileStore();
    let full = true;
    const { session } = createHost(server, {
      store: {
        ...store,
        set: async (key, value) => {
          if (full && key.startsWith("v1:tokens:")) throw new Error("disk full");
          backing.set(key, value);
        },
      },
    });
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "store_failed" });
    full = false;

    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ token: 1, refresh: 0 });
  });

  it.each(["get", "set", "delete"] as const)(
    "to %s is an error that names the record, and no login state in it",
    async (action) => {
      const server = createFakeAuthServer();
      const { store, broken } = fragileStore();
      const { session } = createHost(server, { store });
      const { authorizationUrl, state } = await session.startAuthorization({ redirectUri: REDIRECT });
      const callback = await server.approve(authorizationUrl);
      broken.add(action);
      const error = await failureOf(session.finishAuthorization(callback));

      expect(error).toMatchObject({ code: "store_failed" });
      expect(JSON.stringify(error) + String((error as { key?: string }).key)).not.toContain(state);
    },
  );

  it("to read fails the call, and asks nobody for a login [pain-30]", async () => {
    const server = createFakeAuthServer();
    const { store, broken } = fragileStore();
    const { session } = createHost(server, { store });
    broken.add("get");
    let asked = 0;
    const authFetch = createAuthFetch(session, { onAuthorizationRequired: async () => void (asked += 1) });

    await expect(authFetch(server.serverUrl)).rejects.toMatchObject({ code: "store_failed" });
    await expect(session.getTokens()).rejects.toMatchObject({ code: "store_failed" });
    expect(asked).toBe(0);
    expect(server.requests).toEqual([]);
  });
});

describe("a record that cannot be used", () => {
  const key = "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-";
  it.each([
    ["corrupt", '{"v":1,"data":{"accessTok', "it is not JSON"],
    ["foreign", '"hello"', "it is not a record of this library"],
    ["empty", "", "it is not JSON"],
    ["null", "null", "it is not a record of this library"],
    ["of another version", '{"v":2,"data":{}}', "it was written by another version"],
    ["incomplete", '{"v":1,"data":{"accessToken":"x"}}', expect.stringContaining("tokenType") as unknown],
    ["of another kind", '{"v":1,"data":[]}', expect.stringContaining("accessToken") as unknown],
  ])("because it is %s is a miss and an event, and is not deleted", async (_, value, reason) => {
    const server = createFakeAuthServer();
    const store = new Map([[key, value]]);
    const { session, events } = createHost(server, { store });

    expect(await session.getAccessToken()).toBeUndefined();
    expect(events).toEqual([{ type: "record_ignored", key, reason }]);
    expect(store.get(key)).toBe(value);
    await session.authorize(approvedBy(server));
    expect(await session.getAccessToken()).toBeTypeOf("string");
  });

  it("and an observer who throws do no harm", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server, {
      store: new Map([[key, "nonsense"]]),
      onEvent: () => {
        throw new Error("observer");
      },
    });

    expect(await session.getAccessToken()).toBeUndefined();
  });

  it("and an observer who fails later do no harm either", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    try {
      const { session } = createHost(createFakeAuthServer(), {
        store: new Map([[key, "nonsense"]]),
        onEvent: () => Promise.reject(new Error("the log is down")) as unknown as undefined,
      });
      expect(await session.getAccessToken()).toBeUndefined();
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off("unhandledRejection", unhandled);
    }
  });
});

describe("a lock that is not to be had in time", () => {
  const stuck = (backing: Map<string, string>): { store: KVStore; hold: Set<string>; waiting: { count: number } } => {
    const hold = new Set<string>();
    const waiting = { count: 0 };
    return {
      hold,
      waiting,
      store: {
        ...viewOf(backing),
        withLock: async (key, task, { signal } = {}) => {
          if ([...hold].some((prefix) => key.startsWith(prefix))) {
            waiting.count += 1;
            await new Promise((_, reject) => {
              signal?.addEventListener("abort", () => {
                reject(signal.reason as Error);
              });
            });
          }
          return await task(new AbortController().signal);
        },
      },
    };
  };

  it("leaves a token in use that still works, and is an error when there is none", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = createFakeAuthServer();
      const { store, hold, waiting } = stuck(new Map());
      const { session } = createHost(server, { store });
      const { accessToken } = await session.authorize(approvedBy(server));
      hold.add("refresh:");
      server.advance(DAY - 20_000);
      const alive = session.getAccessToken();
      await until(() => waiting.count === 1);
      await vi.advanceTimersByTimeAsync(20_000);
      expect(await alive).toBe(accessToken);

      server.advance(20_000);
      const dead = failureOf(session.getAccessToken());
      await until(() => waiting.count === 2);
      await vi.advanceTimersByTimeAsync(20_000);
      expect(await dead).toMatchObject({ code: "lock_timeout" });
      expect(server.counts.refresh).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("does not lose the tokens of a login, nor keep a user signed in", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = createFakeAuthServer();
      const { store, hold, waiting } = stuck(new Map());
      const { session } = createHost(server, { store });
      hold.add("refresh:");
      const login = session.authorize(approvedBy(server));
      await until(() => waiting.count === 1);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(await session.getTokens()).toEqual(await login);

      const signOut = session.signOut();
      await until(() => waiting.count === 2);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(await signOut).toEqual({ revoked: "yes" });
      expect(await session.getTokens()).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });
});
