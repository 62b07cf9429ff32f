import { StoreError } from "../errors.js";
import { orAborted, sharesPromises, startDeadline } from "../platform.js";
import type { KVStore } from "./kv-store.js";
import { publicKey } from "./public-key.js";

/** How long, and until when, a caller waits for a lock. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; without it, as long as it takes. */
  readonly waitMs?: number | undefined;
}

type Task<T> = (lease: AbortSignal) => Promise<T>;

const IN_PROCESS_WAIT_MS = 15_000;
const queues = /* @__PURE__ */ new WeakMap<object, Map<string, Promise<unknown>>>();

/**
 * Runs `task` alone: within this process for everyone who uses the same store object, and across processes where the store
 * can lock.
 */
export function withLock<T>(store: KVStore, name: string, task: Task<T>, options: WaitOptions = {}): Promise<T> {
  const run = (): Promise<T> =>
    store.withLock === undefined ? task(new AbortController().signal) : withStoreLock(store, name, task, options);
  return sharesPromises() ? inTurn(store, name, run, options) : run();
}

async function inTurn<T>(
  store: KVStore,
  name: string,
  run: () => Promise<T>,
  { signal, waitMs }: WaitOptions,
): Promise<T> {
  const queue = queues.get(store) ?? new Map<string, Promise<unknown>>();
  queues.set(store, queue);
  const before = queue.get(name) ?? Promise.resolve();
  let leave = (): void => undefined;
  const mine = new Promise<void>((resolve) => (leave = resolve));
  const tail = before.then(() => mine);
  queue.set(name, tail);
  // not before those ahead have left as well: whoever gave up waiting must not let the next one in
  void tail.then(() => {
    if (queue.get(name) === tail) queue.delete(name);
  });
  const late = new Error("it took too long");
  const wait = waitMs && Math.min(waitMs, IN_PROCESS_WAIT_MS);
  try {
    const deadline = startDeadline(signal, wait, () => late);
    await orAborted(before, deadline.signal).finally(deadline.release);
  } catch (error) {
    // whoever waited too long goes on, and finds by reading again what was done meanwhile
    if (error !== late) {
      leave();
      throw error;
    }
  }
  return await run().finally(leave);
}

async function withStoreLock<T>(
  store: KVStore,
  name: string,
  task: Task<T>,
  { signal, waitMs }: WaitOptions,
): Promise<T> {
  const key = publicKey(name);
  const failed = (code: StoreError["code"], what: string, cause?: unknown): StoreError =>
    new StoreError(code, `the store's lock ${JSON.stringify(key)} ${what}`, { key, cause });
  const deadline = startDeadline(signal, waitMs, () => failed("lock_timeout", "did not come free in time: try again"));
  const progress = { begun: false };
  try {
    const locked = store.withLock?.(
      name,
      (lease) => {
        progress.begun = true;
        deadline.release();
        return task(lease);
      },
      { signal: deadline.signal },
    );
    return (await locked) as T;
  } catch (error) {
    if (progress.begun) throw error;
    if (deadline.signal.aborted) throw deadline.signal.reason;
    throw failed("store_failed", "cannot be had: see the cause", error);
  } finally {
    deadline.release();
  }
}
