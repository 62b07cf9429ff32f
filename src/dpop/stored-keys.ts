import { subtleCrypto } from "../platform.js";
import { encodeRecord } from "../store/records.js";
import type { DpopHost } from "../wire/dpop-connection.js";
import type { DpopKeyPair, DpopKeyStore } from "./dpop-key-store.js";

export const dpopRecordKey = (id: string): string => `v1:dpop:${id}`;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };

/** Keeps private keys as JWKs beside the tokens: whoever can read one there can read the other. */
export function createStoredKeys(store: DpopHost["store"]): DpopKeyStore {
  return {
    extractable: true,
    async get(id) {
      const { jwk, expiresAt } = readRecord(await store.get(dpopRecordKey(id)));
      const { kty, crv, x, y, d } = jwk ?? {};
      if (!kty || !crv || !x || !y || !d) return undefined;
      const load = (members: object, use: KeyUsage): Promise<CryptoKey> =>
        subtleCrypto().importKey("jwk", { kty, crv, x, y, ...members }, ALGORITHM, true, [use]);
      try {
        return { privateKey: await load({ d }, "sign"), publicKey: await load({}, "verify"), expiresAt };
      } catch {
        return undefined;
      }
    },
    async set(id, { privateKey, expiresAt }: DpopKeyPair) {
      const { kty, crv, x, y, d } = await subtleCrypto().exportKey("jwk", privateKey as CryptoKey);
      await store.set(dpopRecordKey(id), encodeRecord({ jwk: { kty, crv, x, y, d }, expiresAt }), { expiresAt });
    },
    delete: (id) => store.delete(dpopRecordKey(id)),
  };
}

interface KeyRecord {
  readonly jwk?: JsonWebKey;
  readonly expiresAt?: number;
}

/** What is no record of this version is as good as none. */
function readRecord(stored: string | null | undefined): KeyRecord {
  try {
    const envelope = JSON.parse(stored ?? "null") as { readonly v?: unknown; readonly data?: KeyRecord } | null;
    return (envelope?.v === 1 ? envelope.data : undefined) ?? {};
  } catch {
    return {};
  }
}
