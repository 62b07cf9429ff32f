import { currentTime, holdWebLock, isSharedByPages, webLocks } from "../platform.js";
import type { ClockOptions } from "../types.js";
import type { KVSetOptions, KVStore, LockOptions } from "./kv-store.js";
import { createStorageChanges, type StorageChanges } from "./storage-changes.js";

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
 * `localStorage` refresh one at a time, and each sees what another wrote before.
 *
 * @remarks
 * Any script of the page can read what is stored there. Browsers bring what one page writes to the others with a delay; the
 * store waits for it when it is given `localStorage` itself, not when it is given an object around it.
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

  function read(key: string): string | undefined {
    const { expiresAt, value } = parse(storage.getItem(prefix + key)) ?? {};
    return expiresAt === undefined || expiresAt > now() ? value : undefined;
  }
  function write(key: string, value: string, { expiresAt }: KVSetOptions = {}, version?: number): void {
    const good = expiresAt === undefined ? "" : String(Math.ceil(expiresAt));
    storage.setItem(prefix + key, `${good}${version === undefined ? "" : `#${String(version)}`}|${value}`);
  }
  // one synchronous step: no other script of this thread runs between the two
  function remove(key: string): string | undefined {
    const value = read(key);
    storage.removeItem(prefix + key);
    return value;
  }

  const alone: KVStore = { get: (key) => read(key) ?? remove(key), set: write, delete: remove, take: remove };
  if (locks === undefined) return Object.freeze(alone);

  function shared(changes: StorageChanges): KVStore {
    const take = (key: string): Promise<string | undefined> => changes.make(prefix + key, true, () => remove(key));
    return {
      async get(key) {
        await changes.arrived(prefix + key);
        return read(key);
      },
      set: (key, value, options) =>
        changes.make(prefix + key, false, (version) => {
          write(key, value, options, version);
        }),
      delete: take,
      take,
    };
  }
  const versionOf = (item: string): number | undefined => parse(storage.getItem(item))?.version;
  return Object.freeze({
    ...(isSharedByPages(storage) ? shared(createStorageChanges(locks, versionOf)) : alone),
    withLock: <T>(key: string, task: (lease: AbortSignal) => Promise<T>, { signal }: LockOptions = {}) =>
      holdWebLock(locks, prefix + key, task, signal),
  });
}

/** What an item says: `<good until, or nothing>|<value>`, or `<good until, or nothing>#<version>|<value>`. */
function parse(stored: string | null) {
  if (stored === null) return undefined;
  const [, expiresAt, version, value] = /^(\d*)(?:#(\d+))?\|([^]*)$/.exec(stored) ?? [];
  return {
    expiresAt: expiresAt === undefined || expiresAt === "" ? undefined : Number(expiresAt),
    version: Number(version ?? 0),
    // not written by this store: handed on as it is, so that the reader reports it and nothing is deleted
    value: value ?? stored,
  };
}
