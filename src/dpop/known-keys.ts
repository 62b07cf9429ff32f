import { AuthorizationError } from "../errors.js";
import { callStore } from "../store/records.js";
import type { DpopKeyPair, DpopKeyStore } from "./dpop-key-store.js";
import { loadProofs } from "./load-proofs.js";
import { dpopRecordKey } from "./stored-keys.js";

/** A key in memory, with what servers have said to it. */
export interface KnownKey {
  readonly pair: DpopKeyPair;
  /** By server: an authorization server and an MCP server on one origin are two. */
  readonly servers: Map<string, ServerTerms>;
}

/** What the proofs for one server have to hold. */
export interface ServerTerms {
  readonly nonce: string | undefined;
  /** How far the server's clock is ahead, in milliseconds. */
  readonly clockSkew: number;
}

const MAX_KNOWN = 1_000;

/** Keys by their id; one that was read stays in memory, so that requests need no store. */
export function createKnownKeys(store: DpopKeyStore) {
  const known = new Map<string, KnownKey>();

  function remember(id: string, pair: DpopKeyPair): KnownKey {
    const key = { pair, servers: new Map<string, ServerTerms>() };
    const [oldest] = known.keys();
    if (known.size >= MAX_KNOWN && oldest !== undefined) known.delete(oldest);
    known.set(id, key);
    return key;
  }

  async function find(id: string): Promise<KnownKey | undefined> {
    const found = known.get(id);
    if (found !== undefined) return found;
    const pair = await callStore("read", dpopRecordKey(id), () => store.get(id));
    if (pair === null || pair === undefined) return undefined;
    const { thumbprintOf } = await loadProofs();
    // a key under the id of another would make the server end the grant
    if ((await thumbprintOf(pair)) !== id) return undefined;
    return remember(id, pair);
  }

  return {
    find,
    async require(id = ""): Promise<KnownKey> {
      const key = await find(id);
      if (key !== undefined) return key;
      throw new AuthorizationError(
        "authorization_required",
        "the DPoP key that these tokens are bound to is gone: the user has to log in again",
      );
    },
    async write(id: string, pair: DpopKeyPair): Promise<KnownKey> {
      await callStore("write", dpopRecordKey(id), () => store.set(id, pair));
      return remember(id, pair);
    },
    /** Tidies up; that the store cannot do it is no reason to fail. What is under way may still need the key. */
    async delete(id: string): Promise<void> {
      // else it stays there, and nothing is bound to it any more
      await callStore("delete", dpopRecordKey(id), () => store.delete(id)).catch(() => undefined);
    },
  };
}
