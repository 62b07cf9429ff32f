import { linkSync, lstatSync, readFileSync, renameSync, unlinkSync } from "node:fs";
import { openDirectory } from "./builtins.js";
import { join, resolve } from "node:path";
import type { ClockOptions, IgnoredRecord, KVSetOptions, KVStore, LockOptions } from "../index.js";
import { currentTime } from "../platform.js";
import { codeOf } from "./error-code.js";
import { withFileLock } from "./file-lock.js";
import { publicKey } from "./public-key.js";
import { readAnew } from "./read-anew.js";
import {
  decodeRecord,
  encodeRecord,
  isRecordFileName,
  isTemporaryFileName,
  lockFileName,
  recordFileName,
  temporaryFileName,
} from "./record-file.js";
import type { StoredRecord } from "./record-file.js";
import { attempt, writeFileAtomically } from "./write-file-atomically.js";

/** Options of {@link createFileStore}. @public */
export interface FileStoreOptions extends ClockOptions {
  /** A folder for the library alone. It is made on the first write, readable by the owner only; one that is there keeps its mode. */
  readonly directory: string;
  /** Hears of files that could not be used: truncated, damaged, or not written by this store. They count as missing and stay
   * as they are until a new value replaces them. `key` is the record's key, or the file's name where there is none to be read. */
  readonly onIgnored?: ((record: IgnoredRecord) => void) | undefined;
}

const STALE_AFTER_MS = 3_600_000;
const TIDY_EVERY_MS = 3_600_000;
const TIDY_FOR_MS = 100;

/**
 * Makes a store of files, one for each record, that outlives the process.
 *
 * @remarks
 * The files hold tokens and secrets as they are; they have mode 0600, the folder that the store makes 0700. A write is atomic and
 * on the disk when it resolves. Names are the SHA-256 of the key.
 *
 * Any number of processes may share the folder, also on several machines where the file system creates exclusively and renames in
 * one step: local ones, NFS from version 3, SMB. A lock is a file beside the records that its holder renews every 3 s. What a dead
 * process of the same machine left is taken over at once, and what nobody renews after 9 s.
 *
 * Nothing is read or made before the first call. What the file system refuses (a read-only or full disk, a folder of another user)
 * is thrown as Node reports it, and what was stored is still there.
 *
 * @param options - where, and who hears of files that cannot be used
 * @example
 * ```ts
 * const store = createFileStore({ directory: join(homedir(), ".local", "state", "example", "auth") });
 * ```
 * @public
 */
export function createFileStore(options: FileStoreOptions): KVStore {
  const { onIgnored, now = currentTime } = options;
  if (typeof options.directory !== "string" || options.directory === "") {
    throw new TypeError("directory must be the path of a folder for the store");
  }
  if (/^~[/\\]/.test(options.directory)) {
    throw new TypeError("directory must begin with homedir() in place of ~, which only a shell knows");
  }
  // the host may change its working directory later
  const directory = resolve(options.directory);
  const isExpired = ({ expiresAt = Infinity }: StoredRecord): boolean => expiresAt <= now();

  /** Reads a record, of `key` if one is given; what cannot be used is reported and left where it is. */
  function read(name: string, key?: string): StoredRecord | undefined {
    let record = load(join(directory, name));
    if (record === undefined) return undefined;
    if (typeof record === "object" && (key === undefined ? recordFileName(record.key) !== name : record.key !== key)) {
      record = "belongs to another key";
    }
    if (typeof record === "object") return record;
    onIgnored?.({ key: publicKey(key ?? name), reason: `the file ${name} ${record}` });
    return undefined;
  }

  /** Removes a record if it still is one that is `wanted`. Of several callers one gets it; nothing newer is lost. */
  function claim(name: string, wanted: (record: StoredRecord) => boolean): StoredRecord | undefined {
    const path = join(directory, name);
    const aside = join(directory, temporaryFileName());
    try {
      renameSync(path, aside);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
    const record = load(aside);
    if (typeof record !== "object" || !wanted(record)) {
      // a link fails where a rename would replace what was written meanwhile
      attempt(() => linkSync(aside, path));
      attempt(() => unlinkSync(aside));
      return undefined;
    }
    unlinkSync(aside);
    return record;
  }

  let tidiedAt = -Infinity;

  /**
   * Removes what nobody asks for again, such as logins that nobody finished: once an hour, when a login is finished, and as far
   * as it gets before the user would notice. What is left over in a large folder slows nothing down.
   */
  async function tidy(): Promise<void> {
    if (Math.abs(now() - tidiedAt) < TIDY_EVERY_MS) return;
    tidiedAt = now();
    const until = currentTime() + TIDY_FOR_MS;
    for await (const name of namesIn(directory)) {
      if (currentTime() > until) return;
      attempt(() => {
        if (isTemporaryFileName(name)) removeIfStale(join(directory, name));
        if (!isRecordFileName(name)) return;
        const record = load(join(directory, name));
        if (typeof record === "object" && isExpired(record)) claim(name, isExpired);
      });
    }
  }

  return Object.freeze<KVStore>({
    get(key) {
      const name = recordFileName(key);
      const record = read(name, key);
      if (record === undefined || !isExpired(record)) return record?.value;
      attempt(() => claim(name, isExpired));
      return undefined;
    },
    async set(key: string, value: string, { expiresAt }: KVSetOptions = {}) {
      await writeFileAtomically(join(directory, recordFileName(key)), encodeRecord({ key, value, expiresAt }));
    },
    delete(key) {
      const path = join(directory, recordFileName(key));
      try {
        unlinkSync(path);
      } catch (error) {
        if (codeOf(error) !== "ENOENT" && !lstatSync(path).isDirectory()) throw error;
      }
    },
    async withLock<T>(key: string, task: (lease: AbortSignal) => Promise<T>, { signal }: LockOptions = {}): Promise<T> {
      return await withFileLock(join(directory, lockFileName(key)), task, signal);
    },
    take(key) {
      const name = recordFileName(key);
      if (read(name, key) === undefined) return undefined;
      const record = claim(name, (found) => found.key === key);
      const value = record === undefined || isExpired(record) ? undefined : record.value;
      return tidy().then(
        () => value,
        () => value,
      );
    },
    async *keys(prefix) {
      for await (const name of namesIn(directory)) {
        if (isTemporaryFileName(name)) attempt(() => removeIfStale(join(directory, name)));
        const record = isRecordFileName(name) ? read(name) : undefined;
        if (record?.key.startsWith(prefix) && !isExpired(record)) yield record.key;
      }
    },
  });
}

/** What is in a file, or what is wrong with it; `undefined` when there is none. */
function load(path: string): StoredRecord | string | undefined {
  try {
    return decodeRecord(readAnew(() => readFileSync(path, "utf8")));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    if (codeOf(error) === "EISDIR") return "is a folder";
    throw error;
  }
}

async function* namesIn(directory: string): AsyncIterable<string> {
  try {
    for await (const { name } of await openDirectory(directory)) yield name;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** What a process left behind that was ended between two steps. The clock is the file system's, not the host's. */
function removeIfStale(path: string): void {
  if (lstatSync(path).mtimeMs < currentTime() - STALE_AFTER_MS) unlinkSync(path);
}
