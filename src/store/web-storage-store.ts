import { currentTime, webLocks } from "../platform.js";
import type { ClockOptions, MaybePromise } from "../types.js";
import type { KVStore, LockOptions } from "./kv-store.js";

/** Options of {@link createWebStorageStore}. @public */
export interface WebStorageStoreOptions extends ClockOptions {
  /** Put before every key, so that the library's records stand apart from the page's own.
   * @defaultValue `mcp-oauth:` */
  readonly prefix?: string | undefined;
}

/** The part of `Storage` that is used. @public */
export type WebStorageLike = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/**
 * Makes a store over `localStorage` or `sessionStorage`. Where the runtime has Web Locks, tabs of one origin that share a
 * `localStorage` refresh one at a time.
 *
 * @remarks
 * Any script of the page can read what is stored there.
 *
 * @param storage - `localStorage` to stay logged in, `sessionStorage` to end with the tab
 * @param options - prefix and clock
 * @example
 * ```ts
 * const store = createWebStorageStore(sessionStorage);
 * ```
 * @public
 */
export function createWebStorageStore(storage: WebStorageLike, options: WebStorageStoreOptions = {}): KVStore {
  const { prefix = "mcp-oauth:", now = currentTime } = options;
  const locks = webLocks();

  function get(key: string): string | undefined {
    const stored = storage.getItem(prefix + key);
    if (stored === null) return undefined;
    // "<expiresAt or nothing>|<value>": the value follows as it is, without another layer of quoting
    const [, expiresAt, value] = /^(\d*)\|([^]*)$/.exec(stored) ?? [];
    // not written by this store: handed on as it is, so that the reader reports it and nothing is deleted
    if (value === undefined) return stored;
    if (expiresAt === "" || Number(expiresAt) > now()) return value;
    storage.removeItem(prefix + key);
    return undefined;
  }

  const store: KVStore = {
    get,
    set(key, value, { expiresAt } = {}): void {
      storage.setItem(prefix + key, `${expiresAt === undefined ? "" : String(Math.ceil(expiresAt))}|${value}`);
    },
    delete(key): void {
      storage.removeItem(prefix + key);
    },
    // one synchronous step: no other script of this thread runs between the two
    take(key): MaybePromise<string | undefined> {
      const value = get(key);
      storage.removeItem(prefix + key);
      return value;
    },
  };
  if (locks === undefined) return Object.freeze(store);
  return Object.freeze({
    ...store,
    async withLock<T>(key: string, task: (lease: AbortSignal) => Promise<T>, { signal }: LockOptions = {}): Promise<T> {
      const run = (): Promise<T> => task(new AbortController().signal);
      return await (signal === undefined
        ? locks.request(prefix + key, run)
        : locks.request(prefix + key, { signal }, run));
    },
  });
}
