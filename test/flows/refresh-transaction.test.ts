import { describe, expect, it, vi } from "vitest";
import type { AuthClientOptions, KVStore, TokenSet } from "../../src/index.js";
import { createAuthFetch, createTokenStore } from "../../src/index.js";
import type { FakeAnswer, FakeAuthServer, FakeAuthServerOptions } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { Host, SharedLocks } from "../support/host.js";
import { approvedBy, createHost, failureOf, lockingViewOf, REDIRECT, until, viewOf } from "../support/host.js";

const DAY = 86_400_000;
const TOKENS = "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-";
const STATE = "v1:state:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-";

/** Processes that share one store, which locks. */
function createProcesses(server: FakeAuthServer, options: Partial<AuthClientOptions> = {}) {
  const backing = new Map<string, string>();
  const locks: SharedLocks = new Map();
  return {
    backing,
    start: (more: Partial<AuthClientOptions> = {}): Host =>
      createHost(server, { store: lockingViewOf(backing, locks), ...options, ...more }),
    state: () => (JSON.parse(backing.get(STATE) ?? '{"data":{}}') as { data: Record<string, unknown> }).data,
    tokens: () => (JSON.parse(backing.get(TOKENS) ?? '{"data":null}') as { data: TokenSet | null }).data,
  };
}

const unauthorized = (): Response => new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } });
const refusal = (error: string, status = 400): FakeAnswer => ({ status, body: { error } });
/** A server that gives out the same access token for as long as it likes, as caches in front of one do. */
const repeating = (server: FakeAuthServer, accessToken: string) =>
  server.faults.add({
    endpoint: "refresh",
    times: Infinity,
    fault: async (_, answer) =>
      Response.json({ ...((await (await answer()).json()) as object), access_token: accessToken }),
  });

describe("several processes", () => {
  it("with one expired token refresh it once, and each request gets through [pain-1]", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
    const { start } = createProcesses(server);
    const hosts = Array.from({ length: 8 }, () => start());
    await hosts[0]?.session.authorize(approvedBy(server));
    for (let hour = 1; hour <= 5; hour += 1) {
      server.advance(3_600_001);
      const fetches = hosts.map(({ session }) => createAuthFetch(session));
      const answers = await Promise.all(
        fetches.flatMap((one) => Array.from({ length: 25 }, () => one(server.serverUrl))),
      );
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      expect(server.counts.refresh).toBe(hour);
    }
  });

  it("whose token the server refuses early refresh it once as well [pain-1]", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    const hosts = Array.from({ length: 8 }, () => start());
    await hosts[0]?.session.authorize(approvedBy(server));
    await Promise.all(hosts.map(({ session }) => session.getAccessToken()));
    server.expireAccessTokens();
    const answers = await Promise.all(hosts.map(({ session }) => createAuthFetch(session)(server.serverUrl)));

    expect(answers.map(({ status }) => status)).toEqual(hosts.map(() => 200));
    expect(server.counts.refresh).toBe(1);
  });

  it("that need the user lead to one login; the others take over its tokens", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    const hosts = Array.from({ length: 50 }, () => start());
    const got = await Promise.all(hosts.map(({ session }) => session.authorize(approvedBy(server))));

    expect(new Set(got.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(server.counts).toMatchObject({ authorization: 1, token: 1, registration: 1 });
  });

  it("of a runtime that shares no promises between requests refresh each for itself, and lose nothing by it", async () => {
    vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
    const server = createFakeAuthServer({ revokeOnReuse: false });
    const { session } = createHost(server, { store: viewOf(new Map()) });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    const got = await Promise.all([session.getAccessToken(), session.getAccessToken()]);

    expect(server.counts.refresh).toBe(2);
    expect(got[0]).toBeTypeOf("string");
    expect(got[1]).toBe(got[0]);
  });

  it("wait for a login each for itself: whoever gives up ends no other's waiting", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    const [first, quitter, third] = [start(), start(), start()];
    let letIn = (): void => undefined;
    const user = new Promise<void>((resolve) => (letIn = resolve));
    const interact = async (url: URL) => (await user, await server.approve(url));
    const login = first.session.authorize(approvedBy(server, { interact }));
    const controller = new AbortController();
    const reason = new Error("window closed");
    const quit = failureOf(quitter.session.authorize(approvedBy(server, { signal: controller.signal })));
    const last = third.session.authorize(approvedBy(server));
    controller.abort(reason);
    expect(await quit).toBe(reason);
    letIn();

    expect((await last).accessToken).toBe((await login).accessToken);
    expect(server.counts.authorization).toBe(1);
  });

  it("take over a login only when it was for them: whoever holds it and gives up leaves it to the next", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    const controller = new AbortController();
    const options = { signal: controller.signal, interact: () => new Promise<never>(() => undefined) };
    const holder = failureOf(start().session.authorize(approvedBy(server, options)));
    const next = start().session.authorize(approvedBy(server));
    controller.abort(new Error("gone"));

    expect(await holder).toEqual(new Error("gone"));
    expect(await next).toHaveProperty("accessToken");
  });
});

describe("whoever loses a refresh", () => {
  it("takes what the winner stored, and deletes nothing of it [pain-2]", async () => {
    const server = createFakeAuthServer({ revokeOnReuse: false });
    const backing = new Map<string, string>();
    const [one, other] = [viewOf(backing), viewOf(backing)].map((store) => createHost(server, { store }));
    await one?.session.authorize(approvedBy(server));
    server.advance(DAY);
    const got = await Promise.all([one?.session.getAccessToken(), other?.session.getAccessToken()]);

    expect(server.counts.refresh).toBe(2);
    expect(got[0]).toBe(got[1]);
    expect(backing.get(TOKENS)).toContain(got[0]);
    server.advance(DAY);
    expect(await one?.session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts.authorization).toBe(1);
  });

  it.each(["a login", "a sign-out"])("to %s that did not wait for it stores nothing", async (event) => {
    const server = createFakeAuthServer();
    const { start, backing } = createProcesses(server);
    const other = createHost(server, { store: viewOf(backing) });
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    let theirs: TokenSet | undefined;
    server.faults.add({
      endpoint: "refresh",
      fault: async (_, answer) => {
        const response = await answer();
        if (event === "a login") theirs = await other.session.authorize(approvedBy(server, { force: true }));
        else await other.session.signOut({ localOnly: true });
        return response;
      },
    });

    expect(await session.getAccessToken()).toBe(theirs?.accessToken);
    expect(await session.getTokens()).toEqual(theirs);
  });

  it("because its lock was lost meanwhile takes the tokens that the next holder stored", async () => {
    const server = createFakeAuthServer({ revokeOnReuse: false });
    const { start, backing } = createProcesses(server);
    const { session } = createHost(server, { store: viewOf(backing) });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    let theirs: string | undefined;
    server.faults.add({
      endpoint: "refresh",
      fault: async (_, answer) => {
        theirs = await start().session.getAccessToken();
        return await answer();
      },
    });

    expect(await session.getAccessToken()).toBe(theirs);
    expect((await session.getTokens())?.accessToken).toBe(theirs);
  });

  it("but finds the old tokens still there stores its own", async () => {
    const server = createFakeAuthServer();
    const { start, backing, tokens } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({
      endpoint: "refresh",
      fault: async (_, answer) => {
        backing.set(STATE, '{"v":1,"data":{"refreshing":"another process"}}');
        return await answer();
      },
    });

    expect(await session.getAccessToken()).toBe(tokens()?.accessToken);
    expect(server.counts.refresh).toBe(1);
  });
});

describe("a lock", () => {
  const losing = (backing: Map<string, string>): KVStore => ({
    ...viewOf(backing),
    withLock: (key, task) => task(key.startsWith("refresh:") ? AbortSignal.abort(new Error("lost")) : never()),
  });
  const never = (): AbortSignal => new AbortController().signal;

  it("that was lost before the token request keeps it from being made", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    await createHost(server, { store: viewOf(backing) }).session.authorize(approvedBy(server));
    const { session } = createHost(server, { store: losing(backing) });
    server.advance(DAY - 20_000);
    expect(await session.getAccessToken()).toBeTypeOf("string");
    server.advance(20_000);
    expect(await failureOf(session.getAccessToken())).toMatchObject({
      code: "lock_timeout",
      key: TOKENS,
      cause: new Error("lost"),
    });
    expect(server.counts.refresh).toBe(0);
  });

  it("is held ten seconds for a token request, whatever the host's timeout", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = createFakeAuthServer();
      const { session } = createProcesses(server, { timeoutMs: 60_000 }).start();
      await session.authorize(approvedBy(server));
      server.advance(DAY);
      server.faults.add({ endpoint: "refresh", fault: "hang" });
      const work = failureOf(session.getAccessToken());
      await until(() => server.counts.refresh === 1);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(await work).toMatchObject({ code: "request_timeout" });
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a server in trouble", () => {
  it("is not asked by anyone before its Retry-After, and nobody is logged in [pain-3]", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    const retryAt = server.now() + 120_000;
    const asked = vi.fn();
    const authFetch = createAuthFetch(session, { onAuthorizationRequired: asked });
    const error = (await failureOf(authFetch(server.serverUrl))) as { retryAt: number };
    expect(error).toMatchObject({ code: "server_error", status: 503 });
    expect(Math.abs(error.retryAt - retryAt)).toBeLessThan(5_000);

    const callers = [start().session, start().session, session];
    const failures = await Promise.all(callers.map((one) => failureOf(one.getAccessToken())));
    for (const failure of failures) {
      expect(failure).toMatchObject({ name: "TransportError", code: "server_error", retryAt: error.retryAt });
    }
    expect(server.counts.refresh).toBe(1);
    server.advance(120_001);
    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ refresh: 2, authorization: 1 });
    expect(asked).not.toHaveBeenCalled();
  });

  it("is left alone for longer each time, a minute at most, at moments of chance [pain-3]", async () => {
    const server = createFakeAuthServer();
    const { start, state } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "429", times: 9 });
    const pauses: number[] = [];
    for (let time = 0; time < 9; time += 1) {
      const before = server.now();
      await failureOf(start().session.getAccessToken());
      pauses.push(Number(state()["retryAt"]) - before);
      server.advance(60_000);
    }
    expect(server.counts.refresh).toBe(9);
    pauses.forEach((pause, time) => {
      const longest = Math.min(60_000, 1000 * 2 ** time);
      expect(pause).toBeGreaterThanOrEqual(longest / 2);
      expect(pause).toBeLessThan(longest + 1000);
    });
    expect(new Set(pauses).size).toBe(9);
    expect(await start().session.getAccessToken()).toBeTypeOf("string");
    expect(state()).toEqual({});
  });

  it("costs callers with a token that works neither a request nor a look at the store [pain-3]", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const get = vi.fn((key: string) => backing.get(key));
    const { session } = createHost(server, { store: { ...viewOf(backing), get } });
    const { accessToken } = await session.authorize(approvedBy(server));
    server.advance(DAY - 25_000);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    await session.getAccessToken();
    get.mockClear();
    server.advance(20_000);
    expect(await session.getAccessToken()).toBe(accessToken);
    expect(get).not.toHaveBeenCalled();
    server.advance(5_001);
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "server_error" });
    expect(server.counts.refresh).toBe(1);
  });

  it("as told by another process costs one look at the store [pain-3]", async () => {
    const server = createFakeAuthServer();
    const { start, backing, state } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.advance(DAY - 25_000);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    await start().session.getAccessToken();
    expect(state()).not.toHaveProperty("refreshing");
    const get = vi.fn((key: string) => backing.get(key));
    const { session } = createHost(server, { store: { ...viewOf(backing), get } });
    await session.getAccessToken();
    get.mockClear();
    await session.getAccessToken();
    expect(get).not.toHaveBeenCalled();
    expect(server.counts.refresh).toBe(1);
  });

  it.each([
    ["in a year", String(365 * 86_400)],
    ["on a date in a year", new Date(Date.now() + 365 * DAY).toUTCString()],
  ])("that wants to be asked again %s is asked again within the hour", async (_, retryAfter) => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    const headers = { "retry-after": retryAfter };
    server.faults.add({ endpoint: "refresh", fault: { status: 503, headers, body: "" } });
    await failureOf(session.getAccessToken());
    server.advance(3_500_000);
    await failureOf(session.getAccessToken());
    expect(server.counts.refresh).toBe(1);
    server.advance(100_001);
    expect(await session.getAccessToken()).toBeTypeOf("string");
  });

  it("that answers 200 without tokens is asked again later", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: { body: { ok: true } }, times: 3 });
    for (let time = 0; time < 3; time += 1) {
      await expect(session.getAccessToken()).rejects.toMatchObject({ code: "token_response_invalid" });
      server.advance(10_000);
    }
    expect(await session.getAccessToken()).toBeTypeOf("string");
  });
});

describe("a refusal that no rule names", () => {
  it("is believed when it comes again half a minute later: the user is needed, and the registration stays", async () => {
    const server = createFakeAuthServer();
    const { start, tokens } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: refusal("invalid_request", 401), times: 2 });
    await expect(start().session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    expect(tokens()).not.toBeNull();
    server.advance(30_000);
    expect(await start().session.getAccessToken()).toBeUndefined();
    expect(tokens()).toBeNull();
    expect(await start().session.getAccessToken()).toBeUndefined();
    expect(server.counts.refresh).toBe(2);
    await start().session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(1);
  });

  it("is not believed within half a minute of the first: a mishap of that length ends no session", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: refusal("invalid_request"), times: 5 });
    // each as soon as the pause is over: within 31 s at most
    for (const pause of [0, 1_001, 2_001, 4_001, 8_001]) {
      server.advance(pause);
      await expect(start().session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    }
    server.advance(16_001);
    expect(await start().session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ refresh: 6, authorization: 1 });
  });

  it("is believed when it comes again after a failure of the server", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    const answers = [refusal("invalid_request"), refusal("server_error", 503), refusal("invalid_request")];
    for (const fault of answers) server.faults.add({ endpoint: "refresh", fault });
    await failureOf(session.getAccessToken());
    server.advance(60_000);
    await failureOf(session.getAccessToken());
    server.advance(60_000);
    expect(await session.getAccessToken()).toBeUndefined();
  });

  it.each([
    ["another follows", [refusal("invalid_request"), refusal("slow_down"), refusal("invalid_request", 403)]],
    [
      "there is none at the address any more",
      [404, 404, 405, 405, 410, 410].map((status) => refusal("not_found", status)),
    ],
    ["it is no JSON", Array.from({ length: 3 }, () => ({ status: 403, body: "Forbidden" }))],
  ])("is not believed when %s", async (_, faults) => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    for (const fault of faults) server.faults.add({ endpoint: "refresh", fault });
    while (server.counts.refresh < faults.length) {
      await failureOf(session.getAccessToken());
      server.advance(60_000);
    }
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ refresh: faults.length + 1, authorization: 1 });
  });
});

describe("a token that was refused for good", () => {
  it("is remembered, and not tried again at the next start even if it is still there [pain-4]", async () => {
    const server = createFakeAuthServer();
    const { start, backing, state } = createProcesses(server);
    const { accessToken } = await start().session.authorize(approvedBy(server));
    server.revokeGrant(accessToken);
    server.advance(DAY);
    const stored = backing.get(TOKENS) ?? "";
    expect(await start().session.getAccessToken()).toBeUndefined();
    expect(backing.has(TOKENS)).toBe(false);
    expect(state()).toEqual({ refusedRefresh: expect.stringMatching(/^[\w+/]{43}=$/) as unknown });

    for (let time = 0; time < 5; time += 1) {
      backing.set(TOKENS, stored);
      expect(await start().session.getAccessToken()).toBeUndefined();
    }
    expect(server.counts.refresh).toBe(1);
    await start().session.authorize(approvedBy(server));
    expect(backing.has(STATE)).toBe(false);
  });

  it("is not tried again in this process even if the store can remember nothing [pain-4]", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    let broken = false;
    const { session } = createHost(server, {
      store: { ...viewOf(backing), set: (key, value) => (check(), backing.set(key, value)) },
    });
    const check = (): void => {
      if (broken) throw new Error("read-only");
    };
    const { accessToken } = await session.authorize(approvedBy(server));
    server.revokeGrant(accessToken);
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: (_, answer) => ((broken = true), answer()) });

    expect(await failureOf(session.getAccessToken())).toMatchObject({ code: "store_failed" });
    expect(await session.getAccessToken()).toBeUndefined();
    expect(server.counts.refresh).toBe(1);
  });

  it("and has no refresh token is not sent again after a restart", async () => {
    const server = createFakeAuthServer({ issueRefreshTokens: false });
    const { start, backing } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    const stored = backing.get(TOKENS) ?? "";
    server.expireAccessTokens();
    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({ code: "authorization_required" });
    expect(backing.has(TOKENS)).toBe(false);
    backing.set(TOKENS, stored);
    expect(await start().session.getAccessToken()).toBeUndefined();
    expect(await start().session.getTokens()).toBeUndefined();
    backing.set(TOKENS, stored.replace(/"accessToken":"[^"]*"/, '"accessToken":"another"'));
    expect(await start().session.getAccessToken()).toBe("another");
  });

  it("by one process is forgotten only if it is still the one that is stored", async () => {
    const server = createFakeAuthServer({ issueRefreshTokens: false });
    const { start } = createProcesses(server);
    const [one, other] = [start().session, start().session];
    const { accessToken } = await one.authorize(approvedBy(server));
    const newer = await other.authorize(approvedBy(server, { force: true }));
    await one.handleChallenge(unauthorized(), { accessToken });

    expect(await one.getAccessToken()).toBe(newer.accessToken);
  });

  it("is forgotten with all else at a sign-out", async () => {
    const server = createFakeAuthServer();
    const { start, backing } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    await createAuthFetch(session)(server.serverUrl);
    expect(backing.has(STATE)).toBe(true);
    await session.signOut();

    expect([...backing.keys()].filter((key) => /^v1:(tokens|state):/.test(key))).toEqual([]);
  });
});

describe("the time of expiry", () => {
  it("outlives a restart, and the token is renewed before it [pain-5]", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
    const { start } = createProcesses(server);
    const first = await start().session.authorize(approvedBy(server));
    server.advance(3_000_000);
    expect(await start().session.getAccessToken()).toBe(first.accessToken);
    server.advance(580_000);
    expect(await start().session.getAccessToken()).not.toBe(first.accessToken);
    expect(server.counts).toMatchObject({ refresh: 1, resource: 0 });
  });

  it("is found by processes whose clocks differ, once each has asked the server", async () => {
    let hour = 0;
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000, now: () => Date.UTC(2027, 0, 1) + hour });
    const { start } = createProcesses(server);
    const dated = async (input: string | URL, init?: RequestInit): Promise<Response> => {
      const response = await server.fetch(input, init);
      response.headers.set("date", new Date(server.now()).toUTCString());
      return response;
    };
    const right = start({ fetch: dated }).session;
    const fast = start({ fetch: dated, now: () => server.now() + 1_800_000 }).session;
    await right.authorize(approvedBy(server));
    hour += 3_600_000;
    // each learns how wrong its clock is
    await fast.getAccessToken();
    hour += 3_600_000;
    const theirs = await right.getAccessToken();
    hour += 3_000_000;
    expect(await fast.getAccessToken()).toBe(theirs);
    expect(server.counts.refresh).toBe(2);
    hour += 600_000;
    const ours = await fast.getAccessToken();
    hour += 3_000_000;
    expect(await right.getAccessToken()).toBe(ours);
    hour += 600_000;
    expect(await right.getAccessToken()).not.toBe(ours);
    expect(server.counts).toMatchObject({ refresh: 4, resource: 0 });
  });

  it.each([-DAY, DAY])("does not end a session when the clock jumps by %d ms", async (jump) => {
    let offset = 0;
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
    const { start } = createProcesses(server, { now: () => server.now() + offset });
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(3_600_000);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    await failureOf(session.getAccessToken());
    offset = jump;
    server.advance(130_000);
    // a pause that now lies a day ahead is none, and the 401 says what the clock does not
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect((await createAuthFetch(start().session)(server.serverUrl)).status).toBe(200);
    offset = 0;
    server.advance(3_600_000);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts.authorization).toBe(1);
  });
});

describe("the token endpoint", () => {
  it("after a restart is the one that gave the tokens, and nothing is asked about it [pain-6]", async () => {
    const server = createFakeAuthServer({ issuer: "https://auth.example.com/tenant" });
    const { start, backing } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    for (const key of backing.keys()) if (/^v1:(server|issuer|client):/.test(key)) backing.delete(key);
    server.advance(DAY);
    const before = server.requests.length;
    expect(await start().session.getAccessToken()).toBeTypeOf("string");
    expect(server.requests.slice(before).map(({ url }) => url)).toEqual(["https://auth.example.com/tenant/token"]);
  });

  /** A server whose token endpoint moves, with its old address gone. */
  function createMovingServer(gone: () => Response | Promise<Response>, options: FakeAuthServerOptions = {}) {
    const authorizationServerMetadata: Record<string, unknown> = {};
    const server = createFakeAuthServer({ authorizationServerMetadata, ...options });
    const asked: string[] = [];
    let moved = false;
    return {
      server,
      asked,
      move: (issuer = server.issuer) => {
        moved = true;
        Object.assign(authorizationServerMetadata, { issuer, token_endpoint: `${server.issuer}/oauth/token` });
      },
      fetch: async (input: string | URL, init?: RequestInit): Promise<Response> => {
        const url = String(input);
        if (init?.method === "POST") asked.push(new URL(url).pathname);
        if (moved && url === `${server.issuer}/token`) return await gone();
        return await server.fetch(url.replace("/oauth/token", "/token"), init);
      },
    };
  }

  it.each([
    ["answers 404", () => new Response("gone", { status: 404 })],
    ["answers 410 in JSON", () => Response.json({ error: "gone" }, { status: 410 })],
    ["cannot be reached", () => Promise.reject(new TypeError("fetch failed"))],
  ])("that %s is looked up once, and the refresh made where it is now", async (_, gone) => {
    const { server, asked, move, fetch } = createMovingServer(gone);
    const { start, tokens } = createProcesses(server, { fetch });
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    move();
    asked.length = 0;
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(asked).toEqual(["/token", "/oauth/token"]);
    expect(tokens()?.tokenEndpoint).toBe(`${server.issuer}/oauth/token`);
    server.advance(DAY);
    await start().session.getAccessToken();
    expect(asked).toEqual(["/token", "/oauth/token", "/oauth/token"]);
  });

  it("is looked up even where its metadata were read a moment ago, and no further than one step", async () => {
    const { server, asked, move, fetch } = createMovingServer(() => new Response("gone", { status: 404 }));
    const { session } = createProcesses(server, {
      fetch: async (url, init) =>
        String(url).endsWith("/oauth/token") && asked.push("/oauth/token") < 3
          ? new Response("gone as well", { status: 404 })
          : await fetch(url, init),
    }).start();
    await session.authorize(approvedBy(server));
    asked.length = 0;
    server.expireAccessTokens();
    move();
    expect(await failureOf(createAuthFetch(session)(server.serverUrl))).toMatchObject({ status: 404 });
    expect(asked).toEqual(["/token", "/oauth/token"]);
    server.advance(60_000);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  });

  it("of another issuer gets nothing", async () => {
    const { server, asked, move, fetch } = createMovingServer(() => new Response("gone", { status: 404 }));
    const other = createFakeAuthServer({ issuer: "https://other.example.com" });
    const { session } = createProcesses(server, { fetch }).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    move();
    server.moveTo(other);
    asked.length = 0;

    expect(await failureOf(session.getAccessToken())).toMatchObject({ code: "server_error", status: 404 });
    expect(asked).toEqual(["/token"]);
    expect(other.counts).toMatchObject({ token: 0, refresh: 0 });
  });

  it("that is just down is asked again there, when nothing else is known", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "network_error" });
    server.faults.add({ endpoint: "protectedResourceMetadata", fault: "network_error", times: 9 });
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "network_error" });
    server.advance(1_000);
    expect(await session.getAccessToken()).toBeTypeOf("string");
  });

  it("is chosen among several issuers by the tokens, not by their order", async () => {
    const other = createFakeAuthServer({ issuer: "https://other.example.com" });
    const issuers = { authorization_servers: [other.issuer, "https://auth.example.com"] };
    const { server, asked, move, fetch } = createMovingServer(() => new Response("gone", { status: 404 }), {
      protectedResourceMetadata: issuers,
    });
    const { session } = createHost(server, {
      fetch: (url, init) => (String(url).startsWith(other.issuer) ? other.fetch(url, init) : fetch(url, init)),
      selectIssuer: ([, second]) => second ?? "",
    });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    move();
    asked.length = 0;
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(asked).toEqual(["/token", "/oauth/token"]);
  });
});

describe("a server that answers a refresh with the same access token", () => {
  it("is asked once for each time of its life, and its new refresh token is used", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    const { accessToken } = await session.authorize(approvedBy(server));
    repeating(server, accessToken);
    for (const day of [1, 2]) {
      server.advance(DAY);
      for (let call = 0; call < 5; call += 1) expect(await session.getAccessToken()).toBe(accessToken);
      expect(server.counts.refresh).toBe(day);
    }
  });

  it("and refuses it ends in one error, not in a storm [pain-29]", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    repeating(server, (await session.authorize(approvedBy(server))).accessToken);
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    for (let time = 0; time < 20; time += 1) await failureOf(createAuthFetch(session)(server.serverUrl));

    expect(server.counts.refresh).toBe(1);
    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({ code: "token_not_accepted" });
  });
});

describe("a server that refuses every fresh token", () => {
  const sends = {
    POST: { method: "POST", body: "{}", headers: { accept: "application/json, text/event-stream" } },
    "GET stream": { method: "GET", headers: { accept: "text/event-stream" } },
  };

  it.each(Object.entries(sends))("ends in one error, not in a storm: %s [pain-29]", async (_, init) => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(3_600_000);
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    const asked = vi.fn(() => Promise.reject(new Error("no user here")));
    const callers = [session, start().session, start().session].map((one) => createAuthFetch(one));
    const codes = new Set<unknown>();
    for (let time = 0; time < 100; time += 1) {
      const failures = await Promise.all(callers.map((one) => failureOf(one(server.serverUrl, init))));
      for (const failure of failures) codes.add((failure as { code: string }).code);
      if (time > 0) expect(failures).toMatchObject(callers.map(() => ({ code: "token_not_accepted" })));
      server.advance(500);
    }
    expect([...codes].sort()).toEqual(["authorization_required", "token_not_accepted"]);
    expect(server.counts.refresh).toBe(2);
    expect(await failureOf(callers[0]?.(server.serverUrl, init) ?? asked())).toMatchObject({
      name: "AuthorizationError",
      challenge: { scheme: "bearer" },
      retryAt: expect.any(Number) as unknown,
    });
  });

  it("is asked for another after a minute, then two, and so on up to ten [pain-29]", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    const at: number[] = [];
    for (let time = 0; time < 40 * 60; time += 5) {
      const { refresh } = server.counts;
      await failureOf(createAuthFetch(start().session)(server.serverUrl));
      for (let more = refresh; more < server.counts.refresh; more += 1) at.push(time);
      server.advance(5_000);
    }
    const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    expect(pauses).toEqual([60, 120, 240, 480, 600, 600]);
  });

  it("does not lead to login after login either, and a new login lifts the pause [pain-29]", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(3_600_000);
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async () => {
        await session.authorize(approvedBy(server));
      },
    });
    for (let time = 0; time < 50; time += 1) await failureOf(authFetch(server.serverUrl));
    expect(server.counts).toMatchObject({ refresh: 2, authorization: 2 });
    await expect(authFetch(server.serverUrl)).rejects.toMatchObject({ code: "token_not_accepted" });

    server.faults.clear();
    await session.authorize(approvedBy(server, { force: true }));
    expect((await authFetch(server.serverUrl)).status).toBe(200);
  });

  it("is forgiven once a token was good for its time", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    for (let hour = 0; hour < 5; hour += 1) {
      server.faults.add({ endpoint: "resource", fault: unauthorized });
      expect((await authFetch(server.serverUrl)).status).toBe(200);
      server.advance(3_600_000);
      expect((await authFetch(server.serverUrl)).status).toBe(200);
    }
    expect(server.counts.authorization).toBe(1);
  });

  it("is told from one that ends tokens early", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    for (const pause of [1_000, 120_000, 1_000, 120_000, 1_000]) {
      server.advance(pause);
      server.expireAccessTokens();
      expect((await authFetch(server.serverUrl)).status).toBe(200);
    }
  });

  it("is told from one whose tokens a process with another clock obtained", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    await start({ now: () => server.now() + 2 * DAY }).session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(start().session);
    server.expireAccessTokens();
    const theirs = await authFetch(server.serverUrl);
    server.expireAccessTokens();
    expect([theirs.status, (await authFetch(server.serverUrl)).status]).toEqual([200, 200]);
  });

  it("is not asked on and on because others store one bad token after the other", async () => {
    const server = createFakeAuthServer();
    const { start, backing } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.faults.add({
      endpoint: "resource",
      times: Infinity,
      fault: () => {
        const stored = backing.get(TOKENS) ?? "";
        backing.set(TOKENS, stored.replace(/"accessToken":"[^"]*"/, `"accessToken":"bad-${server.counts.resource}"`));
        return unauthorized();
      },
    });
    await failureOf(createAuthFetch(session)(server.serverUrl));
    expect(server.counts.resource).toBe(3);
  });

  it("while its token has run out, and needs no 401 to be known [pain-29]", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 30_000 });
    const { start } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    await failureOf(createAuthFetch(start().session)(server.serverUrl));
    server.advance(31_000);
    await expect(start().session.getAccessToken()).rejects.toMatchObject({ code: "token_not_accepted" });
    expect(server.counts.refresh).toBe(1);
  });
});

describe("a store in trouble", () => {
  it("is noticed while the refresh token is unused: a full or read-only disk costs no session", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    let room = Infinity;
    const { session } = createHost(server, {
      store: {
        ...viewOf(backing),
        set: (key, value) => {
          if (value.length > room) throw new Error("ENOSPC");
          backing.set(key, value);
        },
      },
    });
    const before = await session.authorize(approvedBy(server));
    room = (backing.get(TOKENS) ?? "").length - 1;
    server.advance(DAY - 20_000);
    expect(await session.getAccessToken()).toBe(before.accessToken);
    server.advance(20_000);
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "store_failed", key: STATE });
    expect(server.counts.refresh).toBe(0);
    room = Infinity;
    expect(await session.getAccessToken()).toBeTypeOf("string");
  });

  it("with room for one record has it for the tokens: the mark gives way", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    let capacity = Infinity;
    const used = (): number => [...backing.values()].reduce((sum, value) => sum + value.length, 0);
    const { session } = createHost(server, {
      store: {
        ...viewOf(backing),
        // as a file is replaced: the old one is there until the new one is whole
        set: (key, value) => {
          if (used() + value.length > capacity) throw new Error("ENOSPC");
          backing.set(key, value);
        },
      },
    });
    await session.authorize(approvedBy(server));
    capacity = used() + (backing.get(TOKENS) ?? "").length * 1.5;
    server.advance(DAY);

    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(backing.has(STATE)).toBe(false);
  });

  it.each(["nonsense", "[]", '{"v":1,"data":null}', '{"v":1,"data":"text"}', '{"v":2,"data":{}}'])(
    "that holds %j for a state is as one that holds none",
    async (garbage) => {
      const server = createFakeAuthServer();
      const { start, backing } = createProcesses(server);
      const { session } = start();
      await session.authorize(approvedBy(server));
      backing.set(STATE, garbage);
      server.advance(DAY);
      expect(await session.getAccessToken()).toBeTypeOf("string");
      expect(backing.has(STATE)).toBe(false);
    },
  );

  it("whose state has members of other types still knows when to pause", async () => {
    const server = createFakeAuthServer();
    const { start, backing, state } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    const garbage = { refusedRefresh: 7, refusedAccess: [], retryAt: "soon", failures: "x", refusals: {}, doubt: 1 };
    backing.set(STATE, JSON.stringify({ v: 1, data: garbage }));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "500" });
    await failureOf(session.getAccessToken());
    expect(state()).toMatchObject({ failures: 1, retryAt: expect.any(Number) as unknown });
    await failureOf(session.getAccessToken());
    expect(server.counts.refresh).toBe(1);
  });

  it("which cannot remember a failure does not hide it", async () => {
    const server = createFakeAuthServer();
    const { backing } = createProcesses(server);
    let broken = false;
    const set = (key: string, value: string): void => {
      if (broken) throw new Error("read-only");
      backing.set(key, value);
    };
    const { session } = createHost(server, { store: { ...viewOf(backing), set } });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: () => ((broken = true), new Response(null, { status: 503 })) });
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "server_error", status: 503 });
  });

  it("which cannot be read while the answer is under way does not cost the answer", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    let broken = false;
    const get = (key: string): string | undefined => {
      if (broken && key === STATE) throw new Error("busy");
      return backing.get(key);
    };
    const { session } = createHost(server, { store: { ...viewOf(backing), get } });
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    server.faults.add({ endpoint: "refresh", fault: (_, answer) => ((broken = true), answer()) });
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    broken = false;
    expect(backing.get(TOKENS)).toContain(await session.getAccessToken());
  });

  it("cannot tidy up after a refresh: the tokens are good all the same", async () => {
    const server = createFakeAuthServer();
    const { backing } = createProcesses(server);
    let broken = false;
    const check = (key: string): void => {
      if (broken && key === STATE) throw new Error("read-only");
    };
    const store: KVStore = {
      ...viewOf(backing),
      set: (key, value) => (check(key), backing.set(key, value)),
      delete: (key) => (check(key), backing.delete(key)),
    };
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    for (const prepare of [() => server.advance(DAY), () => server.expireAccessTokens()]) {
      prepare();
      broken = false;
      server.faults.add({ endpoint: "refresh", fault: (_, answer) => ((broken = true), answer()) });
      expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    }
    expect(server.counts.refresh).toBe(2);
  });

  it("that does not take new tokens does not let them spoil a login made elsewhere meanwhile", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    let full = false;
    const store: KVStore = {
      ...viewOf(backing),
      set: (key, value) => {
        if (full && key === TOKENS) throw new Error("ENOSPC");
        backing.set(key, value);
      },
    };
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    full = true;
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "store_failed" });
    full = false;
    const theirs = await createHost(server, { store: viewOf(backing) }).session.authorize(approvedBy(server));

    expect(await session.getAccessToken()).toBe(theirs.accessToken);
    expect(backing.get(TOKENS)).toContain(theirs.accessToken);
  });

  it("that does not take new tokens does not bring back a user who signed out elsewhere meanwhile", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    let full = false;
    const set = (key: string, value: string): void => {
      if (full && key === TOKENS) throw new Error("ENOSPC");
      backing.set(key, value);
    };
    const { session } = createHost(server, { store: { ...viewOf(backing), set } });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    full = true;
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "store_failed" });
    full = false;
    await createHost(server, { store: viewOf(backing) }).session.signOut();

    expect(await session.getAccessToken()).toBeUndefined();
    expect(backing.has(TOKENS)).toBe(false);
  });

  it("that does not take the tokens of a login keeps them, although what it holds is of no use", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    let full = false;
    const set = (key: string, value: string): void => {
      if (full && key === TOKENS) throw new Error("ENOSPC");
      backing.set(key, value);
    };
    const { session } = createHost(server, { store: { ...viewOf(backing), set } });
    await session.authorize(approvedBy(server));
    // bound to a key that this client knows nothing of
    backing.set(TOKENS, (backing.get(TOKENS) ?? "").replace('"tokenType":"Bearer"', '"tokenType":"DPoP"'));
    full = true;
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "store_failed" });
    full = false;

    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ token: 2, refresh: 0 });
  });

  it("that does not take the tokens of a login keeps those that another process renewed, until it does", async () => {
    const server = createFakeAuthServer();
    const { start, backing } = createProcesses(server);
    let full = false;
    const set = (key: string, value: string): void => {
      if (full && key === TOKENS) throw new Error("ENOSPC");
      backing.set(key, value);
    };
    const { session } = createHost(server, { store: { ...viewOf(backing), set } });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    const interact = async (url: URL) => {
      await start().session.getAccessToken();
      full = true;
      return await server.approve(url);
    };
    const options = approvedBy(server, { interact, force: true });
    await expect(session.authorize(options)).rejects.toMatchObject({ code: "store_failed" });
    full = false;
    const accessToken = await session.getAccessToken();
    expect(server.nameOf(accessToken ?? "")).toBe("[access_token 3]");
    expect(backing.get(TOKENS)).toContain(accessToken);
  });

  it("that hangs gives the lock back: before the token request nothing is lost", async () => {
    await withHangingStore(STATE, async ({ session, server, release }) => {
      const work = failureOf(session.getAccessToken());
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await work).toMatchObject({ code: "store_failed", key: TOKENS });
      release();
      await vi.advanceTimersByTimeAsync(1);
      expect(server.counts.refresh).toBe(0);
      expect(await session.getAccessToken()).toBeTypeOf("string");
    });
  });

  it("that hangs gives the lock back: after the token request the tokens are kept and written next", async () => {
    await withHangingStore(TOKENS, async ({ session, server, release, backing }) => {
      const work = failureOf(session.getAccessToken());
      await until(() => server.counts.refresh === 1);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await work).toMatchObject({ code: "store_failed", key: TOKENS });
      release();
      const accessToken = await session.getAccessToken();
      expect(backing.get(TOKENS)).toContain(accessToken);
      expect(server.counts.refresh).toBe(1);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  it("that hangs before the answer can be written does not cost it: it is written next", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = createFakeAuthServer();
      const backing = new Map<string, string>();
      let hangs = false;
      const get = (key: string) => (hangs ? new Promise<never>(() => undefined) : backing.get(key));
      const { session } = createHost(server, { store: { ...viewOf(backing), get } });
      await session.authorize(approvedBy(server));
      server.advance(DAY);
      server.faults.add({ endpoint: "refresh", fault: (_, answer) => ((hangs = true), answer()) });
      const work = failureOf(session.getAccessToken());
      await until(() => server.counts.refresh === 1);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await work).toMatchObject({ code: "store_failed", key: TOKENS });
      hangs = false;
      const accessToken = await session.getAccessToken();
      expect(backing.get(TOKENS)).toContain(accessToken);
      expect(server.counts.refresh).toBe(1);
      // what hung must not write what is old by then
      const theirs = await createHost(server, { store: viewOf(backing) }).session.authorize(approvedBy(server));
      await vi.advanceTimersByTimeAsync(30_000);
      expect(backing.get(TOKENS)).toContain(theirs.accessToken);
    } finally {
      vi.useRealTimers();
    }
  });

  interface Hanging extends Host {
    readonly server: FakeAuthServer;
    readonly backing: Map<string, string>;
    readonly release: () => void;
  }

  /** An expired session whose store does not answer when `key` is written. */
  async function withHangingStore(key: string, body: (hanging: Hanging) => Promise<void>) {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = createFakeAuthServer();
      const backing = new Map<string, string>();
      let hangs = false;
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => {
        release = () => {
          hangs = false;
          resolve();
        };
      });
      const set = async (one: string, value: string) => {
        if (hangs && one === key) await gate;
        backing.set(one, value);
      };
      const host = createHost(server, { store: { ...viewOf(backing), set } });
      await host.session.authorize(approvedBy(server));
      server.advance(DAY);
      hangs = true;
      await body({ ...host, server, backing, release });
    } finally {
      vi.useRealTimers();
    }
  }
});

describe("what is no answer of the server", () => {
  it("such as a policy of the host that throws, reaches the caller as it is and changes nothing", async () => {
    const server = createFakeAuthServer();
    const mistake = new Error("no policy loaded");
    let broken = false;
    const { session } = createProcesses(server, {
      allowUrl: () => {
        if (broken) throw mistake;
        return true;
      },
    }).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    broken = true;
    expect(await failureOf(session.getAccessToken())).toBe(mistake);
    broken = false;
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts.refresh).toBe(1);
  });
});

describe("a server that has moved to another issuer", () => {
  it("is known by a 401: the tokens go, unless somebody has logged in there meanwhile", async () => {
    const server = createFakeAuthServer();
    const other = createFakeAuthServer({ issuer: "https://other.example.com" });
    const both = (input: string | URL, init?: RequestInit): Promise<Response> =>
      (String(input).startsWith(other.issuer) ? other : server).fetch(input, init);
    const { start, backing } = createProcesses(server, { fetch: both });
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.moveTo(other);
    const elsewhere = createHost(other, { store: viewOf(backing), fetch: both }).session;
    let theirs: TokenSet | undefined;
    other.faults.add({
      endpoint: "authorizationServerMetadata",
      fault: async (_, answer) => {
        await until(() => backing.get(TOKENS)?.includes("refresh_token-2") === true);
        theirs = await elsewhere.authorize(approvedBy(other, { force: true }));
        return await answer();
      },
    });
    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({ code: "authorization_required" });

    expect(theirs?.issuer).toBe(other.issuer);
    expect(await session.getTokens()).toEqual(theirs);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  });

  it("is not suspected when it is of a revision that publishes nothing about itself", async () => {
    const server = createFakeAuthServer({
      issuer: "https://mcp.example.com",
      resourceMetadata: "none",
      metadataKind: "none",
    });
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
  });
});

describe("tokens of a store of the host's own", () => {
  it("are refreshed by the same rules, with the state in the plain store", async () => {
    const server = createFakeAuthServer();
    const { backing, start } = createProcesses(server);
    const table = new Map<string, string>();
    const { session } = start({ tokenStore: createTokenStore(table) });
    await session.authorize(approvedBy(server, { redirectUri: REDIRECT }));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "500" });
    await failureOf(session.getAccessToken());

    expect([...table.keys()].some((key) => key.startsWith("v1:state:"))).toBe(false);
    expect(backing.has(STATE)).toBe(true);
  });
});
