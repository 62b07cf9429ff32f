import { describe, expect, it } from "vitest";
import type { KVStore } from "../../src/index.js";
import { createAuthFetch, createTokenStore } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT, viewOf } from "../support/host.js";
import { createProcesses, DAY, STATE, TOKENS } from "../support/refresh.js";

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
