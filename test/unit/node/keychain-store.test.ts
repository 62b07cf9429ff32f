import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { createMemoryStore, isAuthError } from "../../../src/index.js";
import type { IgnoredRecord, KVStore } from "../../../src/index.js";
import { createKeychainStore } from "../../../src/node.js";
import type { KeychainStoreOptions } from "../../../src/node.js";
import { createFakeAuthServer, kvStoreContract } from "../../../src/testing.js";
import { approvedBy, createHost, failureOf, until } from "../../support/host.js";

const keyring = await vi.hoisted(async () => (await import("../../support/fake-keyring.js")).createFakeKeyring());
vi.mock("@napi-rs/keyring", () => keyring.module);

const root = mkdtempSync(join(tmpdir(), "keychain-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Where an item holds 2,560 bytes, which are 1,280 UTF-16 units. */
function onWindows(): void {
  vi.spyOn(process, "platform", "get").mockReturnValue("win32");
  keyring.maxBytes = 2560;
}

const SERVICE = "com.example.test";
const LONG = "0123456789".repeat(500);
const HOUR = 3_600_000;

let time = 1_750_000_000_000;
let ignored: IgnoredRecord[];
let items: Map<string, string>;
beforeEach(() => {
  keyring.reset();
  ignored = [];
  items = keyring.of(SERVICE);
});
afterEach(() => {
  vi.useRealTimers();
});

const open = (options: Partial<KeychainStoreOptions> = {}): Promise<KVStore> =>
  createKeychainStore({
    service: SERVICE,
    now: () => time,
    onIgnored: (record) => ignored.push(record),
    ...options,
  });
const accountOf = (key: string): string => createHash("sha256").update(key).digest("hex");
const partsOf = (key: string): string[] => [...items.keys()].filter((name) => name.startsWith(`${accountOf(key)}.`));
const listKeys = async (store: KVStore, prefix = ""): Promise<string[]> => {
  const keys: string[] = [];
  for await (const key of store.keys?.(prefix) ?? []) keys.push(key);
  return keys.sort();
};

describe.each([
  ["Windows", onWindows],
  ["other systems", () => undefined],
])("on %s it keeps the contract of a KVStore", (name, prepare) => {
  kvStoreContract(
    test,
    (backing) => {
      prepare();
      return open({ service: backing, lockDirectory: join(root, name, backing) });
    },
    {
      abilities: ["take", "keys", "withLock"],
      expiry: true,
      now: () => time,
      advance(ms) {
        time += ms;
      },
      maxValueBytes: 64_000,
      maxKeys: 200,
    },
  );
});

describe("a record", () => {
  it("is one item named by the SHA-256 of its key, and costs one question to read or to list [pain-36]", async () => {
    const store = await open();
    await store.set("v1:tokens:alice", LONG, { expiresAt: time + 1 });
    const account = accountOf("v1:tokens:alice");

    expect([...items.keys()]).toEqual([account]);
    expect(JSON.parse(items.get(account) ?? "")).toEqual({
      v: 1,
      key: "v1:tokens:alice",
      expiresAt: time + 1,
      value: LONG,
    });
    keyring.calls.length = 0;
    expect(await store.get("v1:tokens:alice")).toBe(LONG);
    expect(await listKeys(store)).toEqual(["v1:tokens:alice"]);
    expect(keyring.calls).toEqual([`read ${account}`, "list"]);
  });

  it("is a header and parts below 1,280 units each where an item holds no more [pain-36]", async () => {
    onWindows();
    const store = await open();
    const value = `${LONG}${"漢字👩‍👩‍👧‍👦".repeat(300)}`;
    await store.set("a", value);

    expect(partsOf("a").length).toBeGreaterThan(5);
    expect(items.size).toBe(1 + partsOf("a").length);
    for (const text of items.values()) {
      expect(text.length).toBeLessThan(1_280);
      expect(text).toMatch(/^[\x20-\x7e]+$/);
    }
    expect(await store.get("a")).toBe(value);
    await store.delete("a");
    expect(items.size).toBe(0);
  });

  it("is one item again, and nothing else, when the value has become short", async () => {
    onWindows();
    const store = await open();
    await store.set("a", LONG);
    await store.set("a", "short");

    expect([...items.keys()]).toEqual([accountOf("a")]);
    expect(await store.get("a")).toBe("short");
  });

  it("is stored in parts as well where nobody knew of a limit, and from then on at once", async () => {
    const store = await open();
    keyring.maxBytes = 2560;
    await store.set("a", LONG);
    expect(await store.get("a")).toBe(LONG);
    const writes = (): number => keyring.calls.filter((call) => call.startsWith("write")).length;
    const before = writes();
    await store.set("a", LONG);
    expect(writes() - before).toBe(partsOf("a").length + 1);
  });

  it("is not tried in parts when it is short and the keychain refuses it", async () => {
    const store = await open();
    keyring.calls.length = 0;
    keyring.before = (operation) => {
      if (operation === "write") throw new Error("the keychain is locked");
    };
    await expect(store.set("a", "short")).rejects.toThrow("the keychain is locked");
    expect(keyring.calls).toEqual([`read ${accountOf("a")}`, `write ${accountOf("a")}`]);
  });

  it("keeps a whole session: a login is found again after a restart [pain-36]", async () => {
    onWindows();
    const server = createFakeAuthServer();
    const clientMetadata = { client_name: "A name of some length ".repeat(50) };
    const { session: before } = createHost(server, { store: await open(), clientMetadata });
    const tokens = await before.authorize(approvedBy(server));
    const { session } = createHost(server, { store: await open(), clientMetadata });

    expect(await session.getTokens()).toEqual(tokens);
    expect([...items.keys()].some((name) => name.includes("."))).toBe(true);
    expect(JSON.stringify([...items.keys()])).not.toContain("example");
  });
});

const OLD = "old ".repeat(1_000);
const NEW = "new ".repeat(1_300);

describe("a value is never torn [pain-36]", () => {
  const cut = new Error("the process was ended");

  /** Ends the process, so to speak, at the given operation of a write; resolves to whether the write got to its end. */
  async function writeUntil(operations: number, hook: "before" | "after"): Promise<boolean> {
    const store = await open();
    await store.set("a", OLD);
    let count = 0;
    keyring[hook] = () => {
      if (++count > operations) throw cut;
    };
    const failure = await Promise.resolve(store.set("a", NEW)).then(
      () => undefined,
      (error: unknown) => error,
    );
    const isWhole = count <= operations;
    keyring.before = keyring.after = () => undefined;
    expect([undefined, cut]).toContain(failure);
    return isWhole;
  }

  it.each(["before", "after"] as const)("by a process that ends %s any step", async (hook) => {
    onWindows();
    const seen: (string | null | undefined)[] = [];
    for (let operations = 0; ; operations += 1) {
      items.clear();
      const isWhole = await writeUntil(operations, hook);
      const store = await open();
      seen.push(await store.get("a"));
      await store.set("a", "next");
      expect(await store.get("a")).toBe("next");
      expect(ignored).toEqual([]);
      if (isWhole) break;
    }

    // the old one up to the step in which the header is written, the new one from then on
    const flip = seen.indexOf(NEW);
    expect(flip).toBeGreaterThan(4);
    expect(seen.slice(0, flip).every((value) => value === OLD)).toBe(true);
    expect(seen.slice(flip).every((value) => value === NEW)).toBe(true);
    expect(seen.length).toBeGreaterThan(flip + 3);
  });

  it("by one write that fails: it is rejected, and its parts are removed", async () => {
    onWindows();
    const store = await open();
    await store.set("a", OLD);
    const before = [...items];
    let writes = 0;
    keyring.before = (operation) => {
      if (operation === "write" && ++writes === 3) throw cut;
    };

    await expect(store.set("a", NEW)).rejects.toBe(cut);
    expect([...items]).toEqual(before);
    expect(await store.get("a")).toBe(OLD);
  });

  it("for who reads while another process writes, at whatever step", async () => {
    onWindows();
    const reader = await open();
    const writer = await open();
    await writer.set("a", OLD);
    const seen = new Set<unknown>();
    for (const hook of ["before", "after"] as const) {
      keyring[hook] = async (operation) => {
        if (operation === "read") return;
        seen.add(await reader.get("a"));
      };
      await writer.set("a", NEW);
      await writer.set("a", OLD);
    }

    expect(seen).toEqual(new Set([OLD, NEW]));
    expect(ignored).toEqual([]);
  });

  it("for who is overtaken by a whole write between two steps of a read", async () => {
    onWindows();
    const store = await open();
    const seen: unknown[] = [];
    for (let step = 0; step < 5; step += 1) {
      await store.set("a", OLD);
      let count = 0;
      keyring.after = async (operation) => {
        if (operation !== "read" || count++ !== step) return;
        await store.set("a", NEW);
      };
      seen.push(await store.get("a"));
      keyring.after = () => undefined;
    }
    // a header and four parts: after the last one it is too late
    expect(seen).toEqual([NEW, NEW, NEW, NEW, OLD]);
    expect(ignored).toEqual([]);
  });
});

it("keeps the parts of one write alone when many in this process write at once", async () => {
  onWindows();
  const stores = [await open(), await open()];
  await Promise.all(Array.from({ length: 10 }, async (_, index) => stores[index % 2]?.set("a", LONG)));

  expect(new Set(partsOf("a").map((name) => name.split(".")[1])).size).toBe(1);
});

describe("two processes", () => {
  /** The same module once more, with nothing shared but the keychain. */
  async function openElsewhere(options: Partial<KeychainStoreOptions> = {}): Promise<KVStore> {
    vi.resetModules();
    const elsewhere = await import("../../../src/node.js");
    return elsewhere.createKeychainStore({ service: SERVICE, onIgnored: (record) => ignored.push(record), ...options });
  }

  it("that write at the same time leave the value of one of them, whole", async () => {
    onWindows();
    const stores = [await open(), await openElsewhere(), await openElsewhere()];
    const values = ["a", "b", "c"].map((letter) => letter.repeat(5_000));
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(stores.map(async (store, index) => store.set("a", values[(index + round) % 3] ?? "")));
      const found = await Promise.all(stores.map(async (store) => store.get("a")));
      expect(values).toContain(found[0]);
      expect(new Set(found).size).toBe(1);
    }
    expect(ignored).toEqual([]);
  });

  it.each(["without", "with"])("that take a value %s a lock: one gets it", async (lock) => {
    const lockDirectory = lock === "with" ? mkdtempSync(join(root, "take-")) : undefined;
    const stores = [await open({ lockDirectory }), await openElsewhere({ lockDirectory })];
    for (let round = 0; round < 10; round += 1) {
      await stores[0]?.set("v1:pending:x", "value");
      const taken = await Promise.all(stores.map(async (store) => store.take?.("v1:pending:x")));
      expect(taken.sort()).toEqual(["value", undefined]);
    }
  });

  it("that take a value with a lock do so one after the other: only one has the keychain delete it", async () => {
    const lockDirectory = mkdtempSync(join(root, "take-"));
    const stores = [await open({ lockDirectory }), await openElsewhere({ lockDirectory })];
    await stores[0]?.set("v1:pending:x", "value");
    keyring.calls.length = 0;
    await Promise.all(stores.map(async (store) => store.take?.("v1:pending:x")));
    expect(keyring.calls.filter((call) => call.startsWith("remove "))).toHaveLength(1);
  });

  it("share a lock of their service in the folder for it", async () => {
    const lockDirectory = join(root, "locks");
    const [one, other] = [await open({ lockDirectory }), await openElsewhere({ lockDirectory })];
    const third = await openElsewhere({ lockDirectory, service: "com.example.other" });
    const order: string[] = [];
    let waiting: Promise<unknown> | undefined;
    await one.withLock?.("refresh:x", async () => {
      waiting = other.withLock?.("refresh:x", async () => order.push("other"));
      await third.withLock?.("refresh:x", async () => order.push("another service"));
      order.push("one");
    });
    await waiting;

    expect(order).toEqual(["another service", "one", "other"]);
    expect(readdirSync(lockDirectory)).toEqual([]);
  });

  it("have no lock without a folder for it", async () => {
    expect(Object.keys(await open())).not.toContain("withLock");
  });

  it("do not fail where the keychain calls it a failure that the other was quicker to delete", async () => {
    const store = await open();
    const quicker = (wanted: string) => (operation: string, account: string) => {
      if (operation === wanted && items.delete(account)) throw new Error("Platform failure: no such object");
    };
    await store.set("a", "value");
    keyring.before = quicker("remove");
    await expect(Promise.resolve(store.delete("a"))).resolves.toBeUndefined();
    await store.set("a", "value");
    expect(await store.take?.("a")).toBeUndefined();
    keyring.before = quicker("read");
    items.set(accountOf("a"), '{"v":1,"key":"a","value":"value"}');
    expect(await store.get("a")).toBeUndefined();
    keyring.before = quicker("write");
    items.set(accountOf("a"), '{"v":1,"key":"a","value":"old"}');
    await store.set("a", "new");
    expect(await store.get("a")).toBe("new");
  });

  it.each([
    ["Platform failure: the service has gone", 5],
    ["Couldn't access platform storage: prompt was dismissed", 1],
  ])("are not asked for ever: %s", async (message, times) => {
    const store = await open();
    keyring.calls.length = 0;
    keyring.before = () => {
      throw new Error(message);
    };
    await expect(Promise.resolve(store.get("a"))).rejects.toThrow(message);
    expect(keyring.calls).toHaveLength(times);
  });
});

describe("what was left behind", () => {
  /** Parts of a write that never got to its header. */
  async function leaveParts(): Promise<void> {
    const store = await open();
    keyring.before = (operation, account) => {
      if (operation === "write" && !account.includes(".")) throw new Error("ended");
      if (operation === "remove") throw new Error("ended");
    };
    await failureOf(Promise.resolve(store.set("a", LONG)));
    keyring.before = () => undefined;
    expect(partsOf("a").length).toBeGreaterThan(3);
  }

  it("is removed an hour later, by the next start and by whoever lists keys", async () => {
    onWindows();
    vi.useFakeTimers({ toFake: ["Date"] });
    for (const clean of [() => open(), async () => listKeys(await open())]) {
      items.clear();
      await leaveParts();
      vi.advanceTimersByTime(HOUR - 1_000);
      const store = await open();
      await store.set("b", LONG);
      expect(partsOf("a").length).toBeGreaterThan(3);
      vi.advanceTimersByTime(HOUR + 1_000);
      await clean();
      expect(partsOf("a")).toEqual([]);
      expect(await store.get("b")).toBe(LONG);
    }
  });

  it("is not looked for at the start where the system may ask the user about each item", async () => {
    await open();
    expect(keyring.calls.map((call) => call.split(" ")[0])).toEqual(["write", "read", "remove"]);
  });

  it("does not keep the store from opening when it cannot be listed or removed", async () => {
    onWindows();
    await leaveParts();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * HOUR });
    keyring.before = (operation, account) => {
      if (operation === "remove" && account.startsWith(accountOf("a"))) throw new Error("not now");
    };
    expect(await (await open()).get("a")).toBeUndefined();
    keyring.before = (operation) => {
      if (operation === "list") throw new Error("not now");
    };
    expect(await (await open()).get("a")).toBeUndefined();
  });
});

describe("what cannot be used is a miss, is reported, and stays", () => {
  it.each([
    ["not JSON", "{", "is truncated, or something else wrote it"],
    ["of another version", '{"v":2}', "was written by another version of the library"],
    ["damaged", '{"v":1,"key":7}', "is damaged"],
    ["of another key", '{"v":1,"key":"b","value":"x"}', "belongs to another key"],
    ["without a part", '{"v":1,"parts":{"id":"x-y","count":2}}', "lacks a part"],
  ])("an item that is %s", async (_, text, problem) => {
    const store = await open();
    items.set(accountOf("v1:pending:a"), text);
    const reason = `the item ${accountOf("v1:pending:a")} ${problem}`;

    expect(await store.get("v1:pending:a")).toBeUndefined();
    expect(await store.take?.("v1:pending:a")).toBeUndefined();
    expect(await listKeys(store)).toEqual([]);
    expect(ignored).toEqual([
      { key: "v1:pending:…", reason },
      { key: "v1:pending:…", reason },
      { key: accountOf("v1:pending:a"), reason },
    ]);
    expect(items.get(accountOf("v1:pending:a"))).toBe(text);
    await store.set("v1:pending:a", "value");
    expect(await store.get("v1:pending:a")).toBe("value");
  });

  it("and items of others under the same service are left alone", async () => {
    const store = await open({ onIgnored: undefined });
    items.set("alice@example.com", "password");
    items.set(accountOf("a"), "{");

    expect(await store.get("a")).toBeUndefined();
    expect(await listKeys(store)).toEqual([]);
    expect(items.get("alice@example.com")).toBe("password");
  });
});

it("removes what has expired when it meets it, and nothing newer", async () => {
  const store = await open();
  await store.set("a", "value", { expiresAt: time + 10 });
  time += 10;
  expect(await store.get("a")).toBeUndefined();
  expect(items.size).toBe(0);

  await store.set("a", "old", { expiresAt: time - 1 });
  let isFirst = true;
  keyring.after = async (operation) => {
    if (operation !== "read" || !isFirst) return;
    isFirst = false;
    await store.set("a", "new");
  };
  expect(await store.get("a")).toBeUndefined();
  keyring.after = () => undefined;
  expect(await store.get("a")).toBe("new");
});

it("fails, and does not call it a miss, when the keychain is locked later", async () => {
  const store = await open();
  await store.set("a", "value");
  const failure = new Error("the keychain is locked");
  keyring.before = () => {
    throw failure;
  };
  for (const call of [
    () => store.get("a"),
    () => store.set("a", "b"),
    () => store.delete("a"),
    () => store.take?.("a"),
  ]) {
    expect(await failureOf(Promise.resolve().then(call))).toBe(failure);
  }
  keyring.before = () => undefined;
  expect(await store.get("a")).toBe("value");
});

it("asks the keychain two things at once at most, which leaves the process its other threads", async () => {
  const store = await open();
  const answers: (() => void)[] = [];
  keyring.calls.length = 0;
  keyring.before = () => new Promise<void>((resolve) => answers.push(resolve));
  const values = Promise.all(Array.from({ length: 6 }, async (_, index) => store.get(`key-${index}`)));
  for (let answered = 0; answered < 6; answered += 1) {
    await until(() => answers.length > answered);
    expect(keyring.calls.length - answered).toBeLessThanOrEqual(2);
    answers[answered]?.();
  }
  expect(await values).toEqual(Array.from({ length: 6 }, () => undefined));
});

const locked = (): never => {
  throw new Error("Couldn't access platform storage: no result found");
};

describe("without a keychain", () => {
  it.each([
    ["it is locked", locked],
    ["it refuses to write", (operation: string) => (operation === "write" ? locked() : undefined)],
    ["it refuses to read", (operation: string) => (operation === "read" ? locked() : undefined)],
    ["it refuses to delete", (operation: string) => (operation === "remove" ? locked() : undefined)],
    ["it gives back something else", (_: string, account: string) => void items.set(account, "else")],
  ])("the fallback is used and said aloud: %s [pain-36]", async (_, fault) => {
    const isOther = fault.length === 2;
    keyring[isOther ? "after" : "before"] = fault;
    const fallback = createMemoryStore();
    const onFallback = vi.fn();

    expect(await open({ fallback, onFallback })).toBe(fallback);
    expect(onFallback).toHaveBeenCalledTimes(1);
    const reason: unknown = onFallback.mock.calls[0]?.[0];
    expect(isAuthError(reason, "store_failed")).toBe(true);
    expect((reason as Error).message).toMatch(/^the keychain cannot be used: .*, or use another store$/);
    expect((reason as Error).cause).toBeInstanceOf(Error);
  });

  it("the process warns when nobody listens [pain-36]", async () => {
    keyring.before = locked;
    const warned = new Promise<Error & { code?: string }>((resolve) => process.once("warning", resolve));
    await open({ fallback: createMemoryStore() });
    const warning = await warned;

    expect(warning.code).toBe("MCP_OAUTH_KEYCHAIN_FALLBACK");
    expect(warning.message).toMatch(/^the fallback store is used, since the keychain cannot be used: /);
  });

  it.each([
    ["darwin", "unlock the login keychain"],
    ["win32", "log on interactively"],
    ["linux", "run and unlock a Secret Service"],
    ["freebsd", "run and unlock a Secret Service"],
  ] as const)("on %s the error says what to do", async (platform, advice) => {
    vi.spyOn(process, "platform", "get").mockReturnValue(platform);
    keyring.before = locked;
    const failure = await failureOf(open());

    expect(failure).toMatchObject({ name: "StoreError", code: "store_failed" });
    expect((failure as Error).message).toContain(advice);
    expect((failure as Error).cause).toMatchObject({ message: expect.stringContaining("no result found") as string });
  });

  it.each([undefined, 500])("a keychain that never answers counts as none after %s ms", async (timeoutMs) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let answer = (): void => undefined;
    keyring.before = () => new Promise<void>((resolve) => (answer = resolve));
    let failure: unknown;
    open({ timeoutMs }).catch((error: unknown) => (failure = error));
    await vi.advanceTimersByTimeAsync((timeoutMs ?? 30_000) - 1);
    expect(failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(failure).toMatchObject({ code: "store_failed", cause: { message: /did not answer within (30000|500) ms/ } });
    keyring.before = () => undefined;
    answer();
  });

  it("no timer is left when it answered", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await open();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("the error names the package when it is not installed, and the fallback serves here too", async () => {
    vi.resetModules();
    vi.doMock("@napi-rs/keyring", () => {
      throw new Error("Cannot find package");
    });
    try {
      const elsewhere = await import("../../../src/node.js");
      const failure = await failureOf(elsewhere.createKeychainStore({ service: SERVICE }));
      expect(failure).toMatchObject({ name: "StoreError", code: "store_failed" });
      expect((failure as Error).message).toContain('the package "@napi-rs/keyring" could not be loaded: install it');

      const [fallback, onFallback] = [createMemoryStore(), vi.fn()];
      expect(await elsewhere.createKeychainStore({ service: SERVICE, fallback, onFallback })).toBe(fallback);
      expect(onFallback).toHaveBeenCalledTimes(1);
    } finally {
      vi.doMock("@napi-rs/keyring", () => keyring.module);
    }
  });

  it("nothing is left of the trial", async () => {
    await open();
    expect(items.size).toBe(0);
  });
});

it.each([
  ["service", { service: "" }],
  ["service", { service: "a\0b" }],
  ["service", { service: undefined as unknown as string }],
  ["lockDirectory", { lockDirectory: "" }],
  ["lockDirectory", { lockDirectory: 7 as unknown as string }],
])("refuses a %s that is no name", async (parameter, options) => {
  const failure = await failureOf(open({ ...options, fallback: createMemoryStore() }));
  expect(failure).toBeInstanceOf(TypeError);
  expect((failure as Error).message).toBe(`${parameter} must be a string that is not empty and has no NUL`);
});

it.each([0, Number.NaN, 2 ** 31])("refuses to wait %d ms, which no timer can", async (timeoutMs) => {
  const failure = await failureOf(open({ timeoutMs, fallback: createMemoryStore() }));
  expect(failure).toEqual(new TypeError("timeoutMs must be from 1 to 2147483647"));
});
