import { join, resolve } from "node:path";
import { nodeProcess } from "./builtins.js";
import { isAuthError } from "../index.js";
import type { ClockOptions, IgnoredRecord, KVStore, StoreError } from "../index.js";
import { currentTime, LONGEST_TIMER_MS, orAborted, startDeadline } from "../platform.js";
import { withFileLock } from "./file-lock.js";
import { accountOf, newProbeAccount } from "./keychain-item.js";
import { createKeychainRecords } from "./keychain-records.js";
import type { KeychainRecords } from "./keychain-records.js";
import { keychainFailure, openKeyring } from "./keyring.js";
import type { Keyring } from "./keyring.js";
import { publicKey } from "./public-key.js";
import { lockFileName } from "./record-file.js";
import type { StoredRecord } from "./record-file.js";

/** Options of {@link createKeychainStore}. @public */
export interface KeychainStoreOptions extends ClockOptions {
  /** The name under which the keychain shows what is stored: the application's own, for example `com.example.app`. What was stored
   * under one name is not found under another. */
  readonly service: string;
  /** A folder for lock files, shared by all processes of the host; it is made when it is needed. Without it the store has no lock
   * across processes: two that refresh the same tokens at the same moment both ask the authorization server. */
  readonly lockDirectory?: string | undefined;
  /** The store that is used instead when there is no keychain to be used, for example one of files. */
  readonly fallback?: KVStore | undefined;
  /** Hears that the fallback is used, and why: tell the user where the tokens are.
   * @defaultValue a warning of the process (`process.emitWarning`) */
  readonly onFallback?: ((reason: StoreError) => void) | undefined;
  /** Hears of items that could not be used: damaged, incomplete, or not written by this store. They count as missing and stay as
   * they are until a new value replaces them. `key` is the record's key, or the item's account where there is none to be read. */
  readonly onIgnored?: ((record: IgnoredRecord) => void) | undefined;
  /** Milliseconds that the keychain has to answer the first time; it may have to ask the user.
   * @defaultValue 30000 */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const WARNING_CODE = "MCP_OAUTH_KEYCHAIN_FALLBACK";

/**
 * Makes a store in the system's keychain: Keychain on macOS, Credential Manager on Windows, the Secret Service (GNOME Keyring,
 * KWallet, KeePassXC) elsewhere. It needs the package `@napi-rs/keyring`, which the host installs and which is loaded here.
 *
 * @remarks
 * The keychain is tried before the store is handed out: an item is written, read and deleted. When that does not work (a locked
 * keychain, an SSH session, a container, the package not installed) the promise resolves to `fallback`, which is said aloud, or
 * rejects when there is none. A keychain that is locked later makes the calls fail.
 *
 * A record is one item, named by the SHA-256 of its key, so that a system which asks the user asks once for each. Where items
 * must be short (Windows), a longer record is a header and parts. The header is written last and the parts before
 * it are deleted after that: whatever happens in between, the old or the new value is there, whole.
 *
 * Keychains are for secrets, not for data: keep to 64 kB a value and 200 keys. `keys` reads everything that is stored for the service.
 * Programs of the same user may be able to read what is stored, depending on the system.
 *
 * @param options - the service's name, where to lock, and what to do without a keychain
 * @returns the store, or `fallback`
 * @throws {@link StoreError} `store_failed` when the keychain does not work and there is no `fallback`; the message says what to do
 * @throws `TypeError` for a `service` or `lockDirectory` that is no name
 * @example
 * ```ts
 * const directory = join(homedir(), ".local", "state", "example", "auth");
 * const store = await createKeychainStore({
 *   service: "com.example.app",
 *   lockDirectory: directory,
 *   fallback: createFileStore({ directory }),
 *   onFallback: ({ message }) => console.warn(`tokens are kept in ${directory}: ${message}`),
 * });
 * ```
 * @public
 */
export async function createKeychainStore(options: KeychainStoreOptions): Promise<KVStore> {
  requireName("service", options.service);
  if (options.lockDirectory !== undefined) requireName("lockDirectory", options.lockDirectory);
  const { service, fallback, onFallback = warn, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  if (!(timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw new TypeError(`timeoutMs must be from 1 to ${LONGEST_TIMER_MS}`);
  }
  try {
    const keyring = await openKeyring(service);
    await probe(keyring, timeoutMs);
    const records = createKeychainRecords(keyring, service);
    await records.tidy();
    return createStore(records, options);
  } catch (error) {
    const reason = isAuthError(error, "store_failed") ? error : keychainFailure(error);
    if (fallback === undefined) throw reason;
    onFallback(reason);
    return fallback;
  }
}

function requireName(parameter: string, name: unknown): void {
  if (typeof name === "string" && /^[^\0]+$/.test(name)) return;
  throw new TypeError(`${parameter} must be a string that is not empty and has no NUL`);
}

function warn({ message }: StoreError): void {
  nodeProcess.emitWarning(`the fallback store is used, since ${message}`, { code: WARNING_CODE });
}

/** Writes, reads and deletes an item: a keychain may be locked, absent, or take what it does not give back. */
async function probe(keyring: Keyring, timeoutMs: number): Promise<void> {
  const account = newProbeAccount();
  const late = (): Error => new Error(`the keychain did not answer within ${timeoutMs} ms`);
  const deadline = startDeadline(undefined, timeoutMs, late);
  const attempt = async (): Promise<void> => {
    await keyring.write(account, account);
    const found = await keyring.read(account);
    await keyring.remove(account);
    if (found !== account) throw new Error("the keychain did not give back what was written");
  };
  await orAborted(attempt(), deadline.signal).finally(deadline.release);
}

function createStore(records: KeychainRecords, options: KeychainStoreOptions): KVStore {
  const { service, onIgnored, now = currentTime } = options;
  // the host may change its working directory later
  const lockDirectory = options.lockDirectory === undefined ? undefined : resolve(options.lockDirectory);
  const isExpired = ({ expiresAt = Infinity }: StoredRecord): boolean => expiresAt <= now();
  const isOf = (key: string, found: StoredRecord | string | undefined): found is StoredRecord =>
    typeof found === "object" && found.key === key;

  /** What is not of this key is reported and left where it is. */
  function judge(key: string, found: StoredRecord | string | undefined): StoredRecord | undefined {
    if (found === undefined || isOf(key, found)) return found;
    report(key, accountOf(key), typeof found === "string" ? found : "belongs to another key");
    return undefined;
  }

  function report(key: string, account: string, problem: string): void {
    onIgnored?.({ key: publicKey(key), reason: `the item ${account} ${problem}` });
  }

  const lockAcross = async <T>(
    name: string,
    task: (lease: AbortSignal) => Promise<T>,
    directory: string,
    signal?: AbortSignal,
  ): Promise<T> => withFileLock(join(directory, lockFileName(JSON.stringify([service, name]))), task, signal);

  return Object.freeze<KVStore>({
    async get(key) {
      const record = judge(key, await records.load(accountOf(key)));
      if (record === undefined || !isExpired(record)) return record?.value;
      await records.removeIf(accountOf(key), (found) => isOf(key, found) && isExpired(found)).catch(() => undefined);
      return undefined;
    },
    async set(key, value, { expiresAt } = {}) {
      await records.save(accountOf(key), { key, value, expiresAt });
    },
    async delete(key) {
      await records.removeIf(accountOf(key), () => true);
    },
    async take(key) {
      const remove = (): Promise<StoredRecord | string | undefined> =>
        records.removeIf(accountOf(key), (found) => judge(key, found) !== undefined);
      const removed = await (lockDirectory === undefined ? remove() : lockAcross(`take ${key}`, remove, lockDirectory));
      return isOf(key, removed) && !isExpired(removed) ? removed.value : undefined;
    },
    async *keys(prefix) {
      for await (const [account, found] of records.list()) {
        const isSound = typeof found === "object" && accountOf(found.key) === account;
        if (!isSound) report(account, account, typeof found === "string" ? found : "belongs to another key");
        else if (found.key.startsWith(prefix) && !isExpired(found)) yield found.key;
      }
    },
    ...(lockDirectory !== undefined && {
      withLock: (key, task, { signal } = {}) => lockAcross(`lock ${key}`, task, lockDirectory, signal),
    }),
  });
}
