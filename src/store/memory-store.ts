import { currentTime } from "../platform.js";
import type { ClockOptions } from "../types.js";
import type { KVStore } from "./kv-store.js";

interface Entry {
  readonly value: string;
  readonly expiresAt: number;
}

const SWEEP_EVERY_MS = 60_000;

/**
 * Makes a store that lives as long as the process: for tests, and for hosts that log in at every start.
 *
 * @param options - a clock, for tests
 * @example
 * ```ts
 * const client = createAuthClient({ clientMetadata: { client_name: "Example" }, store: createMemoryStore() });
 * ```
 * @public
 */
export function createMemoryStore(options: ClockOptions = {}): KVStore {
  const now = options.now ?? currentTime;
  const entries = new Map<string, Entry>();
  let sweepAt = now() + SWEEP_EVERY_MS;

  function get(key: string): string | undefined {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAt > now()) return entry?.value;
    entries.delete(key);
    return undefined;
  }

  return Object.freeze({
    get,
    set(key: string, value: string, { expiresAt = Infinity }: { readonly expiresAt?: number | undefined } = {}): void {
      entries.set(key, { value, expiresAt });
      if (now() < sweepAt) return;
      sweepAt = now() + SWEEP_EVERY_MS;
      for (const stored of entries.keys()) get(stored);
    },
    delete(key: string): void {
      entries.delete(key);
    },
    take(key: string): string | undefined {
      const value = get(key);
      entries.delete(key);
      return value;
    },
    keys(prefix: string): readonly string[] {
      return [...entries.keys()].filter((key) => key.startsWith(prefix) && get(key) !== undefined);
    },
  });
}
