import { createHash, randomUUID } from "node:crypto";

/** What is in the file of one record. */
export interface StoredRecord {
  readonly key: string;
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
}

/** Nothing of the key is in the name, so that no key can lead out of the folder, be too long for it, or meet another in it. */
export const recordFileName = (key: string): string => `${createHash("sha256").update(key).digest("hex")}.json`;

export const isRecordFileName = (name: string): boolean => /^[0-9a-f]{64}\.json$/.test(name);

/** A name that nobody else has: several machines or containers may share the folder, and then process ids are not unique. */
export const temporaryFileName = (): string => `${randomUUID()}.tmp`;

export const isTemporaryFileName = (name: string): boolean =>
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.test(name);

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
