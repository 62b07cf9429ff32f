import type { KVStore, TokenKey } from "./kv-store.js";

/**
 * Lists who has tokens in a store, and for which MCP servers: for a page of connections, or to sign out everywhere. Hand what it
 * yields to `client.session(serverUrl, { subject })`.
 *
 * @remarks
 * Reads keys, no tokens, and nothing but the store; expired tokens are listed too. Sessions that are signed in or out meanwhile may
 * be in it or not. What a host keeps in tables of its own ({@link TokenStore}) is not listed.
 *
 * @param store - where the client keeps its records; it has to have `keys`
 * @returns server and subject of each session, in any order
 * @throws `TypeError` when the store cannot list its keys
 * @example
 * ```ts
 * for await (const { serverUrl, subject } of listSessions(store)) console.log(serverUrl, subject);
 * ```
 * @public
 */
export async function* listSessions(store: KVStore): AsyncGenerator<TokenKey, void, undefined> {
  if (store.keys === undefined) throw new TypeError('"store" must be one that can list its keys (KVStore.keys)');
  for await (const key of store.keys("v1:tokens:")) {
    const found = readKey(key);
    if (found !== undefined) yield found;
  }
}

function readKey(key: string): TokenKey | undefined {
  const [, serverUrl, subject] = /^v1:tokens:([^:]+):user:(?:-|=([^:]+))$/.exec(key) ?? [];
  if (serverUrl === undefined) return undefined;
  try {
    return {
      serverUrl: decodeURIComponent(serverUrl),
      ...(subject === undefined ? {} : { subject: decodeURIComponent(subject) }),
    };
  } catch {
    // not written by this library
    return undefined;
  }
}
