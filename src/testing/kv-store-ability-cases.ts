import type { KVStore } from "../index.js";
import { startTimer } from "../platform.js";
import { hostileKeys, requireMissing, requireValue, valueOf } from "./kv-store-basic-cases.js";
import type { ContractCase, ContractLimits, KVStoreAbility } from "./kv-store-contract-case.js";
import { check } from "./kv-store-contract-case.js";

const HOUR_MS = 3_600_000;

type With<A extends KVStoreAbility> = KVStore & Required<Pick<KVStore, A>>;

/** A test of something that a store need not have. */
function caseOf<A extends KVStoreAbility>(
  ability: A,
  name: string,
  body: (store: With<A>, open: () => Promise<With<A>>, limits: ContractLimits) => Promise<void>,
): ContractCase {
  return {
    name,
    async body(open, limits) {
      const has = (store: KVStore): store is With<A> => typeof store[ability] === "function";
      const store = await open();
      if (!has(store)) {
        check(!limits.abilities.includes(ability), `the store has \`${ability}\``);
        return;
      }
      const again = async (): Promise<With<A>> => {
        const other = await open();
        check(has(other), `every store of this kind has \`${ability}\``);
        return other;
      };
      await body(store, again, limits);
    },
  };
}

/** What a store does with time, and what it may have beside `get`, `set` and `delete`. */
export function abilityCases(limits: ContractLimits): ContractCase[] {
  return [...expiryCases(limits), ...takeCases(limits), ...keysCases(), ...lockCases()];
}

function expiryCases({ expiry, advance }: ContractLimits): ContractCase[] {
  const always: ContractCase = {
    name: "a value whose `expiresAt` is to come is there",
    async body(open, { now }) {
      const store = await open();
      await store.set("key", "value", { expiresAt: now() + HOUR_MS });
      await store.set("forever", "value", { expiresAt: undefined });
      await requireValue(store, "key", "value");
      await requireValue(store, "forever", "value");
    },
  };
  const past: ContractCase = {
    name: "a value whose `expiresAt` has passed already is missing, and the one before it is gone",
    async body(open, { now }) {
      const store = await open();
      await store.set("key", "before");
      await store.set("key", "value", { expiresAt: now() - 1 });
      await requireMissing(store, "key", "when its `expiresAt` has passed");
    },
  };
  const passing: ContractCase = {
    name: "a value is missing from its `expiresAt` on, unless it was set again without one",
    async body(open, { now }) {
      const store = await open();
      await store.set("key", "value", { expiresAt: now() + HOUR_MS });
      await store.set("renewed", "value", { expiresAt: now() + HOUR_MS });
      await store.set("renewed", "value again");
      await requireValue(store, "key", "value");
      await advance?.(HOUR_MS + 1);
      await requireMissing(store, "key", "when its `expiresAt` has passed");
      await requireValue(store, "renewed", "value again");
      const listed = store.keys === undefined ? [] : await collect(store.keys("key"));
      check(store instanceof Map || !listed.includes("key"), "`keys` lists no key whose `expiresAt` has passed");
    },
  };
  return [always, ...(expiry ? [past] : []), ...(expiry && advance !== undefined ? [passing] : [])];
}

function takeCases({ expiry }: ContractLimits): ContractCase[] {
  return [
    caseOf("take", "`take` gets a value and deletes it", async (store) => {
      await store.set("key", "value");
      await store.set("other", "value");
      check((await store.take("key")) === "value", "`take` resolves to the value");
      await requireMissing(store, "key", "after it was taken");
      check(((await store.take("key")) ?? undefined) === undefined, "`take` of a missing key resolves to nothing");
      await requireValue(store, "other", "value");
    }),
    caseOf("take", "of several that `take` at once one gets the value", async (store, open) => {
      const other = await open();
      for (let round = 0; round < 5; round += 1) {
        await store.set("key", "value");
        const taken = await Promise.all(
          Array.from({ length: 20 }, async (_, index) => (index % 2 === 0 ? store : other).take("key")),
        );
        const winners = taken.filter((value) => value != null);
        check(winners.length === 1 && winners[0] === "value", "exactly one `take` gets the value");
      }
    }),
    ...(expiry
      ? [
          caseOf(
            "take",
            "`take` of a value whose `expiresAt` has passed resolves to nothing",
            async (store, _, { now }) => {
              await store.set("key", "value", { expiresAt: now() - 1 });
              check(
                ((await store.take("key")) ?? undefined) === undefined,
                "`take` gets no value whose `expiresAt` has passed",
              );
            },
          ),
        ]
      : []),
  ];
}

const keysCases = (): ContractCase[] => [
  caseOf(
    "keys",
    "`keys` lists every key that starts with the prefix, once",
    async (store, _, { maxKeyBytes, nulCharacters }) => {
      const keys = hostileKeys(maxKeyBytes, nulCharacters);
      const prefixes = ["v1:", "a*", "a_", "a%", "[ab]", "../"];
      const all = [...keys, ...prefixes.flatMap((prefix) => [`${prefix}one`, `${prefix}two`])];
      for (const key of all) await store.set(key, "value");
      for (const prefix of [...prefixes, ""]) {
        const listed = await collect(store.keys(prefix));
        const expected = all.filter((key) => key.startsWith(prefix));
        // a `Map` lists all of its keys, and is a store all the same
        const found = store instanceof Map ? listed.filter((key) => key.startsWith(prefix)) : listed;
        check(
          found.length === expected.length && expected.every((key) => found.includes(key)),
          `\`keys(${JSON.stringify(prefix)})\` lists the keys that start with it, each once, and no other`,
        );
      }
    },
  ),
  caseOf("keys", "keys may be deleted while they are listed", async (store) => {
    const keys = Array.from({ length: 50 }, (_, index) => `v1:${index}`);
    for (const key of keys) await store.set(key, "value");
    const seen: string[] = [];
    for await (const key of store.keys("v1:")) {
      seen.push(key);
      await store.delete(key);
    }
    check(new Set(seen).size === 50, "every key is listed though those before it were deleted");
    check((await collect(store.keys("v1:"))).length === 0, "deleted keys are not listed");
  }),
];

async function collect(keys: Iterable<string> | AsyncIterable<string>): Promise<string[]> {
  const list: string[] = [];
  for await (const key of keys) list.push(key);
  return list;
}

/** Time for a store to do what it should not. */
async function passTime(store: KVStore): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) {
    await valueOf(store, "unrelated");
    await new Promise<void>((resolve) => startTimer(resolve, 0));
  }
}

/** Waits for what a broken lock would never let happen, so that it fails instead of hanging. */
async function soon<T>(store: KVStore, work: Promise<T>, promise: string): Promise<T> {
  const state = { isSettled: false };
  const settle = (): void => {
    state.isSettled = true;
  };
  work.then(settle, settle);
  for (let turn = 0; turn < 50 && !state.isSettled; turn += 1) await passTime(store);
  check(state.isSettled, promise);
  return work;
}

function createGate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

const errorOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

const lockCases = (): ContractCase[] => [
  caseOf("withLock", "`withLock` hands the result of its task on, and an error as it was thrown", async (store) => {
    const result = await store.withLock("lock", () => Promise.resolve("result"));
    check(result === "result", "`withLock` resolves to the result");
    const failure = new Error("the task's own");
    const caught = await errorOf(store.withLock("lock", () => Promise.reject(failure)));
    check(caught === failure, "`withLock` rejects with the error of the task itself");
    const next = store.withLock("lock", () => Promise.resolve());
    await soon(store, next, "the lock is released after an error");
  }),
  caseOf("withLock", "tasks under one key run one after the other", async (store) => {
    let running = 0;
    let most = 0;
    let done = 0;
    const task = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await passTime(store);
      running -= 1;
      done += 1;
    };
    const tasks = Promise.all(Array.from({ length: 5 }, () => store.withLock("lock", task)));
    await soon(store, tasks, "the lock is released when a task ends");
    check(most === 1, "one task at a time runs under a key");
    check(done === 5, "every task runs");
  }),
  caseOf("withLock", "tasks under different keys do not wait for each other", async (store) => {
    const gate = createGate();
    const held = store.withLock("one", () => gate.opened);
    const other = store.withLock("other", () => Promise.resolve());
    await soon(store, other, "a lock holds up no other key").finally(gate.open);
    await held;
  }),
  caseOf("withLock", "a lock and a value may have the same key, and the lock leaves the value alone", async (store) => {
    await store.set("key", "value");
    await store.withLock("key", async () => {
      await requireValue(store, "key", "value");
      await store.set("key", "written under the lock");
    });
    await requireValue(store, "key", "written under the lock");
  }),
  caseOf("withLock", "the lease of a held lock is not aborted", async (store) => {
    const isAborted = await store.withLock("lock", async (lease) => {
      await passTime(store);
      return lease.aborted;
    });
    check(!isAborted, "the lease is good while the task runs");
  }),
  caseOf("withLock", "who waits can be aborted, rejects with the reason, and never runs its task", async (store) => {
    const [started, gate] = [createGate(), createGate()];
    const reason = new Error("changed its mind");
    const controller = new AbortController();
    const ran: string[] = [];
    const run = async (): Promise<unknown> => Promise.resolve(ran.push("a task"));
    const hasRun = (): boolean => ran.length > 0;
    const held = store.withLock("lock", () => {
      started.open();
      return gate.opened;
    });
    await started.opened;
    const waiting = errorOf(store.withLock("lock", run, { signal: controller.signal }));
    await passTime(store);
    check(!hasRun(), "a task waits for the one that holds the lock");
    controller.abort(reason);
    const caught = await soon(store, waiting, "who waits can be aborted while the lock is held").finally(gate.open);
    check(caught === reason, "who is aborted rejects with the reason of the signal itself");
    await held;
    const late = await errorOf(store.withLock("lock", run, { signal: AbortSignal.abort(reason) }));
    check(late === reason, "a signal that was aborted before rejects with its reason");
    await passTime(store);
    check(!hasRun(), "the task of an aborted call does not run");
    await soon(store, store.withLock("lock", run), "the lock is free after an aborted call");
  }),
];
