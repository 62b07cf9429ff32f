import { describe, expect, it, vi } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { freezeClock } from "../support/freeze-clock.js";
import type { SharedLocks } from "../support/host.js";
import { approvedBy, createHost, failureOf, lockingViewOf, until, viewOf } from "../support/host.js";
import { DAY } from "../support/refresh.js";

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
    freezeClock();
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
    freezeClock();
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
