import type { KVStore } from "../index.js";
import type { ContractCase, ContractLimits } from "./kv-store-contract-case.js";
import { check } from "./kv-store-contract-case.js";

/** Missing is `null` or `undefined`. */
export const valueOf = async (store: KVStore, key: string): Promise<string | undefined> =>
  (await store.get(key)) ?? undefined;

export async function requireValue(store: KVStore, key: string, value: string): Promise<void> {
  const found = await valueOf(store, key);
  const shown = JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);
  check(found !== undefined, `the value of ${shown} is there after it was set`);
  check(found === value, `the value of ${shown} is read as it was written, character by character`);
}

export async function requireMissing(store: KVStore, key: string, when: string): Promise<void> {
  check((await valueOf(store, key)) === undefined, `a value is missing ${when}`);
}

/** What every store must do, and within which limits. */
export function basicCases({ maxKeys, maxKeyBytes, nulCharacters }: ContractLimits): ContractCase[] {
  return [
    {
      name: "a key that was never set is missing",
      async body(open) {
        await requireMissing(await open(), "never-set", "before it was set");
      },
    },
    {
      name: "a value is read as it was set, any number of times",
      async body(open) {
        const store = await open();
        await store.set("key", "value");
        await requireValue(store, "key", "value");
        await requireValue(store, "key", "value");
      },
    },
    {
      name: "a value replaces the one before, also a longer one",
      async body(open) {
        const store = await open();
        await store.set("key", "a much longer value than the next");
        await store.set("key", "short");
        await requireValue(store, "key", "short");
      },
    },
    {
      name: "a deleted key is missing, and its neighbours are not",
      async body(open) {
        const store = await open();
        for (const key of ["v1:a", "v1:a:b", "v1:"]) await store.set(key, `value of ${key}`);
        await store.delete("v1:a");
        await requireMissing(store, "v1:a", "after it was deleted");
        await requireValue(store, "v1:a:b", "value of v1:a:b");
        await requireValue(store, "v1:", "value of v1:");
      },
    },
    {
      name: "a deleted key can be set again",
      async body(open) {
        const store = await open();
        await store.set("key", "first");
        await store.delete("key");
        await store.set("key", "second");
        await requireValue(store, "key", "second");
      },
    },
    {
      name: "deleting a key that is missing does nothing",
      async body(open) {
        const store = await open();
        await store.set("other", "value");
        await store.delete("never-set");
        await requireValue(store, "other", "value");
      },
    },
    {
      name: "text comes back unchanged: line ends, quotes, any script, byte order mark",
      async body(open) {
        const store = await open();
        const texts = [
          'a "quoted" \\ back\\\\slash, a\ttab, a \r\n line\n end\r',
          " spaces around ",
          "\uFEFFmark first, \u2028 separators \u2029, \u200Bnothing\u200D to see",
          "Grüße, Привет, 你好, שלום, 👩‍👩‍👧‍👦, e\u0301 and \u00E9, \u{10FFFF}",
          "1e1000",
          "null",
          ...(nulCharacters ? ["a\u0000b\u0001c\u001F"] : []),
        ];
        for (const [index, text] of texts.entries()) await store.set(`text-${index}`, text);
        for (const [index, text] of texts.entries()) await requireValue(store, `text-${index}`, text);
      },
    },
    {
      name: "keys are told apart as they are written: case, accents, spaces, paths, wildcards, names of members",
      async body(open) {
        const store = await open();
        const keys = hostileKeys(maxKeyBytes, nulCharacters);
        for (const key of keys)
          await requireMissing(store, key, `at ${JSON.stringify(key.slice(0, 60))}, before it was set`);
        for (const [index, key] of keys.entries()) await store.set(key, `value ${index}`);
        for (const [index, key] of keys.entries()) await requireValue(store, key, `value ${index}`);
        for (const key of keys.filter((_, index) => index % 2 === 0)) await store.delete(key);
        for (const [index, key] of keys.entries()) {
          if (index % 2 === 0) await requireMissing(store, key, "after it was deleted");
          else await requireValue(store, key, `value ${index}`);
        }
      },
    },
    {
      name: "a long value comes back whole",
      async body(open, { maxValueBytes }) {
        const store = await open();
        const value = "0123456789abcdef".repeat(Math.ceil(maxValueBytes / 16)).slice(0, maxValueBytes);
        await store.set("long", value);
        await requireValue(store, "long", value);
      },
    },
    {
      name: `${maxKeys} keys are kept at once`,
      async body(open) {
        const store = await open();
        const keys = Array.from({ length: maxKeys }, (_, index) => `key-${index}`);
        await inBatches(keys, (key) => store.set(key, `value of ${key}`));
        await inBatches(keys, (key) => requireValue(store, key, `value of ${key}`));
      },
    },
    {
      name: "of several writers at once one wins whole, and readers see no mixture",
      async body(open, { maxValueBytes }) {
        const stores = [await open(), await open()];
        const length = Math.min(10_000, maxValueBytes);
        const values = Array.from("abcdefghijklmnop", (letter) => letter.repeat(length));
        const [before = ""] = values;
        const seen: (string | undefined)[] = [];
        await stores[0]?.set("key", before);
        await Promise.all(
          values.flatMap((value, index) => {
            const store = stores[index % 2] ?? new Map<string, string>();
            return [store.set("key", value), valueOf(store, "key").then((found) => seen.push(found))];
          }),
        );
        for (const store of stores) seen.push(await valueOf(store, "key"));
        check(
          seen.every((value) => value !== undefined && values.includes(value)),
          "a reader sees a value that somebody wrote, while it is replaced and afterwards",
        );
        check(seen.at(-1) === seen.at(-2), "all readers see the same value after the last write");
      },
    },
    {
      name: "two stores on one backing see each other's changes",
      async body(open) {
        const [one, other] = [await open(), await open()];
        await requireMissing(other, "key", "before it was set");
        await one.set("key", "first");
        await requireValue(other, "key", "first");
        await other.set("key", "second");
        await requireValue(one, "key", "second");
        await one.delete("key");
        await requireMissing(other, "key", "after another store deleted it");
      },
    },
  ];
}

async function inBatches(keys: readonly string[], work: (key: string) => unknown): Promise<void> {
  for (let start = 0; start < keys.length; start += 200) await Promise.all(keys.slice(start, start + 200).map(work));
}

/** Pairs that a careless store takes for the same, and names that lead a careless store elsewhere. */
export function hostileKeys(maxKeyBytes: number, nulCharacters: boolean): string[] {
  const long = "k".repeat(maxKeyBytes - 1);
  return [
    ...["key", "Key", "KEY", "key ", " key", "key.", "\u212Aey", "ke\u0443"],
    ...["\u00E9", "e\u0301", "\u0130", "i", "\uFB01", "fi", "😀"],
    ...["../../escape", "..", ".", "/absolute", "a/b", "a\\b", "a//b", "C:\\windows", "nul", "con.txt", "~"],
    ...["a*", "a?", "[ab]", "a%", "a_", "%2e%2e%2f", "a'; --", '"', "$(id)", "{a}", "a:b", "a|b", "a\nb", "a\tb"],
    ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "length", "size", "null", "0"],
    ...[`${long}1`, `${long}2`],
    ...(nulCharacters ? ["key\u0000", "key\u0000more"] : []),
  ];
}
