import { describe, expect, it, vi } from "vitest";
import type { KVStore } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";
import { isAuthError } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.js";
import { createFillableStore, DAY } from "../support/refresh.js";

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
    const { store, backing, fill, makeRoom } = createFillableStore();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    fill();
    const error = await failureOf(session.getAccessToken());

    expect(error).toMatchObject({ code: "store_failed", key: "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-" });
    expect(isAuthError(error) && error.cause).toEqual(new Error("ENOSPC"));
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "store_failed" });
    expect(server.counts.refresh).toBe(1);
    makeRoom();
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
    const { store, fill, makeRoom } = createFillableStore();
    const { session } = createHost(server, { store });
    fill();
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "store_failed" });
    makeRoom();

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
