// Compiled, never run: what is simple stays simple, and what is given may be as loose as hosts write it.
import type { KVStore, TokenStore } from "../../src/index.js";
import { createAuthClient, createTokenStore, createWebStorageStore } from "../../src/index.js";

export const map: KVStore = new Map<string, string>();
export const client = createAuthClient({ clientMetadata: { client_name: "Test" }, store: new Map<string, string>() });
export const local: KVStore = createWebStorageStore(localStorage);
export const session: KVStore = createWebStorageStore(sessionStorage, { prefix: undefined, now: undefined });
export const tokenStore: TokenStore = createTokenStore(map);

/** A driver that answers with null, numbers and promises. */
export const redis: KVStore = {
  get: async (_key: string): Promise<string | null> => Promise.resolve(null),
  set: async (_key: string, _value: string): Promise<"OK"> => Promise.resolve("OK" as const),
  delete: async (_key: string): Promise<number> => Promise.resolve(1),
  take: async (_key: string): Promise<string | null> => Promise.resolve(null),
  async *keys(prefix: string): AsyncGenerator<string> {
    yield await Promise.resolve(prefix);
  },
};

// @ts-expect-error values are strings, so that every kind of store can hold them
export const objects: KVStore = new Map<string, object>();
