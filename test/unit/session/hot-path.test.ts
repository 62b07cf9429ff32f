import { expect, it, vi } from "vitest";
import type { KVStore } from "../../../src/index.js";
import { createAuthClient, createAuthFetch } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";

const REDIRECT = "http://127.0.0.1:8976/callback";

/** A store that notes what it is asked for. */
function createCountingStore(): { readonly store: KVStore; readonly calls: string[] } {
  const entries = new Map<string, string>();
  const calls: string[] = [];
  const noted = <T>(call: string, result: T): T => {
    calls.push(call);
    return result;
  };
  const store: KVStore = {
    get: (key) => noted(`get ${key}`, entries.get(key)),
    set: (key, value) => noted(`set ${key}`, entries.set(key, value)),
    delete: (key) => noted(`delete ${key}`, entries.delete(key)),
    withLock: (key, task) => noted(`lock ${key}`, task(new AbortController().signal)),
  };
  return { store, calls };
}

it.each([
  ["no headers", undefined],
  ["a plain object", { headers: { accept: "application/json" } }],
  ["Headers", { headers: new Headers({ accept: "application/json" }) }],
])(
  "a call with a fresh token and %s asks the store for nothing, starts no timer and uses no cryptography",
  async (_, init) => {
    const server = createFakeAuthServer();
    const { store, calls } = createCountingStore();
    const client = createAuthClient({
      clientMetadata: { client_name: "Test" },
      store,
      fetch: server.fetch,
      now: server.now,
    });
    const session = client.session(server.serverUrl);
    await session.authorize({ redirectUri: REDIRECT, interact: (url) => server.approve(url) });
    const authFetch = createAuthFetch(session);
    expect(calls).toContain("get v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-");

    calls.length = 0;
    vi.useFakeTimers();
    const digest = vi.spyOn(crypto.subtle, "digest");
    const random = vi.spyOn(crypto, "getRandomValues");
    try {
      for (let call = 0; call < 100; call += 1) {
        expect((await authFetch(server.serverUrl, init)).status).toBe(200);
        expect(vi.getTimerCount()).toBe(0);
      }
    } finally {
      vi.useRealTimers();
    }
    expect(calls).toEqual([]);
    expect(digest).not.toHaveBeenCalled();
    expect(random).not.toHaveBeenCalled();
    expect(server.counts).toMatchObject({ resource: 100, refresh: 0 });
  },
);

it("another session of the same server and user finds the tokens in memory", async () => {
  const server = createFakeAuthServer();
  const { store, calls } = createCountingStore();
  const client = createAuthClient({
    clientMetadata: { client_name: "Test" },
    store,
    fetch: server.fetch,
    now: server.now,
  });
  const session = client.session(server.serverUrl);
  await session.authorize({ redirectUri: REDIRECT, interact: (url) => server.approve(url) });

  calls.length = 0;
  const other = client.session(`${server.serverUrl}/`);
  expect(await other.getAccessToken()).toBe((await session.getTokens())?.accessToken);
  expect(calls).toEqual(["get v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-"]);
});

it("a session asks the store again once the token has expired", async () => {
  const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
  const { store, calls } = createCountingStore();
  const client = createAuthClient({
    clientMetadata: { client_name: "Test" },
    store,
    fetch: server.fetch,
    now: server.now,
  });
  const session = client.session(server.serverUrl);
  await session.authorize({ redirectUri: REDIRECT, interact: (url) => server.approve(url) });

  calls.length = 0;
  server.advance(3_600_001);
  expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  // before the lock, under it, and before the answer is stored
  expect(calls.filter((call) => call.startsWith("get v1:tokens:"))).toHaveLength(3);
  expect(calls.filter((call) => call.startsWith("get v1:state:"))).toHaveLength(1);
  expect(calls.filter((call) => call.startsWith("set v1:tokens:"))).toHaveLength(1);
});
