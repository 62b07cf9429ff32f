import type { KVStore } from "../index.js";
import type { ContractCase, ContractLimits, KVStoreAbility } from "./kv-store-contract-case.js";
import { check } from "./kv-store-contract-case.js";

/** A store that has an ability. */
export type With<A extends KVStoreAbility> = KVStore & Required<Pick<KVStore, A>>;

/** A test of something that a store need not have. */
export function caseOf<A extends KVStoreAbility>(
  ability: A,
  name: string,
  body: (store: With<A>, open: () => Promise<With<A>>, limits: ContractLimits) => Promise<void>,
): ContractCase {
  return {
    name,
    async body(open, limits) {
      const has = (store: KVStore): store is With<A> => typeof store[ability] === "function";
      const store = await open();
      if (!has(store)) {
        check(!limits.abilities.includes(ability), `the store has \`${ability}\``);
        return;
      }
      const again = async (): Promise<With<A>> => {
        const other = await open();
        check(has(other), `every store of this kind has \`${ability}\``);
        return other;
      };
      await body(store, again, limits);
    },
  };
}
