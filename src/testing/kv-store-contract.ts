import type { KVStore, MaybePromise } from "../index.js";
import { currentTime } from "../platform.js";
import { abilityCases } from "./kv-store-ability-cases.js";
import { basicCases } from "./kv-store-basic-cases.js";
import type { ContractLimits, KVStoreAbility } from "./kv-store-contract-case.js";

/** The `test` function of any test runner: `test(name, body)`. @public */
export type TestFunction = (name: string, body: () => Promise<void>) => unknown;

/** What the store under test can and cannot do. @public */
export interface KVStoreContractOptions {
  /** The abilities that the store must have. Those it has are tested in any case, and those it lacks are passed over unless named here.
   * @defaultValue none */
  readonly abilities?: readonly KVStoreAbility[] | undefined;
  /** Whether the store itself forgets values when their `expiresAt` has passed.
   * @defaultValue false */
  readonly expiry?: boolean | undefined;
  /** The store's clock, in milliseconds since the epoch.
   * @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined;
  /** Moves the store's clock on; without it nothing is tested that needs time to pass. */
  readonly advance?: ((ms: number) => MaybePromise<void>) | undefined;
  /** Bytes of the longest value that is tried.
   * @defaultValue 1000000 */
  readonly maxValueBytes?: number | undefined;
  /** Bytes of the longest key that is tried. The library's keys hold two URLs at most.
   * @defaultValue 65536 */
  readonly maxKeyBytes?: number | undefined;
  /** How many keys are stored at once.
   * @defaultValue 10000 */
  readonly maxKeys?: number | undefined;
  /** Whether U+0000 may be in keys and values, which a PostgreSQL `text` cannot hold. The library writes none.
   * @defaultValue true */
  readonly nulCharacters?: boolean | undefined;
}

/**
 * Declares the tests that a {@link KVStore} must pass to keep the library's records, one call of `test` each. Run it on a store of
 * your own; it brings no assertions and no test runner with it.
 *
 * @remarks
 * Every test works on a name of its own, so that they may run at the same time. It wants to find nothing there, cleans nothing up
 * afterwards, and needs real timers. What the library does not need is not tested: empty keys, empty values, lone surrogates.
 *
 * @param test - the `test` of vitest, `node:test`, Jest or Mocha; wrap it to give slow stores more time
 * @param createStore - makes a store; the same name must lead to the same data, another name to other data
 * @param options - limits of the store, and what it must be able to do
 * @example
 * ```ts
 * const tables = new Map<string, Map<string, string>>();
 * kvStoreContract(test, (name) => {
 *   const table = tables.get(name) ?? new Map<string, string>();
 *   tables.set(name, table);
 *   return table;
 * });
 * ```
 * @public
 */
export function kvStoreContract(
  test: TestFunction,
  createStore: (name: string) => MaybePromise<KVStore>,
  options: KVStoreContractOptions = {},
): void {
  const limits: ContractLimits = {
    abilities: options.abilities ?? [],
    expiry: options.expiry ?? false,
    now: options.now ?? currentTime,
    advance: options.advance,
    maxValueBytes: options.maxValueBytes ?? 1_000_000,
    maxKeyBytes: options.maxKeyBytes ?? 65_536,
    maxKeys: options.maxKeys ?? 10_000,
    nulCharacters: options.nulCharacters ?? true,
  };
  for (const [index, { name, body }] of [...basicCases(limits), ...abilityCases(limits)].entries()) {
    test(name, () => body(async () => createStore(`contract-${index + 1}`), limits));
  }
}
