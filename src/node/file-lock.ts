import { nodeCrypto } from "./builtins.js";
import { basename, dirname, join } from "node:path";
import { StoreError } from "../index.js";
import { currentTime, orAborted, randomFraction, startHeartbeat, startTimer } from "../platform.js";
import type { LockSight } from "./lock-file.js";
import { createLock, lookAtLock, removeLock, renewLock, replaceLock, takenOver } from "./lock-file.js";
import { describeLockOwner, isDeadLockOwner } from "./lock-owner.js";
import { isInUse, patiently } from "./patiently.js";
import { guardFileName } from "./record-file.js";

const LEASE_MS = 9_000;
const RENEW_EVERY_MS = 3_000;
const SHORTEST_WAIT_MS = 4;
const LONGEST_WAIT_MS = 250;
/** The most that one look at a lock adds to the time for which it was silent: clocks jump, and machines sleep. */
const LONGEST_LOOK_MS = 1_000;
const IN_USE_ATTEMPTS = 20;

/** A lock that this process has, or had. */
interface HeldLock {
  readonly path: string;
  /** What its file says; no other holder's file, before or after, says the same. */
  readonly text: string;
  renewedAt: number;
}

/** A holder as a waiter has seen it for a while. */
interface Watched extends LockSight {
  readonly silentMs: number;
  readonly seenAt: number;
}

/** What the files of locks say that this process gave up and could not remove. */
const leftBehind = new Set<string>();

/**
 * Runs `task` while this process, of all that share the folder, has the lock file at `path`.
 *
 * The file names its owner, who renews it every three seconds by its time of change. It is given up when its process on this
 * machine is dead, or when nothing was heard of it for nine seconds. The lease is aborted when the lock may be another's. Nothing
 * here compares the clocks of two machines; what the file system must do is create exclusively, and rename in one step.
 *
 * @param signal - ends the waiting
 */
export async function withFileLock<T>(
  path: string,
  task: (lease: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const lock = await waitFor(path, signal);
  const lease = new AbortController();
  const stop = startHeartbeat(() => {
    renew(lock).catch((cause: unknown) => {
      stop();
      const message = "the lock of the file store was lost: this process slept or the disk failed, try again";
      lease.abort(new StoreError("store_failed", message, { cause }));
    });
  }, RENEW_EVERY_MS);
  try {
    return await task(lease.signal);
  } finally {
    stop();
    // what cannot be removed, as on a disk that has become read-only, counts as given up; for other processes nine seconds later
    await asOwner(lock, () => removeLock(path, lock.text)).catch(() => leftBehind.add(lock.text));
  }
}

async function waitFor(path: string, signal: AbortSignal | undefined): Promise<HeldLock> {
  const text = describeLockOwner(nodeCrypto.randomUUID());
  const watched = new Map<string, Watched>();
  let inUse = 0;
  // in proportion to what was waited for already, so that waiting costs little whether it is short or long
  for (let wait = SHORTEST_WAIT_MS; ; wait = Math.min(wait * 1.25, LONGEST_WAIT_MS)) {
    signal?.throwIfAborted();
    const renewedAt = currentTime();
    try {
      if (await take(path, text, watched)) return { path, text, renewedAt };
      inUse = 0;
    } catch (error) {
      if (!isInUse(error) || ++inUse === IN_USE_ATTEMPTS) throw error;
    }
    await pause(wait * (0.5 + randomFraction()), signal);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let stop = (): void => undefined;
  const over = new Promise<void>((resolve) => (stop = startTimer(resolve, ms)));
  await orAborted(over, signal).finally(() => {
    stop();
  });
}

/** Takes a lock if it is free or given up. */
async function take(path: string, text: string, watched: Map<string, Watched>): Promise<boolean> {
  const found = lookAtLock(path);
  if (found === undefined) return createLock(path, text);
  const holder = watch(path, found, watched);
  const isGivenUp = holder.silentMs >= LEASE_MS || leftBehind.has(holder.text) || isDeadLockOwner(holder.text);
  if (!isGivenUp) return false;
  const isTaken = await guarded(holder.text, path, text, watched, () => replaceLock(path, holder, text));
  if (isTaken) leftBehind.delete(holder.text);
  return isTaken;
}

/** Notes for how long nothing has changed. */
function watch(path: string, found: LockSight, watched: Map<string, Watched>): Watched {
  const before = watched.get(path);
  const seenAt = currentTime();
  const isSilent = before?.text === found.text && before.renewal === found.renewal;
  const silentMs = isSilent ? before.silentMs + Math.min(Math.abs(seenAt - before.seenAt), LONGEST_LOOK_MS) : 0;
  const now = { ...found, seenAt, silentMs };
  watched.set(path, now);
  return now;
}

/**
 * Several may find the same holder gone, and the slowest must not remove the lock of the quickest. So each takes another lock
 * first, which is about this one holder, and looks again. That lock is taken over like any other when who has it dies.
 */
async function guarded(
  holder: string,
  path: string,
  text: string,
  watched: Map<string, Watched>,
  action: () => boolean | Promise<boolean>,
): Promise<boolean> {
  const guard = join(dirname(path), guardFileName(basename(path), holder));
  if (!(await take(guard, text, watched))) return false;
  try {
    return await action();
  } finally {
    await patiently(() => removeLock(guard, text)).catch(() => undefined);
  }
}

async function renew(lock: HeldLock): Promise<void> {
  const now = currentTime();
  await asOwner(lock, () => renewLock(lock.path, lock.text, now));
  lock.renewedAt = now;
}

/** An owner who overslept may be about to be replaced, and needs the guard as much as those who would replace him. */
async function asOwner({ path, text, renewedAt }: HeldLock, action: () => void): Promise<void> {
  const silentMs = currentTime() - renewedAt;
  if (silentMs >= 0 && silentMs < 2 * RENEW_EVERY_MS) {
    await patiently(action);
    return;
  }
  const isDone = await guarded(text, path, text, new Map(), async () => {
    await patiently(action);
    return true;
  });
  if (!isDone) throw takenOver();
}
