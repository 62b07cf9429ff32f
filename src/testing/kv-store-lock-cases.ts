import { startTimer } from "../platform.js";
import { caseOf } from "./kv-store-ability-case.js";
import type { With } from "./kv-store-ability-case.js";
import { hostileKeys, requireValue, valueOf } from "./kv-store-basic-cases.js";
import type { ContractCase } from "./kv-store-contract-case.js";
import { check } from "./kv-store-contract-case.js";

type LockingStore = With<"withLock">;

/** Time for a store to do what it should not. */
async function passTime(store: LockingStore): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) {
    await valueOf(store, "unrelated");
    await new Promise<void>((resolve) => startTimer(resolve, 0));
  }
}

/** Waits for what a broken lock would never let happen, so that it fails instead of hanging. */
async function soon<T>(store: LockingStore, work: Promise<T>, promise: string, turns = 100): Promise<T> {
  const state = { isSettled: false };
  const settle = (): void => {
    state.isSettled = true;
  };
  work.then(settle, settle);
  for (let turn = 0; turn < turns && !state.isSettled; turn += 1) await passTime(store);
  check(state.isSettled, promise);
  return work;
}

function createGate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

const errorOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

/** Every second one of many works on the other of two stores with the same data. */
const alternately = <T>(
  count: number,
  stores: readonly [LockingStore, LockingStore],
  work: (store: LockingStore) => T,
) => Array.from({ length: count }, (_, index) => work(stores[index % 2 === 0 ? 0 : 1]));

/** What a lock must do, also between two stores on one backing, as two processes have them. */
export const lockCases = (): ContractCase[] => [
  caseOf(
    "withLock",
    "`withLock` hands the result of its task on, and an error as it was thrown",
    async (store, open) => {
      const other = await open();
      const result = await store.withLock("lock", () => Promise.resolve("result"));
      check(result === "result", "`withLock` resolves to the result");
      const failure = new Error("the task's own");
      const caught = await errorOf(store.withLock("lock", () => Promise.reject(failure)));
      check(caught === failure, "`withLock` rejects with the error of the task itself");
      for (const next of [store, other]) {
        const free = next.withLock("lock", () => Promise.resolve());
        await soon(store, free, "the lock is released after an error");
      }
    },
  ),
  caseOf("withLock", "tasks under one key run one after the other", async (store, open) => {
    const other = await open();
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
    const tasks = Promise.all(alternately(6, [store, other], (one) => one.withLock("lock", task)));
    await soon(store, tasks, "the lock is released when a task ends");
    check(most === 1, "one task at a time runs under a key, whichever store it came by");
    check(done === 6, "every task runs");
  }),
  caseOf("withLock", "a counter that many read and write under one lock is exact", async (store, open) => {
    const other = await open();
    const add = async (one: LockingStore): Promise<void> => {
      await one.withLock("lock", async () => {
        await one.set("counter", String(Number((await valueOf(one, "counter")) ?? 0) + 1));
      });
    };
    const added = Promise.all(alternately(100, [store, other], add));
    await soon(store, added, "everyone who waits for a lock gets it", 5_000);
    await requireValue(store, "counter", "100");
  }),
  caseOf("withLock", "tasks under different keys do not wait for each other", async (store, _, limits) => {
    const gate = createGate();
    const keys = hostileKeys(limits.maxKeyBytes, limits.nulCharacters);
    let left = keys.length;
    const allStarted = createGate();
    const held = keys.map((key) =>
      store.withLock(key, () => {
        left -= 1;
        if (left === 0) allStarted.open();
        return gate.opened;
      }),
    );
    // a key that is refused shows as that, and not as one that waits
    const refused = Promise.all(held).then(() => undefined);
    await soon(store, Promise.race([allStarted.opened, refused]), "a lock holds up no other key").finally(gate.open);
    await refused;
  }),
  caseOf("withLock", "a lock and a value may have the same key, and the lock leaves the value alone", async (store) => {
    await store.set("key", "value");
    await store.withLock("key", async () => {
      await requireValue(store, "key", "value");
      await store.set("key", "written under the lock");
      const listed: string[] = [];
      for await (const key of store.keys?.("") ?? ["key"]) listed.push(key);
      check(listed.length === 1 && listed[0] === "key", "`keys` lists no locks");
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
  caseOf(
    "withLock",
    "who waits can be aborted, rejects with the reason, and never runs its task",
    async (store, open) => {
      const [started, gate] = [createGate(), createGate()];
      const other = await open();
      const reason = new Error("changed its mind");
      const ran: string[] = [];
      const run = async (): Promise<unknown> => Promise.resolve(ran.push("a task"));
      const hasRun = (): boolean => ran.length > 0;
      const held = store.withLock("lock", () => {
        started.open();
        return gate.opened;
      });
      await started.opened;
      const controller = new AbortController();
      const waiting = [store, other].map((one) => errorOf(one.withLock("lock", run, { signal: controller.signal })));
      await passTime(store);
      check(!hasRun(), "a task waits for the one that holds the lock");
      controller.abort(reason);
      const caught = await soon(store, Promise.all(waiting), "who waits can be aborted while the lock is held").finally(
        gate.open,
      );
      check(
        caught.every((one) => one === reason),
        "who is aborted rejects with the reason of the signal itself",
      );
      await held;
      const late = await errorOf(store.withLock("lock", run, { signal: AbortSignal.abort(reason) }));
      check(late === reason, "a signal that was aborted before rejects with its reason");
      await passTime(store);
      check(!hasRun(), "the task of an aborted call does not run");
      await soon(store, other.withLock("lock", run), "the lock is free after an aborted call");
    },
  ),
];
