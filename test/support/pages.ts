import { onTestFinished, vi } from "vitest";
import { createWebStorageStore } from "../../src/index.js";

/** Longer than a page tells the others of a change, and than it waits for one. */
const ALL_IS_OVER_MS = 60_000;

/**
 * Pages of one origin, as browsers with a process for each have them: the locks (of this runtime) are common, but each page
 * reads a copy of the storage, which hears of the others' changes when they are delivered. Timers are fake.
 */
export function openPages(count: number) {
  vi.useFakeTimers();
  onTestFinished(async () => {
    await vi.advanceTimersByTimeAsync(ALL_IS_OVER_MS);
    vi.useRealTimers();
  });
  const copies = Array.from({ length: count }, () => new Map<string, string>());
  const underWay: (() => void)[] = [];

  const storages = copies.map((own) => {
    const change = (apply: (copy: Map<string, string>) => void): void => {
      apply(own);
      for (const copy of copies) if (copy !== own) underWay.push(() => apply(copy));
    };
    return {
      [Symbol.toStringTag]: "Storage",
      getItem: vi.fn((key: string) => own.get(key) ?? null),
      setItem: vi.fn((key: string, value: string) => change((copy) => copy.set(key, value))),
      removeItem: (key: string) => change((copy) => copy.delete(key)),
    };
  });
  return {
    copies,
    storages,
    stores: storages.map((storage) => createWebStorageStore(storage)),
    /** Brings the changes so far to all pages. */
    deliver: (): void => {
      for (const apply of underWay.splice(0)) apply();
    },
  };
}
