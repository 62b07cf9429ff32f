import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AuthSession, DpopKeyPair, DpopKeyStore, KVStore } from "../../src/index.js";
import { createAuthFetch, createDpop, workloadIdentity } from "../../src/index.js";
import type { FakeAuthServer } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, lockingViewOf, REDIRECT, until, viewOf } from "../support/host.js";

const DAY = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A store that stops to answer, or answers late. */
function createSlowStore(backing = new Map<string, string>()) {
  const store = viewOf(backing);
  const slow = { delayMs: 0 };
  const later = async <T>(call: () => T | Promise<T>): Promise<T> => {
    if (slow.delayMs === Infinity) return await new Promise<never>(() => undefined);
    if (slow.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, slow.delayMs));
    return await call();
  };
  const kv: KVStore = {
    get: (key) => later(() => store.get(key)),
    set: (key, value) => later(() => store.set(key, value)),
    delete: (key) => later(() => store.delete(key)),
  };
  return { slow, kv };
}

describe("a store that does not answer", () => {
  const calls: Readonly<Record<string, (session: AuthSession, server: FakeAuthServer, callback: URL) => unknown>> = {
    getTokens: (session) => session.getTokens(),
    getAccessToken: (session) => session.getAccessToken(),
    "a request": (session) => createAuthFetch(session)(session.serverUrl),
    handleChallenge: (session) => session.handleChallenge(new Response(null, { status: 401 })),
    startAuthorization: (session) => session.startAuthorization({ redirectUri: REDIRECT }),
    finishAuthorization: (session, _, callback) => session.finishAuthorization(callback),
    authorize: (session, server) => session.authorize(approvedBy(server)),
    signOut: (session) => session.signOut(),
  };

  it.each(Object.entries(calls))("makes %s fail within half a minute, and loses nothing", async (_, call) => {
    const server = createFakeAuthServer();
    const { kv, slow } = createSlowStore();
    const { client, session } = createHost(server, { store: kv });
    const { accessToken } = await session.authorize(approvedBy(server));
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    slow.delayMs = Infinity;
    // nothing is known in this process yet
    const fresh = createHost(server, { store: kv }).session;
    const failure = failureOf(Promise.resolve(call(fresh, server, callback)));
    await vi.advanceTimersByTimeAsync(30_000);

    expect(await failure).toMatchObject({
      name: "StoreError",
      code: "store_failed",
      key: expect.any(String) as unknown,
    });
    slow.delayMs = 0;
    expect(await client.session(server.serverUrl).getAccessToken()).toBe(accessToken);
    expect((await createAuthFetch(createHost(server, { store: kv }).session)(server.serverUrl)).status).toBe(200);
    expect(server.counts.refresh).toBe(0);
  });

  it("does not keep a token from being used that is known and works", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
    const { kv, slow } = createSlowStore();
    const { session } = createHost(server, { store: kv });
    const { accessToken } = await session.authorize(approvedBy(server));
    server.advance(3_580_000);
    slow.delayMs = Infinity;
    const token = session.getAccessToken();
    await vi.advanceTimersByTimeAsync(30_000);

    expect(await token).toBe(accessToken);
  });

  it.each(["get", "set", "take"] as const)("holds up no login for ever: %s", async (member) => {
    const server = createFakeAuthServer();
    const store = { ...viewOf(new Map()), take: () => undefined, [member]: () => new Promise<never>(() => undefined) };
    const { session } = createHost(server, { store });
    let isOver = false;
    const failure = failureOf(session.authorize(approvedBy(server))).finally(() => (isOver = true));
    await until(() => (vi.advanceTimersByTime(100), isOver));

    expect(await failure).toMatchObject({ name: "StoreError", code: "store_failed" });
  });
});

describe("a key store that does not answer", () => {
  it("is as any other store: an error within half a minute, and no hindrance to a sign-out", async () => {
    const server = createFakeAuthServer({ dpop: {} });
    const pairs = new Map<string, DpopKeyPair>();
    let hangs = false;
    const later = async <T>(call: () => T): Promise<T> => (hangs ? await new Promise<never>(() => undefined) : call());
    const keys: DpopKeyStore = {
      get: (id) => later(() => pairs.get(id)),
      set: (id, pair) => later(() => pairs.set(id, pair)),
      delete: (id) => later(() => pairs.delete(id)),
    };
    const store = new Map<string, string>();
    const start = () => createHost(server, { store, dpop: createDpop({ keys }) }).session;
    const known = start();
    await known.authorize(approvedBy(server));
    hangs = true;
    const failure = failureOf(start().getAccessToken());
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await failure).toMatchObject({ name: "StoreError", code: "store_failed" });

    let isOver = false;
    const signedOut = known.signOut({ localOnly: true }).finally(() => (isOver = true));
    await until(() => (vi.advanceTimersByTime(1_000), isOver));
    expect(await signedOut).toEqual({ revoked: "skipped" });
    expect(store.has("v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-")).toBe(false);
  });
});

describe("what the host itself has to bring for a token", () => {
  it("keeps the lock for twenty seconds at most, and then it is asked for again", async () => {
    const server = createFakeAuthServer({ clientCredentials: true });
    let hangs = true;
    const asked = vi.fn(() => (hangs ? new Promise<never>(() => undefined) : Promise.reject(new Error("asked again"))));
    const grant = workloadIdentity({ issuer: server.issuer, getAssertion: asked });
    const { client } = createHost(server, { store: lockingViewOf(new Map(), new Map()) });
    const session = client.session(server.serverUrl, { grant });
    const failure = failureOf(session.getAccessToken());
    await vi.waitUntil(() => asked.mock.calls.length === 1);
    await vi.advanceTimersByTimeAsync(20_000);
    const { retryAt = 0 } = (await failure) as { retryAt?: number };
    expect(await failure).toMatchObject({ code: "server_error" });

    hangs = false;
    server.advance(retryAt - server.now());
    expect(String(await failureOf(session.getAccessToken()))).toContain("asked again");
  });
});

describe("a lock that never comes", () => {
  const never = (): Promise<never> => new Promise<never>(() => undefined);

  it("is an error of a registration, and of the callback of a login", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const working = createHost(server, { store: lockingViewOf(backing, new Map()) });
    const { session } = createHost(server, { store: { ...viewOf(backing), withLock: never } });
    const start = failureOf(session.startAuthorization({ redirectUri: REDIRECT }));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await start).toMatchObject({ code: "lock_timeout" });

    const { authorizationUrl } = await working.session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    const finish = failureOf(session.finishAuthorization(callback));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await finish).toMatchObject({ code: "lock_timeout", key: "pending:…" });
    expect(await working.session.finishAuthorization(callback)).toHaveProperty("accessToken");
  });

  it("keeps nobody signed in, and nobody out: after ten seconds both go on without it", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    let asked = 0;
    const withLock: KVStore["withLock"] = (key, task) => {
      if (!key.startsWith("refresh:")) return task(new AbortController().signal);
      asked += 1;
      return never();
    };
    const { session } = createHost(server, { store: { ...viewOf(store), withLock } });
    const withoutLock = async <T>(work: Promise<T>): Promise<T> => {
      const [turn, over] = [asked + 1, vi.fn()];
      work.then(over, over);
      await until(() => asked === turn);
      await vi.advanceTimersByTimeAsync(10_000);
      await until(() => over.mock.calls.length > 0);
      return await work;
    };
    expect(await withoutLock(session.authorize(approvedBy(server)))).toHaveProperty("accessToken");
    expect(await withoutLock(session.signOut())).toEqual({ revoked: "yes" });
    expect([...store.keys()].filter((key) => key.startsWith("v1:tokens:"))).toEqual([]);
  });
});

describe("one refresh token is in use once at a time", () => {
  it("by all clients of a process whose store has no lock, however slow it and the server are", async () => {
    const server = createFakeAuthServer();
    const { kv, slow } = createSlowStore();
    const clients = Array.from({ length: 6 }, () => createHost(server, { store: kv }).session);
    await clients[0]?.authorize(approvedBy(server));
    await Promise.all(clients.map(async (session) => session.getAccessToken()));
    server.advance(DAY);
    let inUse = 0;
    let mostInUse = 0;
    server.faults.add({
      endpoint: "refresh",
      fault: async (_, answer) => {
        mostInUse = Math.max(mostInUse, (inUse += 1));
        await new Promise((resolve) => setTimeout(resolve, 9_900));
        inUse -= 1;
        return await answer();
      },
      times: Infinity,
    });
    // four calls before the token request, and five seconds for all of them
    slow.delayMs = 1_200;
    const tokens = Promise.allSettled(clients.map(async (session) => session.getAccessToken()));
    for (let second = 0; second < 120; second += 1) await vi.advanceTimersByTimeAsync(1_000);
    const outcomes = (await tokens).map((one) =>
      one.status === "fulfilled" ? "token" : (one.reason as { code: string }).code,
    );

    expect(mostInUse).toBe(1);
    expect(server.counts.refresh).toBe(1);
    // who waited too long knows that, and has the token with the next call
    expect(outcomes.filter((one) => one !== "token" && one !== "lock_timeout")).toEqual([]);
    slow.delayMs = 0;
    const [first, ...others] = await Promise.all(clients.map(async (session) => session.getAccessToken()));
    expect(first).toBeTypeOf("string");
    expect(others).toEqual(others.map(() => first));
    expect(server.counts.refresh).toBe(1);
  });
});

describe("a process that slept under its lock", () => {
  it("before the token request does not make it, though no timer has told it yet", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const store = lockingViewOf(backing, new Map());
    let sleeps = false;
    const set = (key: string, value: string): void => {
      if (sleeps && key.startsWith("v1:state:")) server.advance(9_000);
      backing.set(key, value);
    };
    const { session } = createHost(server, { store: { ...store, set } });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    sleeps = true;
    expect(await failureOf(session.getAccessToken())).toMatchObject({ code: "lock_timeout" });
    expect(server.counts.refresh).toBe(0);
    sleeps = false;
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts.refresh).toBe(1);
  });
});
