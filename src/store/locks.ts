import { StoreError } from "../errors.js";
import { sharesPromises, startTimer } from "../platform.js";
import type { KVStore } from "./kv-store.js";
import { publicKey } from "./public-key.js";

/** How long, and until when, a caller waits for a lock. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; without it, as long as it takes. */
  readonly waitMs?: number | undefined;
}

const IN_PROCESS_WAIT_MS = 15_000;
const queues = /* @__PURE__ */ new WeakMap<object, Map<string, Promise<unknown>>>();

/**
 * Runs `task` alone: within this process for everyone who uses the same store object, and across processes where the store
 * can lock.
 */
export async function withLock<T>(
  store: KVStore,
  name: string,
  task: (lease: AbortSignal) => Promise<T>,
  options: WaitOptions = {},
): Promise<T> {
  const run = (): Promise<T> =>
    store.withLock === undefined ? task(new AbortController().signal) : withStoreLock(store, name, task, options);
  return sharesPromises() ? inTurn(store, name, run, options) : run();
}

async function inTurn<T>(store: KVStore, name: string, run: () => Promise<T>, options: WaitOptions): Promise<T> {
  const queue = queues.get(store) ?? new Map<string, Promise<unknown>>();
  queues.set(store, queue);
  const before = queue.get(name) ?? Promise.resolve();
  let leave = (): void => undefined;
  const mine = new Promise<void>((resolve) => (leave = resolve));
  const tail = before.then(() => mine);
  queue.set(name, tail);
  try {
    // whoever waited too long goes on, and finds by reading again what was done meanwhile
    await settled(before, { ...options, waitMs: options.waitMs && Math.min(options.waitMs, IN_PROCESS_WAIT_MS) });
    return await run();
  } finally {
    leave();
    if (queue.get(name) === tail) queue.delete(name);
  }
}

async function withStoreLock<T>(
  store: KVStore,
  name: string,
  task: (lease: AbortSignal) => Promise<T>,
  { signal, waitMs }: WaitOptions,
): Promise<T> {
  const key = publicKey(name);
  const waiting = new AbortController();
  const give = (): void => {
    waiting.abort(signal?.reason);
  };
  const timeUp = (): void => {
    waiting.abort(
      new StoreError("lock_timeout", `the store's lock ${JSON.stringify(key)} did not come free in time: try again`, {
        key,
      }),
    );
  };
  signal?.throwIfAborted();
  signal?.addEventListener("abort", give, { once: true });
  const stopTimer = waitMs === undefined ? undefined : startTimer(timeUp, waitMs);
  const stopWaiting = (): void => {
    stopTimer?.();
    signal?.removeEventListener("abort", give);
  };
  let failure: { readonly error: unknown } | undefined;
  try {
    const result = await store.withLock?.(
      name,
      async (lease) => {
        stopWaiting();
        try {
          return await task(lease);
        } catch (error) {
          failure = { error };
          throw error;
        }
      },
      { signal: waiting.signal },
    );
    return result as T;
  } catch (error) {
    if (failure !== undefined) throw failure.error;
    if (waiting.signal.aborted) throw waiting.signal.reason;
    throw new StoreError("store_failed", `the store could not lock ${JSON.stringify(key)}: see the cause`, {
      key,
      cause: error,
    });
  } finally {
    stopWaiting();
  }
}

/** Waits until `work` has settled, the time is up, or the caller gives up, in which case it rejects with the caller's reason. */
export async function settled(work: Promise<unknown>, { signal, waitMs }: WaitOptions): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const give = (): void => {
      done();

      reject(signal?.reason as Error);
    };
    const timeUp = (): void => {
      done();
      resolve();
    };
    const stopTimer = waitMs === undefined ? undefined : startTimer(timeUp, waitMs);
    const done = (): void => {
      stopTimer?.();
      signal?.removeEventListener("abort", give);
    };
    signal?.addEventListener("abort", give, { once: true });
    work.then(timeUp, timeUp);
  });
}
