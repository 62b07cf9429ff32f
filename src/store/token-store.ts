import type { IgnoredRecord } from "../types.js";
import type { KVStore, TokenStore } from "./kv-store.js";
import { createRecordStore } from "./records.js";

/** Options of {@link createTokenStore}. @public */
export interface TokenStoreOptions {
  /** Hears of records that could not be used: corrupt, or of another version. They are left alone. */
  readonly onIgnored?: ((record: IgnoredRecord) => void) | undefined;
}

/**
 * Makes the typed store out of a plain one; what {@link createAuthClient} does by default. Call it to look at or to move
 * what a client stored, or to build a {@link TokenStore} that keeps a part elsewhere.
 *
 * @param store - where the client keeps its records
 * @example
 * ```ts
 * const tokens = await createTokenStore(store).getTokens({ serverUrl: "https://mcp.example.com/mcp" });
 * ```
 * @public
 */
export function createTokenStore(store: KVStore, options: TokenStoreOptions = {}): TokenStore {
  const records = createRecordStore(store, options.onIgnored);
  return Object.freeze<TokenStore>({
    getTokens: (key) => records.get("tokens", key),
    setTokens: (key, tokens) => records.set("tokens", key, tokens),
    deleteTokens: (key) => records.delete("tokens", key),
    getClientRegistration: (key) => records.get("client", key),
    setClientRegistration: (key, registration) => records.set("client", key, registration),
    deleteClientRegistration: (key) => records.delete("client", key),
  });
}
