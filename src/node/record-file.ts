import { nodeCrypto } from "./builtins.js";

/** What is in the file of one record. */
export interface StoredRecord {
  readonly key: string;
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
}

const sha256 = (text: string): string => nodeCrypto.createHash("sha256").update(text).digest("hex");

/** Nothing of the key is in the name, so that no key can lead out of the folder, be too long for it, or meet another in it. */
export const recordFileName = (key: string): string => `${sha256(key)}.json`;

export const isRecordFileName = (name: string): boolean => /^[0-9a-f]{64}\.json$/.test(name);

/** A name that nobody else has: several machines or containers may share the folder, and then process ids are not unique. */
export const temporaryFileName = (): string => `${nodeCrypto.randomUUID()}.tmp`;

/** The lock of a key. It is no record, and is listed nowhere. */
export const lockFileName = (key: string): string => `${sha256(key)}.lock`;

/** What keeps all but one from taking over the lock file `name` while it says `text`. It may be left behind, like a temporary file. */
export const guardFileName = (name: string, text: string): string => `${sha256(`${name} ${text}`)}.tmp`;

export const isTemporaryFileName = (name: string): boolean =>
  /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64})\.tmp$/.test(name);

export function encodeRecord({ key, value, expiresAt = Infinity }: StoredRecord): string {
  return JSON.stringify({ v: 1, key, ...(Number.isFinite(expiresAt) && { expiresAt }), value });
}

/** Reads the text of a record's file; a string says why it cannot be used. It never quotes the text, which may hold a secret. */
export function decodeRecord(text: string): StoredRecord | string {
  const { v, key, value, expiresAt } = parseObject(text);
  if (v === undefined) return "is truncated, or something else wrote it";
  if (v !== 1) return "was written by another version of the library";
  const isSound =
    typeof key === "string" && typeof value === "string" && (expiresAt === undefined || typeof expiresAt === "number");
  return isSound ? { key, value, expiresAt } : "is damaged";
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
