import { openIndexedDatabase } from "../platform.js";

/**
 * Does one thing to the table, and resolves when it is done for good. The database is opened each time: it is rarely needed, and
 * whoever has it open blocks its deletion.
 */
export async function useIndexedTable<T>(
  database: string,
  table: string,
  mode: IDBTransactionMode,
  work: (entries: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const opened = await openIndexedDatabase(database, table);
  try {
    const transaction = opened.transaction(table, mode, { durability: "strict" });
    const request = work(transaction.objectStore(table));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
    });
    return request.result;
  } finally {
    opened.close();
  }
}

/** Removes what has an `expiresAt` of the past. */
export function removeExpired(entries: IDBObjectStore, now: number): void {
  const walk = entries.index("expiresAt").openCursor();
  walk.onsuccess = () => {
    const cursor = walk.result;
    if (cursor === null || Number(cursor.key) > now) return;
    cursor.delete();
    cursor.continue();
  };
}
