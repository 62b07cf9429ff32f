import { decryptAesGcm, encryptAesGcm } from "../platform.js";
import type { IgnoredRecord } from "../types.js";
import type { KVStore } from "./kv-store.js";
import { publicKey } from "../wire/public-key.js";

/** What `crypto.subtle` makes: every `CryptoKey` is one. @public */
export interface CryptoKeyLike {
  /** `secret`, for a key that encrypts and decrypts. */
  readonly type: string;
  /** Whether the key can be exported; it need not be. */
  readonly extractable: boolean;
  /** Name and parameters of the algorithm. */
  readonly algorithm: { readonly name: string };
  /** What the key may be used for. */
  readonly usages: readonly string[];
}

/** Options of {@link createEncryptedStore}. @public */
export interface EncryptedStoreOptions {
  /** Hears of values that could not be used: not encrypted, tampered with, moved to another key, or encrypted with a key that was
   * not given. They count as missing and stay as they are until a new value replaces them. */
  readonly onIgnored?: ((record: IgnoredRecord) => void) | undefined;
}

const FORMAT = "enc:1:";

/**
 * Makes a store that encrypts what another one keeps, with AES-256-GCM: for a database, a disk or a backup that others can read.
 *
 * @remarks
 * Each value has a random IV of its own and is bound to its key, so that it cannot be moved to another account's. **The keys
 * themselves stay readable**: they name MCP servers, issuers and subjects, and the `state` of pending logins. Who can write to
 * the inner store can still delete a value, or put back an older one of the same key.
 *
 * Whatever does not open is a miss, reported to `onIgnored` and never deleted. Values that were stored before encryption began are
 * among it: the user logs in once more.
 *
 * To rotate, put the new key first and keep the old one behind it; every write is with the first. An old key can go when
 * nothing is left that it encrypted: what is lost then is no more than a login.
 *
 * The store has `withLock`, `take` and `keys` if the inner one has them.
 *
 * @param store - where the encrypted values are kept
 * @param key - a `CryptoKey` for AES-GCM of 256 bits, with the usages `encrypt` and `decrypt`; or several, of which the first
 * encrypts and all decrypt. Where it comes from is the host's business: a secret manager, the environment, the keychain
 * @param options - who hears of values that do not open
 * @throws `TypeError` for a key of another algorithm or length, one without these usages, and for no key at all
 * @example
 * ```ts
 * const secret = Uint8Array.from(atob(process.env["STORE_KEY"] ?? ""), (char) => char.charCodeAt(0)); // 32 bytes
 * const key = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt", "decrypt"]);
 * const store = createEncryptedStore(createMemoryStore(), key);
 * ```
 * @see {@link https://csrc.nist.gov/pubs/sp/800/38/d/final | NIST SP 800-38D}
 * @public
 */
export function createEncryptedStore(
  store: KVStore,
  key: CryptoKeyLike | readonly CryptoKeyLike[],
  options: EncryptedStoreOptions = {},
): KVStore {
  const [first, ...others] = requireKeys(key);

  async function open(name: string, stored: string | null | undefined): Promise<string | undefined> {
    if (stored === null || stored === undefined) return undefined;
    let reason = "it is not encrypted by this library";
    if (stored.startsWith(FORMAT)) {
      const sealed = fromBase64(stored.slice(FORMAT.length));
      for (const candidate of [first, ...others]) {
        const text = await decryptAesGcm(candidate, sealed, name);
        if (text !== undefined) return text;
      }
      reason = "no key opens it: it was changed, moved here, or encrypted with another key";
    }
    options.onIgnored?.({ key: publicKey(name), reason });
    return undefined;
  }

  const withLock = store.withLock?.bind(store);
  const take = store.take?.bind(store);
  const keys = store.keys?.bind(store);
  return Object.freeze<KVStore>({
    get: async (name) => open(name, await store.get(name)),
    async set(name, value, setOptions) {
      await store.set(name, FORMAT + toBase64(await encryptAesGcm(first, value, name)), setOptions);
    },
    async delete(name) {
      await store.delete(name);
    },
    ...(withLock && { withLock }),
    ...(take && {
      // looked at before: what does not open is not deleted
      take: async (name) =>
        (await open(name, await store.get(name))) === undefined ? undefined : open(name, await take(name)),
    }),
    ...(keys && {
      async *keys(prefix) {
        // a Map lists all of its keys
        for await (const name of keys(prefix)) if (name.startsWith(prefix)) yield name;
      },
    }),
  });
}

function requireKeys(key: CryptoKeyLike | readonly CryptoKeyLike[]): readonly [CryptoKeyLike, ...CryptoKeyLike[]] {
  const [first, ...others] = [key].flat() as readonly (Partial<CryptoKeyLike> | null | undefined)[];
  const isUsable = (candidate: typeof first, ...usages: readonly string[]): candidate is CryptoKeyLike => {
    const { name, length } = (candidate?.algorithm ?? {}) as { readonly name?: unknown; readonly length?: unknown };
    return name === "AES-GCM" && length === 256 && usages.every((usage) => candidate?.usages?.includes(usage));
  };
  if (!isUsable(first, "encrypt", "decrypt") || !others.every((other) => isUsable(other, "decrypt"))) {
    throw new TypeError(
      'key must be a CryptoKey for AES-GCM of 256 bits with the usages "encrypt" and "decrypt", or a list of such keys, of which the first encrypts',
    );
  }
  return [first, ...(others as readonly CryptoKeyLike[])];
}

const SLICE = 0x8000;

function toBase64(bytes: Uint8Array): string {
  // in slices: a megabyte of arguments would be too many
  let binary = "";
  for (let start = 0; start < bytes.length; start += SLICE) {
    binary += String.fromCharCode(...bytes.subarray(start, start + SLICE));
  }
  return btoa(binary);
}

/** What is no base64 is as good as nothing. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
