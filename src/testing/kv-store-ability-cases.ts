import { hostileKeys, requireMissing, requireValue } from "./kv-store-basic-cases.js";
import { caseOf } from "./kv-store-ability-case.js";
import type { ContractCase, ContractLimits } from "./kv-store-contract-case.js";
import { check } from "./kv-store-contract-case.js";
import { lockCases } from "./kv-store-lock-cases.js";

const HOUR_MS = 3_600_000;

/** What a store does with time, and what it may have beside `get`, `set` and `delete`. */
export function abilityCases(limits: ContractLimits): ContractCase[] {
  return [...expiryCases(limits), ...takeCases(limits), ...keysCases(), ...lockCases()];
}

function expiryCases({ expiry, advance }: ContractLimits): ContractCase[] {
  const always: ContractCase = {
    name: "a value whose `expiresAt` is to come is there",
    async body(open, { now }) {
      const store = await open();
      await store.set("key", "value", { expiresAt: now() + HOUR_MS });
      await store.set("forever", "value", { expiresAt: undefined });
      await requireValue(store, "key", "value");
      await requireValue(store, "forever", "value");
    },
  };
  const past: ContractCase = {
    name: "a value whose `expiresAt` has passed already is missing, and the one before it is gone",
    async body(open, { now }) {
      const store = await open();
      await store.set("key", "before");
      await store.set("key", "value", { expiresAt: now() - 1 });
      await requireMissing(store, "key", "when its `expiresAt` has passed");
    },
  };
  const passing: ContractCase = {
    name: "a value is missing from its `expiresAt` on, unless it was set again without one",
    async body(open, { now }) {
      const store = await open();
      await store.set("key", "value", { expiresAt: now() + HOUR_MS });
      await store.set("renewed", "value", { expiresAt: now() + HOUR_MS });
      await store.set("renewed", "value again");
      await requireValue(store, "key", "value");
      await advance?.(HOUR_MS + 1);
      await requireMissing(store, "key", "when its `expiresAt` has passed");
      await requireValue(store, "renewed", "value again");
      const listed = store.keys === undefined ? [] : await collect(store.keys("key"));
      check(store instanceof Map || !listed.includes("key"), "`keys` lists no key whose `expiresAt` has passed");
    },
  };
  return [always, ...(expiry ? [past] : []), ...(expiry && advance !== undefined ? [passing] : [])];
}

function takeCases({ expiry }: ContractLimits): ContractCase[] {
  return [
    caseOf("take", "`take` gets a value and deletes it", async (store) => {
      await store.set("key", "value");
      await store.set("other", "value");
      check((await store.take("key")) === "value", "`take` resolves to the value");
      await requireMissing(store, "key", "after it was taken");
      check(((await store.take("key")) ?? undefined) === undefined, "`take` of a missing key resolves to nothing");
      await requireValue(store, "other", "value");
    }),
    caseOf("take", "of several that `take` at once one gets the value", async (store, open) => {
      const other = await open();
      for (let round = 0; round < 5; round += 1) {
        await store.set("key", "value");
        const taken = await Promise.all(
          Array.from({ length: 20 }, async (_, index) => (index % 2 === 0 ? store : other).take("key")),
        );
        const winners = taken.filter((value) => value != null);
        check(winners.length === 1 && winners[0] === "value", "exactly one `take` gets the value");
      }
    }),
    ...(expiry
      ? [
          caseOf(
            "take",
            "`take` of a value whose `expiresAt` has passed resolves to nothing",
            async (store, _, { now }) => {
              await store.set("key", "value", { expiresAt: now() - 1 });
              check(
                ((await store.take("key")) ?? undefined) === undefined,
                "`take` gets no value whose `expiresAt` has passed",
              );
            },
          ),
        ]
      : []),
  ];
}

const keysCases = (): ContractCase[] => [
  caseOf(
    "keys",
    "`keys` lists every key that starts with the prefix, once",
    async (store, _, { maxKeyBytes, nulCharacters }) => {
      const keys = hostileKeys(maxKeyBytes, nulCharacters);
      const prefixes = ["v1:", "a*", "a_", "a%", "[ab]", "../"];
      const all = [...keys, ...prefixes.flatMap((prefix) => [`${prefix}one`, `${prefix}two`])];
      for (const key of all) await store.set(key, "value");
      for (const prefix of [...prefixes, ""]) {
        const listed = await collect(store.keys(prefix));
        const expected = all.filter((key) => key.startsWith(prefix));
        // a `Map` lists all of its keys, and is a store all the same
        const found = store instanceof Map ? listed.filter((key) => key.startsWith(prefix)) : listed;
        check(
          found.length === expected.length && expected.every((key) => found.includes(key)),
          `\`keys(${JSON.stringify(prefix)})\` lists the keys that start with it, each once, and no other`,
        );
      }
    },
  ),
  caseOf("keys", "keys may be deleted while they are listed", async (store) => {
    const keys = Array.from({ length: 50 }, (_, index) => `v1:${index}`);
    for (const key of keys) await store.set(key, "value");
    const seen: string[] = [];
    for await (const key of store.keys("v1:")) {
      seen.push(key);
      await store.delete(key);
    }
    check(new Set(seen).size === 50, "every key is listed though those before it were deleted");
    check((await collect(store.keys("v1:"))).length === 0, "deleted keys are not listed");
  }),
];

/** The keys of a listing. */
async function collect(keys: Iterable<string> | AsyncIterable<string>): Promise<string[]> {
  const list: string[] = [];
  for await (const key of keys) list.push(key);
  return list;
}
