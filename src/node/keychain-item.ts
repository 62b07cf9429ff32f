import { nodeCrypto } from "./builtins.js";
import { currentTime } from "../platform.js";
import { encodeRecord } from "./record-file.js";
import type { StoredRecord } from "./record-file.js";

/** Windows takes 2,560 bytes for an item, which are 1,280 UTF-16 units; some is left for whatever adds a terminator. */
export const PART_UNITS = 1_200;

/** A record that is too long for one item: its parts, told apart from those of any other write by the set that they are of. */
export interface PartSet {
  readonly id: string;
  readonly count: number;
}

/** Nothing of the key is in the account's name: whoever looks at the keychain sees the names without unlocking it. */
export const accountOf = (key: string): string => nodeCrypto.createHash("sha256").update(key).digest("hex");

export const partAccount = (account: string, id: string, index: number): string => `${account}.${id}.${index}`;

export const isRecordAccount = (account: string): boolean => /^[0-9a-f]{64}$/.test(account);

/** A name that was never used before, and says when it was made. */
export const newSetId = (): string => `${currentTime().toString(36)}-${nodeCrypto.randomUUID()}`;

export const newProbeAccount = (): string => `probe.${newSetId()}.0`;

/** The set that an account's name is of and when that was made, for parts and probes alone. */
export function setOf(account: string): { readonly id: string; readonly madeAt: number } | undefined {
  const [, id, time] = /^(?:probe|[0-9a-f]{64})\.(([0-9a-z]+)-[0-9a-f-]{36})\.\d+$/.exec(account) ?? [];
  return id === undefined || time === undefined ? undefined : { id, madeAt: Number.parseInt(time, 36) };
}

/** ASCII alone: every keychain counts it alike, and it may be cut anywhere. */
export const encodeItem = (record: StoredRecord): string =>
  encodeRecord(record).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const splitItem = (text: string): readonly string[] =>
  Array.from({ length: Math.ceil(text.length / PART_UNITS) }, (_, index) =>
    text.slice(index * PART_UNITS, (index + 1) * PART_UNITS),
  );

export const encodeHeader = ({ id, count }: PartSet): string => JSON.stringify({ v: 1, parts: { id, count } });

/** Where the parts are of an item that is but a header. */
export function decodeHeader(text: string | undefined): PartSet | undefined {
  const [, id, count] = /^\{"v":1,"parts":\{"id":"([0-9a-z-]+)","count":(\d{1,4})\}\}$/.exec(text ?? "") ?? [];
  return id === undefined ? undefined : { id, count: Number(count) };
}
