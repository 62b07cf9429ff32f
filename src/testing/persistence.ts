import type { KVStore } from "../index.js";

/** What a server remembers beyond its own life, when it has a store. */
export interface Persistence {
  load(key: string): Promise<object | undefined>;
  /** Writes later, in the order of the calls; `undefined` deletes. */
  save(key: string | Promise<string>, record: object | undefined, expiresAt?: number): void;
  /** Resolves when everything is written; rejects with what the store threw since the last time. */
  flush(): Promise<void>;
}

/** Records of one issuer among others in a store. */
export function createPersistence(store: KVStore | undefined, issuer: string): Persistence {
  const prefix = `auth-server:${issuer}:`;
  let written = Promise.resolve();

  async function write(key: string | Promise<string>, record: object | undefined, expiresAt?: number): Promise<void> {
    const full = prefix + (await key);
    if (record === undefined) await store?.delete(full);
    else await store?.set(full, JSON.stringify(record), expiresAt === undefined ? undefined : { expiresAt });
  }

  return {
    async load(key) {
      await written.catch(() => undefined);
      const text = await store?.get(prefix + key);
      return typeof text === "string" ? (JSON.parse(text) as object) : undefined;
    },
    save(key, record, expiresAt) {
      if (store === undefined) return;
      const before = written;
      written = (async () => {
        await before;
        await write(key, record, expiresAt);
      })();
      // whoever flushes hears of it
      written.catch(() => undefined);
    },
    async flush() {
      const pending = written;
      try {
        await pending;
      } catch (error) {
        if (written === pending) written = Promise.resolve();
        throw error;
      }
    },
  };
}
