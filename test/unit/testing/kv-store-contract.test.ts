import { describe, expect, test } from "vitest";
import { createMemoryStore, createWebStorageStore } from "../../../src/index.js";
import type { KVStore, MaybePromise } from "../../../src/index.js";
import { kvStoreContract } from "../../../src/testing.js";
import type { KVStoreContractOptions } from "../../../src/testing.js";

/** One store, or one backing, for each name. */
function byName<T>(create: () => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    const one = made.get(name) ?? create();
    made.set(name, one);
    return one;
  };
}

function fakeStorage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

function fakeClock() {
  let time = 1_800_000_000_000;
  return { now: () => time, advance: (ms: number) => void (time += ms) };
}

describe("a Map keeps the contract", () => {
  kvStoreContract(
    test,
    byName(() => new Map<string, string>()),
    { abilities: ["keys"] },
  );
});

describe("createMemoryStore keeps the contract", () => {
  const clock = fakeClock();
  kvStoreContract(
    test,
    byName(() => createMemoryStore({ now: clock.now })),
    { abilities: ["take", "keys"], expiry: true, ...clock },
  );
});

describe("createWebStorageStore keeps the contract", () => {
  const clock = fakeClock();
  const storageOf = byName(fakeStorage);
  kvStoreContract(test, (name) => createWebStorageStore(storageOf(name), { now: clock.now }), {
    abilities: ["take"],
    expiry: true,
    ...clock,
  });
});

/** Declares the contract, runs it, and tells which of its tests failed. */
async function failuresOf(
  createStore: (name: string) => MaybePromise<KVStore>,
  options: KVStoreContractOptions = {},
): Promise<string[]> {
  const tests: { name: string; body: () => Promise<void> }[] = [];
  kvStoreContract((name, body) => tests.push({ name, body }), createStore, {
    maxKeys: 50,
    maxValueBytes: 2000,
    ...options,
  });
  const failures: string[] = [];
  for (const { name, body } of tests) {
    await body().catch((error: unknown) => {
      expect(String(error)).toMatch(/^Error: the store breaks its contract: /);
      failures.push(name);
    });
  }
  return failures;
}

/** A store over a `Map` that does one thing wrong. */
const over =
  (change: (map: Map<string, string>, name: string) => Partial<KVStore>): ((name: string) => KVStore) =>
  (name) => {
    const map = maps(name);
    const get = (key: string): string | undefined => map.get(key);
    const set = (key: string, value: string): unknown => map.set(key, value);
    return { get, set, delete: (key) => map.delete(key), ...change(map, name) };
  };
const maps = (name: string): Map<string, string> => {
  const map = backing.get(name) ?? new Map<string, string>();
  backing.set(name, map);
  return map;
};
const backing = new Map<string, Map<string, string>>();

/** Changes every key before it is used. */
const withKeys = (change: (key: string) => string): ((name: string) => KVStore) =>
  over((map) => ({
    get: (key) => map.get(change(key)),
    set: (key, value) => map.set(change(key), value),
    delete: (key) => map.delete(change(key)),
  }));

/** Changes every value as it is written. */
const withValues = (change: (value: string) => string): ((name: string) => KVStore) =>
  over((map) => ({ set: (key, value) => map.set(key, change(value)) }));

const storeClock = fakeClock();
const expiringOptions: KVStoreContractOptions = { expiry: true, ...storeClock };

/** A store that forgets what has expired, and does one thing wrong. */
function expiringStore(
  change: (map: Map<string, { value: string; expiresAt: number | undefined }>) => Partial<KVStore>,
) {
  return byName((): KVStore => {
    const map = new Map<string, { value: string; expiresAt: number | undefined }>();
    const { now } = storeClock;
    return {
      get: (key) => {
        const entry = map.get(key);
        return entry === undefined || (entry.expiresAt ?? Infinity) <= now() ? undefined : entry.value;
      },
      set: (key, value, { expiresAt } = {}) => map.set(key, { value, expiresAt }),
      delete: (key) => map.delete(key),
      ...change(map),
    };
  });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const expired = "a value whose `expiresAt` has passed already is missing, and the one before it is gone";
const expiring = "a value is missing from its `expiresAt` on, unless it was set again without one";
const hostile = "keys are told apart as they are written: case, accents, spaces, paths, wildcards, names of members";
const listing = "`keys` lists every key that starts with the prefix, once";
const lockPassesOn = "`withLock` hands the result of its task on, and an error as it was thrown";
const oneByOne = "tasks under one key run one after the other";
const exact = "a counter that many read and write under one lock is exact";
const abortable = "who waits can be aborted, rejects with the reason, and never runs its task";

/** A lock as it should be, save for what `flaw` says. */
type Flaw =
  | "for fifty"
  | "listed"
  | "none"
  | "for each store alone"
  | "absent"
  | "for all keys"
  | "kept after an error"
  | "not abortable"
  | "late";

function locking(flaw: Flaw, lease = new AbortController().signal) {
  const queuesOf = byName(() => new Map<string, Promise<unknown>>());
  return over((map, name) => {
    const own = new Map<string, Promise<unknown>>();
    let crowd = 0;
    return {
      ...(flaw === "listed" && {
        keys: (prefix: string) => [...map.keys(), ...queuesOf(name).keys()].filter((key) => key.startsWith(prefix)),
      }),
      async withLock(key, task, { signal } = {}) {
        if (flaw === "absent") return task(lease);
        const queues = flaw === "for each store alone" ? own : queuesOf(name);
        const queue = flaw === "for all keys" ? "" : key;
        crowd += key === "lock" ? 1 : 0;
        if (flaw === "for fifty" && crowd > 49) {
          throw new Error("the store breaks its contract: as every store would say it");
        }
        const before = queues.get(queue) ?? Promise.resolve();
        let leave = (): void => undefined;
        const gone = new Promise<void>((resolve) => (leave = resolve));
        queues.set(
          queue,
          before.then(() => gone),
        );
        const aborted = new Promise<never>((_, reject) => {
          const abort = (): void => {
            reject(signal?.reason as Error);
          };
          if (flaw === "not abortable") return;
          if (signal?.aborted === true && flaw !== "late") abort();
          signal?.addEventListener("abort", abort);
        });
        try {
          await Promise.race([before, aborted]);
        } catch (error) {
          leave();
          throw error;
        }
        return task(lease).then(
          (result) => {
            leave();
            return result;
          },
          (error: unknown) => {
            if (flaw !== "kept after an error") leave();
            throw error;
          },
        );
      },
    };
  });
}

test.each<[string, (name: string) => MaybePromise<KVStore>, string[], KVStoreContractOptions?]>([
  ["is right", over(() => ({})), []],
  [
    "forgets everything",
    over(() => ({ get: () => null })),
    [
      "a value is read as it was set, any number of times",
      "a value replaces the one before, also a longer one",
      "a deleted key is missing, and its neighbours are not",
      "a deleted key can be set again",
      "deleting a key that is missing does nothing",
      "text comes back unchanged: line ends, quotes, any script, byte order mark",
      hostile,
      "a long value comes back whole",
      "50 keys are kept at once",
      "of several writers at once one wins whole, and readers see no mixture",
      "two stores on one backing see each other's changes",
      "a value whose `expiresAt` is to come is there",
    ],
  ],
  [
    "makes values up",
    over((map) => ({ get: (key) => map.get(key) ?? "" })),
    [
      "a key that was never set is missing",
      "a deleted key is missing, and its neighbours are not",
      hostile,
      "two stores on one backing see each other's changes",
    ],
  ],
  [
    "keeps the first value",
    over((map) => ({ set: (key, value) => map.has(key) || map.set(key, value) })),
    ["a value replaces the one before, also a longer one", "two stores on one backing see each other's changes"],
  ],
  [
    "overwrites in place",
    over((map) => ({ set: (key, value) => map.set(key, value + (map.get(key) ?? "").slice(value.length)) })),
    ["a value replaces the one before, also a longer one"],
  ],
  [
    "does not delete",
    over(() => ({ delete: () => undefined })),
    [
      "a deleted key is missing, and its neighbours are not",
      hostile,
      "two stores on one backing see each other's changes",
    ],
  ],
  [
    "deletes by prefix",
    over((map) => ({
      delete: (key) => [...map.keys()].filter((other) => other.startsWith(key)).map((other) => map.delete(other)),
    })),
    ["a deleted key is missing, and its neighbours are not", hostile],
  ],
  [
    "cannot set again after a delete",
    over((map) => ({
      set: (key, value) => map.get(`gone ${key}`) ?? map.set(key, value),
      delete: (key) => [map.set(`gone ${key}`, ""), map.delete(key)],
    })),
    ["a deleted key can be set again"],
  ],
  [
    "fails to delete what is missing",
    over((map) => ({
      delete: (key) => {
        if (!map.delete(key)) throw new Error("the store breaks its contract: as every store would say it");
      },
    })),
    ["deleting a key that is missing does nothing"],
  ],
  [
    "normalizes line ends",
    withValues((value) => value.replaceAll("\r\n", "\n")),
    ["text comes back unchanged: line ends, quotes, any script, byte order mark"],
  ],
  [
    "stores Latin-1",
    withValues((value) => Buffer.from(value, "latin1").toString("latin1")),
    ["text comes back unchanged: line ends, quotes, any script, byte order mark"],
  ],
  [
    "parses JSON",
    withValues((value) => (/^(null|1e1000)$/.test(value) ? String(JSON.parse(value)) : value)),
    ["text comes back unchanged: line ends, quotes, any script, byte order mark"],
  ],
  [
    "ends values at NUL",
    withValues((value) => value.split("\0")[0] ?? ""),
    ["text comes back unchanged: line ends, quotes, any script, byte order mark"],
  ],
  ["ends values at NUL, and says so", withValues((value) => value.split("\0")[0] ?? ""), [], { nulCharacters: false }],
  ["folds case", withKeys((key) => key.toLowerCase()), [hostile]],
  ["normalizes Unicode", withKeys((key) => key.normalize()), [hostile]],
  ["trims keys", withKeys((key) => key.trim()), [hostile]],
  ["resolves paths", withKeys((key) => new URL(key.replaceAll("\\", "/"), "file:///base/").href), [hostile]],
  ["cuts long keys", withKeys((key) => key.slice(0, 255)), [hostile]],
  ["cuts keys longer than it says", withKeys((key) => key.slice(0, 255)), [], { maxKeyBytes: 200 }],
  [
    "keeps keys in an object",
    over((map) => {
      const object = Object.fromEntries(map);
      return { get: (key) => map.get(key) ?? (object[key] === undefined ? undefined : "a member of Object.prototype") };
    }),
    [hostile],
  ],
  [
    "cuts long values",
    withValues((value) => value.slice(0, 1000)),
    ["a long value comes back whole", "of several writers at once one wins whole, and readers see no mixture"],
  ],
  [
    "drops keys when there are many",
    over((map) => ({ set: (key, value) => map.size < 49 && map.set(key, value) })),
    [hostile, "50 keys are kept at once"],
  ],
  [
    "shows a gap while it replaces",
    over((map) => ({
      async set(key, value) {
        map.delete(key);
        await turn();
        map.set(key, value);
      },
    })),
    ["of several writers at once one wins whole, and readers see no mixture"],
  ],
  [
    "caches for itself",
    (name) => {
      const cache = new Map<string, string | undefined>();
      const map = maps(name);
      return {
        get: (key) => {
          if (!cache.has(key)) cache.set(key, map.get(key));
          return cache.get(key);
        },
        set: (key, value) => [cache.set(key, value), map.set(key, value)],
        delete: (key) => cache.delete(key) && map.delete(key),
      };
    },
    [
      "of several writers at once one wins whole, and readers see no mixture",
      "two stores on one backing see each other's changes",
    ],
  ],
  [
    "drops whatever has an expiry",
    over((map) => ({ set: (key, value, options) => options?.expiresAt === undefined && map.set(key, value) })),
    ["a value whose `expiresAt` is to come is there"],
  ],
  [
    "keeps expired values though it says that it does not",
    over(() => ({})),
    [expired, expiring],
    { expiry: true, ...fakeClock() },
  ],
  [
    "lacks what it must have",
    over(() => ({})),
    [
      "`take` gets a value and deletes it",
      "of several that `take` at once one gets the value",
      listing,
      "keys may be deleted while they are listed",
      lockPassesOn,
      oneByOne,
      exact,
      "tasks under different keys do not wait for each other",
      "a lock and a value may have the same key, and the lock leaves the value alone",
      "the lease of a held lock is not aborted",
      abortable,
    ],
    { abilities: ["take", "keys", "withLock"] },
  ],
  [
    "takes without deleting",
    over((map) => ({ take: (key) => map.get(key) })),
    ["`take` gets a value and deletes it", "of several that `take` at once one gets the value"],
  ],
  [
    "takes in two steps",
    over((map) => ({
      async take(key) {
        const value = map.get(key);
        await turn();
        map.delete(key);
        return value;
      },
    })),
    ["of several that `take` at once one gets the value"],
  ],
  [
    "takes what is not there",
    over((map) => ({
      take: (key) => {
        const value = map.get(key) ?? "";
        map.delete(key);
        return value;
      },
    })),
    ["`take` gets a value and deletes it", "of several that `take` at once one gets the value"],
  ],
  [
    "takes in two steps, and guards them in each store alone",
    over((map) => {
      let last: Promise<unknown> = Promise.resolve();
      return {
        take(key) {
          const taken = last.then(async () => {
            const value = map.get(key);
            await turn();
            map.delete(key);
            return value;
          });
          last = taken;
          return taken;
        },
      };
    }),
    ["of several that `take` at once one gets the value"],
  ],
  ["has a clock that nobody moves", byName(() => createMemoryStore()), [], { expiry: true }],
  [
    "cuts values at a million characters less one",
    withValues((value) => value.slice(0, 999_999)),
    ["a long value comes back whole"],
    { maxValueBytes: undefined },
  ],
  [
    "lists one key in place of another",
    over((map) => ({
      keys: (prefix) =>
        [...map.keys()]
          .filter((key) => key.startsWith(prefix))
          .map((key, index, all) => (index === 1 ? (all[0] ?? "") : key)),
    })),
    [listing, "keys may be deleted while they are listed"],
  ],
  [
    "takes what has expired",
    expiringStore((map) => ({
      take: (key) => {
        const entry = map.get(key);
        map.delete(key);
        return entry?.value;
      },
    })),
    ["`take` of a value whose `expiresAt` has passed resolves to nothing"],
    expiringOptions,
  ],
  [
    "lists what has expired",
    expiringStore((map) => ({ keys: (prefix) => [...map.keys()].filter((key) => key.startsWith(prefix)) })),
    [expiring],
    expiringOptions,
  ],
  [
    "keeps an expiry beyond the value it was for",
    expiringStore((map) => ({
      set: (key, value, { expiresAt = map.get(key)?.expiresAt } = {}) => map.set(key, { value, expiresAt }),
    })),
    [expiring],
    expiringOptions,
  ],
  [
    "lists by pattern",
    over((map) => ({
      keys: (prefix) => [...map.keys()].filter((key) => new RegExp(`^${prefix.replaceAll("*", ".*")}`).test(key)),
    })),
    [listing],
  ],
  ["lists everything", over((map) => ({ keys: () => [...map.keys()] })), [listing]],
  [
    "lists every key twice",
    over((map) => ({ keys: (prefix) => [...map.keys(), ...map.keys()].filter((key) => key.startsWith(prefix)) })),
    [listing],
  ],
  [
    "loses its place when a listed key is deleted",
    over((map) => ({
      *keys(prefix) {
        for (let index = 0; index < map.size; index += 1) {
          const key = [...map.keys()][index] ?? "";
          if (key.startsWith(prefix)) yield key;
        }
      },
    })),
    ["keys may be deleted while they are listed"],
  ],
  ["locks as it should", locking("none"), [], { abilities: ["withLock"] }],
  ["does not lock", locking("absent"), [oneByOne, exact, abortable]],
  ["locks for each store alone", locking("for each store alone"), [oneByOne, exact, abortable]],
  ["turns away a crowd", locking("for fifty"), [exact]],
  [
    "lists its locks",
    locking("listed"),
    ["a lock and a value may have the same key, and the lock leaves the value alone"],
  ],
  ["locks all keys at once", locking("for all keys"), ["tasks under different keys do not wait for each other"]],
  ["keeps a lock after an error", locking("kept after an error"), [lockPassesOn]],
  ["lets nobody stop waiting", locking("not abortable"), [abortable]],
  ["ignores signals that were aborted before", locking("late"), [abortable]],
  ["hands out a lost lease", locking("none", AbortSignal.abort()), ["the lease of a held lock is not aborted"]],
  [
    "keeps its locks beside its values",
    over((map) => ({
      async withLock(key, task) {
        map.set(key, "locked");
        return task(new AbortController().signal).finally(() => map.delete(key));
      },
    })),
    [oneByOne, exact, "a lock and a value may have the same key, and the lock leaves the value alone", abortable],
  ],
  [
    "swallows errors under its lock",
    over(() => ({
      withLock: async (_, task) => task(new AbortController().signal).catch(() => undefined as never),
    })),
    [lockPassesOn, oneByOne, exact, abortable],
  ],
])("the contract judges a store that %s", async (_, createStore, failures, options) => {
  backing.clear();
  expect(await failuresOf(createStore, options)).toEqual(failures);
});
