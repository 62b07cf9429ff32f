import type { KVStore, MaybePromise } from "../index.js";

/** What a {@link KVStore} may have beside `get`, `set` and `delete`. @public */
export type KVStoreAbility = "take" | "keys" | "withLock";

/** The options of the contract with their defaults. */
export interface ContractLimits {
  readonly abilities: readonly KVStoreAbility[];
  readonly expiry: boolean;
  readonly now: () => number;
  readonly advance: ((ms: number) => MaybePromise<void>) | undefined;
  readonly maxValueBytes: number;
  readonly maxKeyBytes: number;
  readonly maxKeys: number;
  readonly nulCharacters: boolean;
}

/** One test: its name, and what it does to the stores that `open` makes on one backing of its own. */
export interface ContractCase {
  readonly name: string;
  readonly body: (open: () => Promise<KVStore>, limits: ContractLimits) => Promise<void>;
}

/** Reports a broken promise as a plain error, for whatever test runner there is. */
export function check(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new Error(`the store breaks its contract: ${promise}`);
}
