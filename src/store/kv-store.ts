import type { ClientRegistration, MaybePromise, TokenSet } from "../types.js";

/** Options of {@link KVStore.withLock}. @public */
export interface LockOptions {
  /** Ends the waiting for the lock; the promise rejects with `signal.reason`. A task that has begun is not ended by it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where the library keeps its records: strings by key, with as few demands as a `Map`, `localStorage`, Redis, a file system or
 * a SQL table can meet. The values hold secrets.
 *
 * @remarks
 * Everything the library stores is a versioned envelope of its own; a store neither reads nor changes it. Missing values are
 * `null` or `undefined`. `expiresAt` is a hint for tidying up: the library checks expiry itself.
 *
 * @example A Map will do
 * ```ts
 * const store: KVStore = new Map<string, string>();
 * ```
 * @public
 */
export interface KVStore {
  /** The value, or `null` or `undefined` when there is none. */
  get(key: string): MaybePromise<string | null | undefined>;
  /** Replaces the value in one step: a reader sees the old or the new one. Awaited, its result is ignored. */
  set(key: string, value: string, options?: KVSetOptions): unknown;
  /** Deletes, or does nothing when there is no such key. Awaited, its result is ignored. */
  delete(key: string): unknown;
  /** Runs `task` while nobody else who shares the store runs a task under the same key; it reads what the one before wrote. `lease` is
   * aborted when the lock was lost. */
  withLock?<T>(key: string, task: (lease: AbortSignal) => Promise<T>, options?: LockOptions): Promise<T>;
  /** Gets and deletes in one step, so that of several callers one gets the value. */
  take?(key: string): MaybePromise<string | null | undefined>;
  /** The keys that start with `prefix`, in any order. Callers compare the prefix again, as a `Map` lists all of its keys. */
  keys?(prefix: string): Iterable<string> | AsyncIterable<string>;
}

/** Options of {@link KVStore.set}. @public */
export interface KVSetOptions {
  /** Milliseconds since the epoch after which the value is of no use. */
  readonly expiresAt?: number | undefined;
}

/** Whose tokens, and for what. @public */
export interface TokenKey {
  /** URL of the MCP server: canonical where the library says it; in any spelling for {@link createTokenStore}. */
  readonly serverUrl: string;
  /** The host's own id of the user or account. */
  readonly subject?: string | undefined;
  /** Id of the grant that obtains them; absent when a user logs in. */
  readonly grant?: string | undefined;
}

/** Which client registration. @public */
export interface RegistrationKey {
  /** The issuer that knows the client. */
  readonly issuer: string;
  /** The redirect URI it logs in with; the port does not count on loopback. */
  readonly redirectUri: string;
}

/**
 * The typed seam, for hosts that keep tokens and registrations in tables of their own. Locks, pending logins and cached
 * metadata stay in the {@link KVStore}.
 *
 * @public
 */
export interface TokenStore {
  /** The tokens, or `null` or `undefined` when there are none. */
  getTokens(key: TokenKey): MaybePromise<TokenSet | null | undefined>;
  /** Replaces the tokens in one step. When it resolves they are durable, as the old refresh token may be dead, and are what every
   * process reads. */
  setTokens(key: TokenKey, tokens: TokenSet): MaybePromise<void>;
  /** Deletes the tokens, or does nothing when there are none. */
  deleteTokens(key: TokenKey): MaybePromise<void>;
  /** The registration, or `null` or `undefined` when there is none. */
  getClientRegistration(key: RegistrationKey): MaybePromise<ClientRegistration | null | undefined>;
  /** Replaces the registration; it outlives the tokens. */
  setClientRegistration(key: RegistrationKey, registration: ClientRegistration): MaybePromise<void>;
  /** Deletes the registration, or does nothing when there is none. */
  deleteClientRegistration(key: RegistrationKey): MaybePromise<void>;
}
