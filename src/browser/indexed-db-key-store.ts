import type { DpopKeyPair, DpopKeyStore } from "../index.js";
import { currentTime } from "../platform.js";
import { removeExpired, useIndexedTable } from "./indexed-table.js";

/** Options of {@link createIndexedDbKeyStore}. @public */
export interface IndexedDbKeyStoreOptions {
  /** Name of the database. Pages of one origin that share their tokens share it.
   * @defaultValue `mcp-oauth-client` */
  readonly name?: string | undefined;
}

const TABLE = "dpop-keys";

/**
 * Keeps the keys of `createDpop` in IndexedDB, where they can be used and never be read: not by a script that gets into the
 * page, and not by whoever copies the storage.
 *
 * @remarks
 * Private keys are made non-extractable. A script in the page can still use a key for as long as it runs there. Clearing the site's
 * data takes the keys along; the user then logs in again. Keys of logins that nobody finished are removed after an hour.
 *
 * @param options - the database's name
 * @example
 * ```ts
 * const client = createAuthClient({
 *   clientMetadata: { client_name: "Example" },
 *   store: createWebStorageStore(sessionStorage),
 *   dpop: createDpop({ keys: createIndexedDbKeyStore() }),
 * });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc9449#section-11.4 | RFC 9449 §11.4}
 * @public
 */
export function createIndexedDbKeyStore(options: IndexedDbKeyStoreOptions = {}): DpopKeyStore {
  const { name = "mcp-oauth-client" } = options;

  const use = <T>(mode: IDBTransactionMode, work: (keys: IDBObjectStore) => IDBRequest<T>): Promise<T> =>
    useIndexedTable(name, TABLE, mode, work);

  return Object.freeze<DpopKeyStore>({
    get: (id) => use("readonly", (keys) => keys.get(id) as IDBRequest<DpopKeyPair | undefined>),
    set: (id, pair) =>
      use("readwrite", (keys) => {
        removeExpired(keys, currentTime());
        return keys.put(pair, id);
      }),
    delete: (id) => use("readwrite", (keys) => keys.delete(id)),
  });
}
