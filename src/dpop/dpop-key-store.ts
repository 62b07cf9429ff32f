import type { CryptoKeyLike } from "../store/encrypted-store.js";
import type { MaybePromise } from "../types.js";

/** A key that tokens are bound to: ECDSA on the curve P-256. @public */
export interface DpopKeyPair {
  /** A `CryptoKey`, always extractable: it is part of every proof. */
  readonly publicKey: CryptoKeyLike;
  /** A `CryptoKey`, extractable only if the store asks for it. */
  readonly privateKey: CryptoKeyLike;
  /** Milliseconds since the epoch after which nobody needs it: a key of a login that has not been finished. A store may tidy up by
   * it; once the login is finished the key is set again, without it. */
  readonly expiresAt?: number | undefined;
}

/**
 * Where the keys of DPoP are kept, as {@link DpopOptions.keys}. It holds one key for each login or grant, and is shared by all
 * processes that share the tokens.
 *
 * @remarks
 * What it throws ends the call as `store_failed`. A key that is not there counts as lost: the user logs in again.
 *
 * @public
 */
export interface DpopKeyStore {
  /** The key, or `null` or `undefined` when there is none. */
  get(id: string): MaybePromise<DpopKeyPair | null | undefined>;
  /** Keeps a key under its id, which is its JWK thumbprint (RFC 7638); there is never another key of this id. */
  set(id: string, pair: DpopKeyPair): unknown;
  /** Deletes, or does nothing when there is no such key. */
  delete(id: string): unknown;
  /** Whether private keys have to be extractable, because they leave the runtime.
   * @defaultValue false */
  readonly extractable?: boolean | undefined;
}
