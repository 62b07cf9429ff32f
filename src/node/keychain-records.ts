import { currentTime, operatingSystem } from "../platform.js";
import {
  decodeHeader,
  encodeHeader,
  encodeItem,
  isRecordAccount,
  newSetId,
  PART_UNITS,
  partAccount,
  setOf,
  splitItem,
} from "./keychain-item.js";
import type { Keyring, KeyringItem } from "./keyring.js";
import { decodeRecord } from "./record-file.js";
import type { StoredRecord } from "./record-file.js";

/** A record, what is wrong with it, or nothing where there is none. */
type Found = StoredRecord | string | undefined;

/** Records of any length in items of limited length. */
export interface KeychainRecords {
  load(account: string): Promise<Found>;
  save(account: string, record: StoredRecord): Promise<void>;
  /** Removes what is `wanted`, and resolves to it; of several who remove it, to one only. */
  removeIf(account: string, wanted: (found: Found) => boolean): Promise<Found>;
  /** Removes what a process left behind that was ended while it wrote. */
  tidy(): Promise<void>;
  /** Lists all records, and tidies up. */
  list(): AsyncIterable<readonly [account: string, found: StoredRecord | string]>;
}

const STALE_AFTER_MS = 3_600_000;

/** Changes under way, by service and account: two in this process never meet. */
const queues = /* @__PURE__ */ new Map<string, Promise<unknown>>();

async function inTurn<T>(name: string, change: () => Promise<T>): Promise<T> {
  const before = queues.get(name);
  const mine = before === undefined ? change() : before.then(change, change);
  queues.set(name, mine);
  try {
    return await mine;
  } finally {
    if (queues.get(name) === mine) queues.delete(name);
  }
}

/**
 * Keeps each record in one item, or in a header with parts where the keychain takes no item of that length. Parts are never
 * written twice: the header leads from one whole set to the next in one step.
 */
export function createKeychainRecords(keyring: Keyring, service: string): KeychainRecords {
  let longestItem = operatingSystem() === "win32" ? PART_UNITS : Infinity;
  const alone = <T>(account: string, change: () => Promise<T>): Promise<T> =>
    inTurn(JSON.stringify([service, account]), change);

  async function load(account: string, seen?: string): Promise<Found> {
    const text = await keyring.read(account);
    const set = decodeHeader(text);
    if (text === undefined || set === undefined) return text === undefined ? undefined : decodeRecord(text);
    let whole = "";
    for (let index = 0; index < set.count; index += 1) {
      const part = await keyring.read(partAccount(account, set.id, index));
      // replaced while it was read, if the header is another now
      if (part === undefined) return text === seen ? "lacks a part" : load(account, text);
      whole += part;
    }
    return decodeRecord(whole);
  }

  /** What is left behind here is swept up later. */
  async function removeParts(account: string, header: string | undefined): Promise<void> {
    const { id = "", count = 0 } = decodeHeader(header) ?? {};
    for (let index = 0; index < count; index += 1) {
      await keyring.remove(partAccount(account, id, index)).catch(() => undefined);
    }
  }

  async function saveInParts(account: string, text: string): Promise<void> {
    const parts = splitItem(text);
    const header = encodeHeader({ id: newSetId(), count: parts.length });
    const id = decodeHeader(header)?.id ?? "";
    try {
      for (const [index, part] of parts.entries()) await keyring.write(partAccount(account, id, index), part);
      await keyring.write(account, header);
    } catch (error) {
      // what failed may have been written all the same
      const found = await keyring.read(account).catch(() => header);
      if (found !== header) await removeParts(account, header);
      throw error;
    }
  }

  async function save(account: string, record: StoredRecord): Promise<void> {
    const text = encodeItem(record);
    const before = await keyring.read(account);
    if (text.length > longestItem) await saveInParts(account, text);
    else {
      await keyring.write(account, text).catch(async (error: unknown) => {
        if (text.length <= PART_UNITS) throw error;
        await saveInParts(account, text);
        longestItem = PART_UNITS;
      });
    }
    await removeParts(account, before);
  }

  async function removeIf(account: string, wanted: (found: Found) => boolean): Promise<Found> {
    const found = await load(account);
    if (!wanted(found)) return undefined;
    const header = await keyring.read(account);
    if (!(await keyring.remove(account))) return undefined;
    await removeParts(account, header);
    return found;
  }

  async function sweep(): Promise<readonly KeyringItem[]> {
    const items = await keyring.list();
    const named = new Set(items.map(({ text }) => decodeHeader(text)?.id));
    for (const { account } of items) {
      const set = setOf(account);
      if (set !== undefined && !named.has(set.id) && set.madeAt < currentTime() - STALE_AFTER_MS) {
        await keyring.remove(account).catch(() => undefined);
      }
    }
    return items.filter(({ account }) => isRecordAccount(account));
  }

  async function* list(): ReturnType<KeychainRecords["list"]> {
    for (const { account, text } of await sweep()) {
      const found = decodeHeader(text) === undefined ? decodeRecord(text) : await load(account);
      if (found !== undefined) yield [account, found];
    }
  }

  return {
    load: (account) => load(account),
    save: (account, record) => alone(account, () => save(account, record)),
    removeIf: (account, wanted) => alone(account, () => removeIf(account, wanted)),
    list,
    async tidy() {
      // reading everything costs nothing there, while other systems may ask the user about each item
      if (longestItem === PART_UNITS) await sweep().catch(() => undefined);
    },
  };
}
