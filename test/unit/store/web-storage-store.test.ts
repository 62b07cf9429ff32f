import { describe, expect, it, vi } from "vitest";
import { createWebStorageStore } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import { approvedBy, createHost, REDIRECT } from "../../support/host.js";
import { createMemoryStorage } from "../../support/memory-storage.js";

describe("the web storage store", () => {
  it("keeps its records apart from the page's own by a prefix", () => {
    const storage = createMemoryStorage();
    const store = createWebStorageStore(storage);
    void store.set("v1:key", "value");
    void createWebStorageStore(storage, { prefix: "other:" }).set("v1:key", "another");

    expect([...storage.entries.keys()]).toEqual(["mcp-oauth:v1:key", "other:v1:key"]);
    expect(store.get("v1:key")).toBe("value");
    void store.delete("v1:key");
    expect([...storage.entries.keys()]).toEqual(["other:v1:key"]);
  });

  it("writes the value as it is behind the time until which it is good", () => {
    const storage = createMemoryStorage();
    const store = createWebStorageStore(storage);
    void store.set("a", '{"v":1}|x');
    void store.set("b", "|", { expiresAt: 9_999_999_999_999 });
    void store.set("c", "", { expiresAt: 9_999_999_999_998.5 });

    expect(Object.fromEntries(storage.entries)).toEqual({
      "mcp-oauth:a": '|{"v":1}|x',
      "mcp-oauth:b": "9999999999999||",
      "mcp-oauth:c": "9999999999999|",
    });
    expect(["a", "b", "c"].map((key) => store.get(key))).toEqual(['{"v":1}|x', "|", ""]);
  });

  it("forgets what has expired, and deletes it", () => {
    const storage = createMemoryStorage();
    let time = 0;
    const store = createWebStorageStore(storage, { now: () => time });
    void store.set("key", "value", { expiresAt: 1000 });
    time = 999;
    expect(store.get("key")).toBe("value");
    time = 1000;
    expect(store.get("key")).toBeUndefined();
    expect(storage.entries.size).toBe(0);
  });

  it("hands on what it did not write, and leaves it alone", async () => {
    const server = createFakeAuthServer();
    const key = "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-";
    const storage = createMemoryStorage(new Map([[`mcp-oauth:${key}`, "12ab|foreign"]]));
    const { session, events } = createHost(server, { store: createWebStorageStore(storage) });

    expect(await session.getTokens()).toBeUndefined();
    expect(events).toEqual([{ type: "record_ignored", key, reason: "it is not JSON" }]);
    expect(storage.getItem(`mcp-oauth:${key}`)).toBe("12ab|foreign");
  });

  it("carries a login over the reload of a page [pain-35]", async () => {
    const server = createFakeAuthServer();
    const storage = createMemoryStorage();
    const page = () => createHost(server, { store: createWebStorageStore(storage, { now: server.now }) });
    const { authorizationUrl } = await page().session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    await page().client.finishAuthorization(callback);

    expect(await page().session.getAccessToken()).toBeTypeOf("string");
    await expect(page().client.finishAuthorization(callback)).rejects.toMatchObject({ code: "state_unknown" });
  });

  it("has no lock where the runtime has none", () => {
    vi.stubGlobal("navigator", {});
    expect(createWebStorageStore(createMemoryStorage())).not.toHaveProperty("withLock");
  });

  it("takes Web Locks where they are, under its prefix, and lets the waiting be given up", async () => {
    const requests: unknown[][] = [];
    vi.stubGlobal("navigator", {
      locks: {
        request: async (...args: unknown[]) => {
          requests.push(args.slice(0, -1));
          return await (args.at(-1) as () => Promise<unknown>)();
        },
      },
    });
    const store = createWebStorageStore(createMemoryStorage());
    const { signal } = new AbortController();

    expect(await store.withLock?.("refresh:x", async (lease) => lease.aborted)).toBe(false);
    expect(await store.withLock?.("refresh:x", async () => 1, { signal })).toBe(1);
    expect(requests).toEqual([["mcp-oauth:refresh:x"], ["mcp-oauth:refresh:x", { signal }]]);
  });

  it("lets tabs of one origin refresh one at a time, with the locks of this runtime", async () => {
    const server = createFakeAuthServer();
    const storage = createMemoryStorage();
    const tabs = Array.from({ length: 4 }, () =>
      createHost(server, { store: createWebStorageStore(storage, { now: server.now }) }),
    );
    await tabs[0]?.session.authorize(approvedBy(server));
    for (const { session } of tabs) await session.getAccessToken();
    server.advance(86_400_000);
    const got = await Promise.all(tabs.map(({ session }) => session.getAccessToken()));

    expect(new Set(got).size).toBe(1);
    expect(server.counts.refresh).toBe(1);
  });
});
