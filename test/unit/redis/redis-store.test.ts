import { inspect } from "node:util";
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createRedisStore } from "../../../src/redis.js";
import type { KVStore, RedisClientLike, RedisStoreOptions } from "../../../src/redis.js";

type Store = KVStore & Required<Pick<KVStore, "withLock" | "take" | "keys">>;

/** A client whose answers the test gives; a function is called at every command, a list is used up. */
function arrange(
  answer: (command: string, ...args: readonly string[]) => unknown,
  options?: RedisStoreOptions,
): { readonly store: Store; readonly sent: readonly string[][] } {
  const sent: string[][] = [];
  const client: RedisClientLike = {
    call: async (...command) => {
      sent.push(command);
      return answer(...command);
    },
  };
  return { store: createRedisStore(client, options) as Store, sent };
}

const errorOf = (work: unknown): Promise<unknown> =>
  Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  );
const never = (): Promise<never> => new Promise(() => undefined);

describe("createRedisStore refuses", () => {
  const client: RedisClientLike = { call: async () => null };
  it.each<[string, unknown, RedisStoreOptions | undefined, RegExp]>([
    ["no client", undefined, undefined, /^client must have/],
    ["what is no client", { get: () => null }, undefined, /^client must have/],
    ["a cluster of ioredis", new Cluster(["127.0.0.1"], { lazyConnect: true }), undefined, /^client must not be/],
    ["a cluster of node-redis", createCluster({ rootNodes: [] }), undefined, /^client must not be/],
    ["a prefix of the client", { ...client, options: { keyPrefix: "a:" } }, undefined, /keyPrefix.*prefix/],
    ["a lock without a time", client, { lockTtlMs: Number.NaN }, /^lockTtlMs/],
    ["a lock that is over at once", client, { lockTtlMs: 10 }, /^lockTtlMs/],
  ])("%s", (_name, given, options, message) => {
    const make = (): unknown => createRedisStore(given as RedisClientLike, options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});

describe("what is sent to Redis", () => {
  it("goes through `call` if the client has it, else through `sendCommand` as a list", async () => {
    const call = vi.fn(async () => "value");
    const sendCommand = vi.fn(async () => "value");
    await createRedisStore({ call, sendCommand }).get("key");
    await createRedisStore({ sendCommand }).get("key");
    expect(call.mock.calls).toEqual([["GET", "mcp-oauth:record:key"]]);
    expect(sendCommand.mock.calls).toEqual([[["GET", "mcp-oauth:record:key"]]]);
  });
  it.each<[number | undefined, readonly string[]]>([
    [undefined, []],
    [1_700_000_000_000, ["PXAT", "1700000000000"]],
    [1_700_000_000_000.2, ["PXAT", "1700000000001"]],
    [-5, ["PXAT", "1"]],
    [Infinity, []],
    [1e21, []],
  ])("is an expiry that Redis understands, for %s", async (expiresAt, expected) => {
    const { store, sent } = arrange(() => "OK");
    await store.set("key", "value", { expiresAt });
    expect(sent).toEqual([["SET", "mcp-oauth:record:key", "value", ...expected]]);
  });
  it("is the prefix with its wildcards escaped, page after page, and no key is listed twice", async () => {
    const pages = [
      ["7", ["a[1]:record:one", "a[1]:record:two"]],
      ["0", ["a[1]:record:two", "a[1]:record:three"]],
    ];
    const { store, sent } = arrange(() => pages.shift(), { prefix: "a[1]:" });
    const listed: string[] = [];
    for await (const key of store.keys("\\*?")) listed.push(key);
    expect(listed).toEqual(["one", "two", "three"]);
    const pattern = "a\\[1\\]:record:\\\\\\*\\?*";
    expect(sent.map(([, cursor, , match]) => [cursor, match])).toEqual([
      ["0", pattern],
      ["7", pattern],
    ]);
  });
});

describe("what Redis answers", () => {
  it("is a missing value when it is null, and nothing else is", async () => {
    expect(await arrange(() => null).store.get("key")).toBeUndefined();
    expect(await arrange(() => null).store.take("key")).toBeUndefined();
    const { store } = arrange(() => Buffer.from("value"));
    expect(String(await errorOf(store.get("key")))).toMatch(/TypeError: client must answer GET with a string/);
    expect(String(await errorOf(store.take("key")))).toMatch(/TypeError: client must answer GETDEL with a string/);
  });
  it.each(["QUEUED", null])("to a write is OK, or the write failed (%s)", async (answer) => {
    const error = await errorOf(arrange(() => answer).store.set("key", "value"));
    expect(String(error)).toMatch(/^Error: Redis did not do SET/);
  });
  it("is thrown without the command's arguments", async () => {
    const refusal = Object.assign(
      new Error("ERR unknown command 'GETDEL', with args beginning with: 'mcp-oauth:record:v1:pending:secret' "),
      { command: { name: "getdel", args: ["mcp-oauth:record:v1:pending:secret"] } },
    );
    const { store } = arrange(() => Promise.reject(refusal));
    const shown = inspect(await errorOf(store.take("v1:pending:secret")), { depth: 9, showHidden: true });
    expect(shown).toContain("Redis did not do GETDEL: \"ERR unknown command 'GETDEL'\"");
    expect(shown).not.toContain("secret");
  });
  it("is cut when it is long", async () => {
    const error = await errorOf(arrange(() => Promise.reject(new Error("x".repeat(5000)))).store.get("key"));
    expect(String(error).length).toBeLessThan(300);
  });
  it("names the reason of a connection that no address accepts", async () => {
    const refused = Object.assign(new AggregateError([new Error("one"), new Error("other")]), { code: "ECONNREFUSED" });
    expect(String(await errorOf(arrange(() => Promise.reject(refused)).store.get("key")))).toContain("ECONNREFUSED");
  });
});

describe("with time", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("a command that is not answered is given up after the time to live of a lock", async () => {
    const { store } = arrange(never);
    const error = errorOf(store.get("key"));
    await vi.advanceTimersByTimeAsync(8999);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(String(await error)).toBe('Error: Redis did not do GET: "no answer within 9000 ms"');
  });

  /** The scripts by what they do, in the order in which they were sent. */
  const scriptsOf = (sent: readonly string[][]): readonly string[] =>
    sent.map(([, script = ""]) => (script.includes("DEL") ? "release" : script.includes("NX") ? "acquire" : "renew"));
  /** Holds a lock until the test says so. */
  function hold(store: Store) {
    let end = (): void => undefined;
    let begun: (lease: AbortSignal) => void;
    const lease = new Promise<AbortSignal>((resolve) => (begun = resolve));
    const over = store.withLock("lock", (given) => {
      begun(given);
      return new Promise<string>((resolve) => {
        end = () => resolve("done");
      });
    });
    return { lease, over, end: () => end() };
  }

  it("a lock is set with an owner of its own and renewed every third of its time", async () => {
    const { store, sent } = arrange(() => 1);
    const { lease, over, end } = hold(store);
    const signal = await lease;
    await vi.advanceTimersByTimeAsync(9000);
    end();
    expect(await over).toBe("done");
    expect(signal.aborted).toBe(false);
    expect(scriptsOf(sent)).toEqual(["acquire", "renew", "renew", "renew", "release"]);
    const [, , keys, key, owner = "", ttl] = sent[0] ?? [];
    expect([keys, key, ttl]).toEqual(["1", "mcp-oauth:lock:lock", "9000"]);
    expect(owner.length).toBeGreaterThan(16);
    expect(new Set(sent.map((command) => command[4]))).toEqual(new Set([owner]));
    await store.withLock("lock", async () => undefined);
    expect(sent.at(-1)?.[4]).not.toBe(owner);
  });
  it("a lock that was got so long ago that it may be another's is asked for again", async () => {
    let isFirst = true;
    const { store, sent } = arrange((_, script = "") => {
      // the process stands still while the answer is under way
      if (isFirst && script.includes("NX")) vi.setSystemTime(Date.now() + 9_000);
      isFirst = false;
      return 1;
    });
    const done = store.withLock("lock", async () => "done");
    await vi.advanceTimersByTimeAsync(20);
    expect(await done).toBe("done");
    expect(scriptsOf(sent)).toEqual(["acquire", "acquire", "release"]);
  });

  it("a lock of somebody else is asked for again, at intervals that grow and differ", async () => {
    const times: number[] = [];
    const { store } = arrange(() => {
      times.push(Date.now());
      return times.length > 10 ? 1 : 0;
    });
    const done = store.withLock("lock", async () => "done");
    await vi.advanceTimersByTimeAsync(3000);
    expect(await done).toBe("done");
    const pauses = times.slice(1, 11).map((time, index) => time - (times[index] ?? 0));
    expect(pauses[0]).toBeLessThanOrEqual(20);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(250);
    expect(Math.min(...pauses.slice(4))).toBeGreaterThanOrEqual(125);
    expect(new Set(pauses.slice(4)).size).toBeGreaterThan(1);
  });
  it("the lease is aborted at once when the lock is found to be another's", async () => {
    const { store, sent } = arrange((_, script = "") => (script.includes("NX") ? 1 : 0));
    const { lease, over, end } = hold(store);
    const signal = await lease;
    await vi.advanceTimersByTimeAsync(3000);
    expect(signal.aborted).toBe(true);
    expect(String(signal.reason)).toContain("lock in Redis was lost");
    end();
    await over;
    expect(scriptsOf(sent)).toEqual(["acquire", "renew", "release"]);
  });
  it("one renewal without an answer is made up for by the next", async () => {
    let renewals = 0;
    const { store } = arrange((_, script = "") => {
      if (script.includes("NX") || script.includes("DEL")) return 1;
      renewals += 1;
      return renewals === 1 ? never() : 1;
    });
    const { lease, over, end } = hold(store);
    const signal = await lease;
    await vi.advanceTimersByTimeAsync(14_000);
    expect(signal.aborted).toBe(false);
    end();
    await over;
  });
  it.each<[string, () => Promise<never>]>([
    ["hangs", never],
    ["fails", () => Promise.reject(new Error("Connection is closed."))],
  ])(
    "the lease is aborted before Redis frees the lock when every renewal %s, and the end waits a third at most",
    async (_name, answer) => {
      const { store } = arrange((_, script = "") => (script.includes("NX") ? 1 : answer()));
      const { lease, over, end } = hold(store);
      const signal = await lease;
      await vi.advanceTimersByTimeAsync(8999);
      expect(signal.aborted).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(signal.aborted).toBe(true);
      end();
      await vi.advanceTimersByTimeAsync(3000);
      expect(await over).toBe("done");
    },
  );
  it("a renewal that is answered after the end changes nothing", async () => {
    const answers: ((value: number) => void)[] = [];
    const { store } = arrange((_, script = "") =>
      script.includes("NX") || script.includes("DEL") ? 1 : new Promise<number>((resolve) => answers.push(resolve)),
    );
    const one = hold(store);
    const two = hold(store);
    const leases = await Promise.all([one.lease, two.lease]);
    await vi.advanceTimersByTimeAsync(3000);
    one.end();
    two.end();
    await Promise.all([one.over, two.over]);
    answers.forEach((answer, index) => answer(index));
    await vi.advanceTimersByTimeAsync(0);
    expect(leases.map((lease) => lease.aborted)).toEqual([false, false]);
  });
  it("a lock without an answer is refused after a third of its time, and given back in case it was set", async () => {
    const { store, sent } = arrange((_, script = "") => (script.includes("NX") ? never() : 1));
    const task = vi.fn(async () => undefined);
    const error = errorOf(store.withLock("lock", task));
    await vi.advanceTimersByTimeAsync(3000);
    expect(String(await error)).toContain("no answer within 3000 ms");
    expect(task).not.toHaveBeenCalled();
    expect(scriptsOf(sent)).toEqual(["acquire", "release"]);
  });
  it("whoever is aborted while the lock is being set gives it back when it was", async () => {
    const answers: ((value: number) => void)[] = [];
    const { store, sent } = arrange((_, script = "") =>
      script.includes("NX") ? new Promise<number>((resolve) => answers.push(resolve)) : 1,
    );
    const controller = new AbortController();
    const task = vi.fn(async () => undefined);
    const error = errorOf(store.withLock("lock", task, { signal: controller.signal }));
    await vi.advanceTimersByTimeAsync(0);
    const reason = new Error("changed its mind");
    controller.abort(reason);
    expect(await error).toBe(reason);
    expect(scriptsOf(sent)).toEqual(["acquire"]);
    for (const answer of answers) answer(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(scriptsOf(sent)).toEqual(["acquire", "release"]);
    expect(task).not.toHaveBeenCalled();
  });
  it("whoever was aborted before asks for nothing", async () => {
    const { store, sent } = arrange(() => 1);
    const reason = new Error("changed its mind");
    const work = store.withLock("lock", async () => "done", { signal: AbortSignal.abort(reason) });
    expect(await errorOf(work)).toBe(reason);
    expect(sent).toEqual([]);
  });
  it("the time of a lock is counted from when it was asked for", async () => {
    const { store } = arrange((_, script = "") =>
      script.includes("NX") ? new Promise((resolve) => setTimeout(resolve, 2000, 1)) : never(),
    );
    const { lease, over, end } = hold(store);
    await vi.advanceTimersByTimeAsync(2000);
    const signal = await lease;
    await vi.advanceTimersByTimeAsync(6999);
    expect(signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(signal.aborted).toBe(true);
    end();
    await vi.advanceTimersByTimeAsync(3000);
    await over;
  });
  it("numbers that the client hands on as text are understood", async () => {
    const { store } = arrange(() => "1");
    expect(await store.withLock("lock", async () => "done")).toBe("done");
  });
});
