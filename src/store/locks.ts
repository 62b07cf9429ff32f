import { orAborted, sharesPromises, startDeadline, startTimer } from "../platform.js";
import type { KVStore } from "./kv-store.js";
import { storeError } from "./store-error.js";

/** How long, and until when, a caller waits for a lock. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, or `Infinity`. Unless it is that, a task has to be done within a minute. */
  readonly waitMs?: number | undefined;
}

const WAIT_MS = 20_000;
/** A task that is still there after that was dropped by its runtime. */
const MAX_TURN_MS = 60_000;
const MAX_RELEASE_MS = 5_000;
const queues = /* @__PURE__ */ new WeakMap<object, Map<string, Promise<unknown>>>();

/**
 * Runs `task` alone: within this process for everyone who uses the same store object, and across processes where the store
 * can lock.
 */
export async function withLock<T>(
  store: KVStore,
  name: string,
  task: (lease: AbortSignal) => Promise<T>,
  { signal, waitMs = WAIT_MS }: WaitOptions = {},
): Promise<T> {
  const wait = startDeadline(signal, waitMs, () =>
    storeError("lock_timeout", "could not lock", name, "timed out, try again"),
  );
  const { ahead, mine, leave } = takeTurn(store, name);
  let outcome = undefined as Promise<T> | undefined;
  let stop = (): void => undefined;
  const leaveAfter = (ms: number): void => {
    stop = startTimer(leave, ms);
  };

  /** Stores may call it late, or again. */
  async function begin(lease: AbortSignal): Promise<T> {
    wait.signal.throwIfAborted();
    wait.release();
    if (outcome === undefined) {
      if (waitMs < Infinity) leaveAfter(MAX_TURN_MS);
      outcome = task(lease).finally(() => {
        stop();
        leaveAfter(MAX_RELEASE_MS);
      });
    }
    return outcome;
  }

  async function enter(): Promise<unknown> {
    await orAborted(ahead, wait.signal);
    const lock = store.withLock
      ? store.withLock(name, begin, { signal: wait.signal })
      : begin(new AbortController().signal);
    return await Promise.race([orAborted(lock, wait.signal), mine]);
  }

  try {
    const cause = await enter().catch((error: unknown) => error);
    if (outcome !== undefined) return await outcome;
    if (wait.signal.aborted) throw wait.signal.reason;
    throw storeError("store_failed", "could not lock", name, "see the cause", cause);
  } finally {
    wait.release();
    stop();
    leave();
  }
}

/** A place in the queue of this process. */
function takeTurn(store: KVStore, name: string) {
  const queue = queues.get(store) ?? new Map<string, Promise<unknown>>();
  queues.set(store, queue);
  const ahead = (sharesPromises() ? queue.get(name) : undefined) ?? Promise.resolve();
  let leave = (): void => undefined;
  const mine = new Promise<void>((resolve) => (leave = resolve));
  // not before those ahead have left as well: whoever gave up waiting must not let the next one in
  const tail = ahead.then(() => mine);
  queue.set(name, tail);
  void tail.then(() => {
    if (queue.get(name) === tail) queue.delete(name);
  });
  return { ahead, mine, leave };
}
