import { startDeadline, startHeartbeat, storageChange, type Deadline } from "../platform.js";

/** Longer than any browser takes to bring what one page wrote to the others. */
const LATE_MS = 10_000;
const LOOK_AGAIN_MS = 20;

/** Who reads and writes items that pages of one origin share. */
export interface StorageChanges {
  /** Resolves once this page sees what any page changed last. */
  arrived(item: string): Promise<void>;
  /** Runs `apply` alone, upon the last change, and tells all pages of it. `version` goes with what is written. */
  make<T>(item: string, gone: boolean, apply: (version: number) => T): Promise<T>;
}

/**
 * Brings order into a storage that browsers copy into each process and update behind one another's backs: a page that was
 * given a Web Lock may still read what was there before the last owner of the lock wrote. Locks themselves come in time, so
 * a change is told by a lock that bears the item and its version, held until every copy has it.
 *
 * @param versionOf - of the item, as this page sees it; `undefined` when it is not there
 */
export function createStorageChanges(
  locks: LockManager,
  versionOf: (item: string) => number | undefined,
): StorageChanges {
  /** What this page told last of each item, and how it takes that back. */
  const mine = new Map<string, { readonly version: number; readonly unsay: () => void }>();

  async function lastTold(item: string): Promise<{ readonly version: number; readonly gone: boolean }> {
    let last = { version: 0, gone: true };
    for (const { name = "" } of (await locks.query()).held ?? []) {
      const [, digits, mark, changed] = /^changed (\d+)([+-]) ([^]*)$/.exec(name) ?? [];
      const version = Number(digits);
      if (changed === item && version > last.version) last = { version, gone: mark === "-" };
    }
    return last;
  }

  /** Resolves to the version that is there when it is. */
  async function arrival(item: string): Promise<number> {
    let patience: Deadline | undefined;
    try {
      for (;;) {
        const { version, gone } = await lastTold(item);
        const seen = versionOf(item);
        const there = seen === undefined ? gone : seen >= version;
        // what this page did itself it sees; if it does not, somebody cleared the storage
        if (there || mine.get(item)?.version === version || patience?.signal.aborted === true)
          return Math.max(version, seen ?? 0);
        patience ??= startDeadline(undefined, LATE_MS);
        await storageChange(LOOK_AGAIN_MS);
      }
    } finally {
      patience?.release();
    }
  }

  /** Resolves when every page can know of it, to what takes it back. */
  function tell(item: string, version: number, gone: boolean): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const hold = (): Promise<void> =>
        new Promise((release) => {
          const unsay = (): void => {
            stop();
            if (mine.get(item)?.unsay === unsay) mine.delete(item);
            release();
          };
          const stop = startHeartbeat(unsay, LATE_MS);
          resolve(unsay);
        });
      const name = `changed ${String(version)}${gone ? "-" : "+"} ${item}`;
      locks.request(name, { mode: "shared" }, hold).catch(reject);
    });
  }

  async function change<T>(item: string, gone: boolean, apply: (version: number) => T): Promise<T> {
    const version = (await arrival(item)) + 1;
    // told before it is done: a page that ends between the two takes its word back
    const unsay = await tell(item, version, gone);
    try {
      const done = apply(version);
      mine.get(item)?.unsay();
      mine.set(item, { version, unsay });
      return done;
    } catch (error) {
      unsay();
      throw error;
    }
  }

  return {
    async arrived(item) {
      await arrival(item);
    },
    make: async (item, gone, apply) => await locks.request(`change ${item}`, () => change(item, gone, apply)),
  };
}
