import { currentTime } from "../platform.js";
import type { ClockOptions } from "../types.js";
import type { KVStore } from "./kv-store.js";

/** The part of a Keyv that is used; version 5 and version 6 have it. @public */
export interface KeyvLike {
  /** The value, or `undefined`. */
  get(key: string): Promise<unknown>;
  /** Stores a value for so many milliseconds, or for good with 0. Resolves with `false` when that failed. */
  set(key: string, value: string, ttlMs?: number): Promise<unknown>;
  /** Deletes. */
  delete(key: string): Promise<unknown>;
  /** Tells of errors that calls did not reject with. */
  on?(event: "error", listener: (error: unknown) => void): unknown;
  /** Version 5: whether calls reject when the database fails. */
  readonly throwOnErrors?: boolean;
}

/**
 * Makes a store over a Keyv, and so over every database that Keyv has an adapter for.
 *
 * @remarks
 * Keyv has no lock and no compare-and-set: within one process a refresh happens once, but processes that refresh at the same
 * moment both send the refresh token. For several processes prefer a store with `withLock`. Give the Keyv a namespace of its own,
 * and leave its serialization as it is.
 *
 * @param keyv - of version 5, made with `throwOnErrors: true`, or of version 6
 * @param options - a clock, for tests
 * @throws `TypeError` for a Keyv that hides failures, because a token that could not be read would look like one that is not there
 * @example
 * ```ts
 * const store = createKeyvStore(new Keyv({ namespace: "mcp-oauth", throwOnErrors: true }));
 * ```
 * @public
 */
export function createKeyvStore(keyv: KeyvLike, options: ClockOptions = {}): KVStore {
  const { now = currentTime } = options;
  if (keyv.throwOnErrors === false) {
    throw new TypeError('"keyv" must be made with throwOnErrors: true, or its failures would pass for missing values');
  }
  let failures = 0;
  let failure: unknown;
  keyv.on?.("error", (error) => {
    failures += 1;
    failure = error;
  });

  /** Version 6 resolves as if there were nothing, and tells only its listeners why. */
  async function call(action: () => Promise<unknown>): Promise<unknown> {
    const before = failures;
    const result = await action();
    if (failures !== before) throw failure;
    return result;
  }

  return Object.freeze<KVStore>({
    async get(key) {
      const value = await call(() => keyv.get(key));
      // what is no text was not written by this store: the reader reports it
      return value == null || typeof value === "string" ? value : JSON.stringify(value);
    },
    async set(key, value, { expiresAt } = {}) {
      const ttlMs = expiresAt === undefined ? 0 : Math.ceil(expiresAt - now());
      // 0 is for good, whatever the Keyv has as default
      if (expiresAt !== undefined && ttlMs <= 0) return await call(() => keyv.delete(key));
      if ((await call(() => keyv.set(key, value, ttlMs))) === false) throw new Error("Keyv could not store the value");
      return undefined;
    },
    delete: (key) => call(() => keyv.delete(key)),
  });
}
