import { StoreError } from "../errors.js";
import { orAborted, sharesPromises, startDeadline, startTimer } from "../platform.js";
import type { KVStore } from "./kv-store.js";
import { publicKey } from "./public-key.js";

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
  const key = publicKey(name);
  const failed = (code: StoreError["code"], what: string, cause?: unknown): StoreError =>
    new StoreError(code, `the store's lock ${JSON.stringify(key)} ${what}`, { key, cause });
  const isShort = waitMs < Infinity;
  const wait = startDeadline(signal, isShort ? waitMs : undefined, () =>
    failed("lock_timeout", "did not come free in time: try again"),
  );
  const { ahead, leave } = takeTurn(store, name);
  const held: { outcome?: Promise<T> } = {};
  let stop = (): void => undefined;
  let giveUp = (): void => undefined;
  const givenUp = new Promise<void>((resolve) => (giveUp = resolve));

  /** Stores may call it late, or again. */
  async function begin(lease: AbortSignal): Promise<T> {
    wait.signal.throwIfAborted();
    wait.release();
    if (held.outcome === undefined) {
      if (isShort) stop = startTimer(leave, MAX_TURN_MS);
      const end = (): void => {
        stop();
        stop = startTimer(giveUp, MAX_RELEASE_MS);
      };
      held.outcome = task(lease);
      held.outcome.then(end, end);
    }
    return held.outcome;
  }

  try {
    await orAborted(ahead, wait.signal);
    const locked =
      store.withLock === undefined
        ? begin(new AbortController().signal)
        : store.withLock(name, begin, { signal: wait.signal });
    await Promise.race([orAborted(locked, wait.signal), givenUp]).catch((error: unknown) => {
      // the task's own, or of no interest any more
      if (held.outcome === undefined) throw error;
    });
    if (held.outcome === undefined) throw new TypeError("withLock did not run the task");
    return await held.outcome;
  } catch (error) {
    if (held.outcome !== undefined) throw error;
    if (wait.signal.aborted) throw wait.signal.reason;
    throw failed("store_failed", "cannot be had: see the cause", error);
  } finally {
    wait.release();
    stop();
    leave();
  }
}

/** A place in the queue of this process. */
function takeTurn(store: KVStore, name: string): { readonly ahead: Promise<unknown>; readonly leave: () => void } {
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
  return { ahead, leave };
}
