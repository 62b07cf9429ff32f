import { describe, expect, it, vi } from "vitest";
import type { KVStore, TokenSet } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, until, viewOf } from "../support/host.js";
import { createProcesses, DAY, STATE, TOKENS } from "../support/refresh.js";

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
