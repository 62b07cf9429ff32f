import type { ClockOptions, KVSetOptions, KVStore, LockOptions } from "../index.js";
import { currentTime, holdWebLock, webLocks } from "../platform.js";
import { removeExpired, useIndexedTable } from "./indexed-table.js";

/** Options of {@link createIndexedDbStore}. @public */
export interface IndexedDbStoreOptions extends ClockOptions {
  /** Name of the database. Pages and workers of one origin that share their logins share it.
   * @defaultValue `mcp-oauth-client-records` */
  readonly name?: string | undefined;
}

const TABLE = "records";

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly expiresAt?: number;
}

const find = (entries: IDBObjectStore, key: string) => entries.get(key) as IDBRequest<Entry | undefined>;

/**
 * Makes a store in IndexedDB, which workers, service workers and extensions have as well as pages. With Web Locks, all of an
 * origin refresh one at a time; a write is on the disk when it resolves.
 *
 * @remarks
 * Any script of the origin can read what is stored there. Browsers may clear it when space runs short, unless the page was granted
 * `navigator.storage.persist()`.
 *
 * @param options - the database's name, and a clock
 * @example
 * ```ts
 * const client = createAuthClient({ clientMetadata: { client_name: "Example" }, store: createIndexedDbStore() });
 * ```
 * @public
 */
export function createIndexedDbStore(options: IndexedDbStoreOptions = {}): KVStore {
  const { name = "mcp-oauth-client-records", now = currentTime } = options;
  const locks = webLocks();
  const read = <T>(work: (entries: IDBObjectStore) => IDBRequest<T>): Promise<T> =>
    useIndexedTable(name, TABLE, "readonly", work);
  const change = <T>(work: (entries: IDBObjectStore) => IDBRequest<T>): Promise<T> =>
    useIndexedTable(name, TABLE, "readwrite", work);
  const isGood = ({ expiresAt = Infinity }: Entry): boolean => expiresAt > now();
  const valueOf = (entry: Entry | undefined): string | undefined =>
    entry !== undefined && isGood(entry) ? entry.value : undefined;

  const store: KVStore = {
    get: async (key) => valueOf(await read((entries) => find(entries, key))),
    set: (key, value, { expiresAt }: KVSetOptions = {}) =>
      change((entries) => {
        removeExpired(entries, now());
        return entries.put(expiresAt === undefined ? { key, value } : { key, value, expiresAt }, key);
      }),
    delete: (key) => change((entries) => entries.delete(key)),
    take: async (key) =>
      valueOf(
        await change((entries) => {
          const found = find(entries, key);
          entries.delete(key);
          return found;
        }),
      ),
    async *keys(prefix) {
      const entries = await read((all) => all.getAll() as IDBRequest<Entry[]>);
      for (const entry of entries) if (entry.key.startsWith(prefix) && isGood(entry)) yield entry.key;
    },
  };
  if (locks === undefined) return Object.freeze(store);
  return Object.freeze({
    ...store,
    withLock: <T>(key: string, task: (lease: AbortSignal) => Promise<T>, { signal }: LockOptions = {}) =>
      holdWebLock(locks, `${name}:${key}`, task, signal),
  });
}
