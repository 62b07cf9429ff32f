import { describe, expect, it, vi } from "vitest";
import { createMemoryStore, startCallbackServer } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { SharedLocks } from "../support/host.js";
import { approvedBy, createHost, failureOf, lockingViewOf, REDIRECT, until } from "../support/host.js";

describe("authorize", () => {
  it("leads to one login when many ask at once, and all get its tokens", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const all = await Promise.all(Array.from({ length: 4 }, () => session.authorize(approvedBy(server))));

    expect(new Set(all.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(server.counts).toMatchObject({ authorization: 1, token: 1, registration: 1 });
  });

  it("leads to one login among processes that share a lock", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const locks: SharedLocks = new Map();
    const sessions = Array.from(
      { length: 3 },
      () => createHost(server, { store: lockingViewOf(backing, locks) }).session,
    );
    const all = await Promise.all(sessions.map((session) => session.authorize(approvedBy(server))));

    expect(new Set(all.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(server.counts).toMatchObject({ authorization: 1, token: 1 });
  });

  it("logs in anew when nobody else did meanwhile", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const first = await session.authorize(approvedBy(server));
    const second = await session.authorize(approvedBy(server));

    expect(second.accessToken).not.toBe(first.accessToken);
    expect(server.counts.authorization).toBe(2);
  });

  it("does not settle for another's login with less scope, nor for any when forced", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const asked: (string | null)[] = [];
    const more = (scope: string, force = false) =>
      approvedBy(server, {
        scope,
        force,
        interact: (url) => {
          asked.push(url.searchParams.get("scope"));
          return server.approve(url);
        },
      });
    await Promise.all([
      session.authorize(more("read")),
      session.authorize(more("read write")),
      session.authorize(more("write")),
    ]);
    expect(asked).toEqual(["read", "read write"]);

    asked.length = 0;
    await Promise.all([session.authorize(more("read")), session.authorize(more("read", true))]);
    expect(asked).toEqual(["read", "read"]);
  });

  it("leaves no record of a login that was given up, however it was", async () => {
    const server = createFakeAuthServer();
    const store = createMemoryStore({ now: server.now });
    const { session } = createHost(server, { store });
    const left = async (): Promise<string[]> => {
      const keys: string[] = [];
      for await (const key of store.keys?.("v1:pending:") ?? []) keys.push(key);
      return keys;
    };
    const reason = new Error("the user closed the window");
    await expect(session.authorize(approvedBy(server, { interact: () => Promise.reject(reason) }))).rejects.toBe(
      reason,
    );
    expect(await left()).toEqual([]);
    const interactAtOnce = (): never => {
      throw reason;
    };
    await expect(session.authorize(approvedBy(server, { interact: interactAtOnce }))).rejects.toBe(reason);
    expect(await left()).toEqual([]);

    const controller = new AbortController();
    let seen: string[] = [];
    const interact = async (): Promise<never> => {
      seen = await left();
      controller.abort(reason);
      return new Promise(() => undefined);
    };
    await expect(session.authorize(approvedBy(server, { interact, signal: controller.signal }))).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
    expect(await left()).toEqual([]);
  });

  it("rejects with what interact rejected with, and lets the next one in", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const closed = new Error("the user closed the window");
    const first = session.authorize(approvedBy(server, { interact: () => Promise.reject(closed) }));
    const second = session.authorize(approvedBy(server));

    expect(await failureOf(first)).toBe(closed);
    expect((await second).accessToken).toBe(await session.getAccessToken());
  });

  it("hands interact the state that the callback will carry", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    let told: string | undefined;
    await session.authorize(
      approvedBy(server, {
        interact: (url, { state }) => {
          told = state;
          expect(url.searchParams.get("state")).toBe(state);
          return server.approve(url);
        },
      }),
    );
    expect(told).toMatch(/^[\w-]{22,}$/);
  });

  it("refuses the callback of another login that interact came back with", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const foreign = await server.approve(authorizationUrl);

    await expect(session.authorize(approvedBy(server, { interact: async () => foreign }))).rejects.toMatchObject({
      code: "state_unknown",
    });
    expect(server.counts.token).toBe(0);
  });
});

describe("a login whose callback never comes", () => {
  it("ends when the waiting for it does, and the next one starts anew [spec-3.8-11]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const listener = await startCallbackServer();
    try {
      const server = createFakeAuthServer();
      const { session } = createHost(server);
      let waiting = false;
      const login = failureOf(
        session.authorize(
          approvedBy(server, {
            redirectUri: listener.redirectUri,
            interact: (_, { state, signal }) => {
              waiting = true;
              return listener.waitForCallback({ state, signal, timeoutMs: 60_000 });
            },
          }),
        ),
      );
      await until(() => waiting);
      await vi.advanceTimersByTimeAsync(60_000);

      expect(await login).toMatchObject({ code: "callback_timeout" });
      await session.authorize(approvedBy(server, { redirectUri: listener.redirectUri }));
      expect(server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1 });
    } finally {
      await listener.close();
      vi.useRealTimers();
    }
  });
});

describe("an aborted login rejects with the caller's own reason", () => {
  const reason = new Error("the user went away");

  it("before anything was sent", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const signal = AbortSignal.abort(reason);

    expect(await failureOf(session.startAuthorization({ redirectUri: REDIRECT, signal }))).toBe(reason);
    expect(await failureOf(session.authorize(approvedBy(server, { signal })))).toBe(reason);
    expect(await failureOf(session.finishAuthorization(`${REDIRECT}?state=x`, { signal }))).toBe(reason);
    expect(server.requests).toEqual([]);
  });

  it("while the server hangs [pain-39]", async () => {
    const server = createFakeAuthServer();
    server.faults.add({ endpoint: "protectedResourceMetadata", fault: "hang" });
    const { session } = createHost(server);
    const controller = new AbortController();
    const login = failureOf(session.authorize(approvedBy(server, { signal: controller.signal })));
    await until(() => server.requests.length === 1);
    controller.abort(reason);

    expect(await login).toBe(reason);
  });

  it("while another's login is under way, which goes on", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const controller = new AbortController();
    let approve = (): void => undefined;
    const approved = new Promise<void>((resolve) => (approve = resolve));
    const first = session.authorize(
      approvedBy(server, {
        interact: async (url) => {
          await approved;
          return server.approve(url);
        },
      }),
    );
    const second = failureOf(session.authorize(approvedBy(server, { signal: controller.signal })));
    controller.abort(reason);
    expect(await second).toBe(reason);
    const third = session.authorize(approvedBy(server));
    approve();

    expect((await third).accessToken).toBe((await first).accessToken);
    expect(server.counts.authorization).toBe(1);
  });

  it("while the user does nothing, although interact does not look at the signal", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const controller = new AbortController();
    let asked = false;
    const login = failureOf(
      session.authorize(
        approvedBy(server, {
          signal: controller.signal,
          interact: () => {
            asked = true;
            return new Promise(() => undefined);
          },
        }),
      ),
    );
    await until(() => asked);
    controller.abort(reason);

    expect(await login).toBe(reason);
    expect((await session.authorize(approvedBy(server))).accessToken).toBeTruthy();
  });
});
