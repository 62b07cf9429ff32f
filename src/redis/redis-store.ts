import type { KVStore } from "../index.js";
import type { RedisClientLike } from "./redis-commands.js";
import { commandsOf } from "./redis-commands.js";
import { createRedisLock } from "./redis-lock.js";

/** Options of {@link createRedisStore}. @public */
export interface RedisStoreOptions {
  /** Put before every key, so that several applications may share a Redis. All processes of one application need the same.
   * @defaultValue `mcp-oauth:` */
  readonly prefix?: string | undefined;
  /** Milliseconds after which the lock of a process that died comes free. A living one renews it every third of that time, and a
   * command that has no answer by then is given up.
   * @defaultValue 9000 */
  readonly lockTtlMs?: number | undefined;
}

/**
 * Makes a store in Redis, which processes on any number of machines share: of all that need a refresh or a login at the same time one
 * does it, and the others take over what it stored.
 *
 * @remarks
 * Redis 6.2 or newer, or what speaks its protocol. The values hold tokens and secrets as they are. `client` stays the host's: the
 * store neither connects nor closes it.
 *
 * What Redis does not do or does not answer is thrown, and reaches the host as a `StoreError`: nobody is logged out because a
 * connection was lost. A client that keeps commands while it has none (the default of both) lets writes happen after they were
 * reported as failed, even over newer tokens, so turn that off: `disableOfflineQueue` of node-redis, `enableOfflineQueue` and
 * `autoResendUnfulfilledCommands` of ioredis.
 *
 * A lock is a key with a time to live, which one owner sets and only that owner renews or deletes. One that the primary acknowledged is
 * lost when a replica takes its place before it heard of it, or when it restarts without it: two processes may then refresh at once.
 * The client has to read from the primary, too: the next holder of a lock looks for what the last one wrote.
 *
 * @param client - a connected client of node-redis or ioredis; not of a cluster, and without ioredis' own `keyPrefix`
 * @param options - prefix of the keys, and the time to live of locks
 * @throws TypeError when an argument cannot be used.
 * @example
 * ```ts
 * const redis = await createClient({ url: "redis://localhost:6379", disableOfflineQueue: true }).connect();
 * const client = createAuthClient({ clientMetadata: { client_name: "Example" }, store: createRedisStore(redis) });
 * ```
 * @public
 */
export function createRedisStore(client: RedisClientLike, options: RedisStoreOptions = {}): KVStore {
  const { prefix = "mcp-oauth:", lockTtlMs = 9000 } = options;
  checkClient(client);
  if (!Number.isInteger(lockTtlMs) || lockTtlMs < 300) {
    throw new TypeError("lockTtlMs must be an integer of at least 300 milliseconds");
  }
  const send = commandsOf(client, lockTtlMs);
  const sendForLock = commandsOf(client, lockTtlMs / 3);
  // apart from each other, so that no value has the name of a lock
  const [records, locks] = [`${prefix}record:`, `${prefix}lock:`];

  return Object.freeze<KVStore>({
    get: async (key) => textOf(await send("GET", records + key), "GET"),
    async set(key, value, { expiresAt = Infinity } = {}) {
      const expiry = Math.max(1, Math.ceil(expiresAt));
      const expires = Number.isSafeInteger(expiry) ? ["PXAT", String(expiry)] : [];
      const answer = textOf(await send("SET", records + key, value, ...expires), "SET");
      // a client within a transaction is told "QUEUED"
      if (answer !== "OK") throw new Error(`Redis did not do SET: ${JSON.stringify(answer)}`);
    },
    async delete(key) {
      await send("DEL", records + key);
    },
    take: async (key) => textOf(await send("GETDEL", records + key), "GETDEL"),
    async *keys(start) {
      const pattern = `${(records + start).replace(/[*?[\]\\]/g, "\\$&")}*`;
      // a key may come several times while Redis rearranges its table
      const seen = new Set<string>();
      for (let cursor = "0", page: readonly string[]; ;) {
        [cursor, page] = (await send("SCAN", cursor, "MATCH", pattern, "COUNT", "1000")) as [string, readonly string[]];
        for (const key of page) {
          if (!seen.has(key)) yield key.slice(records.length);
          seen.add(key);
        }
        if (cursor === "0") return;
      }
    },
    async withLock(key, task, { signal } = {}) {
      const lock = createRedisLock(sendForLock, locks + key, lockTtlMs);
      await lock.acquire(signal);
      try {
        return await task(lock.lease);
      } finally {
        await lock.release();
      }
    },
  });
}

/** What is no text was made by a setting of the client, and must not pass for a missing value. */
function textOf(answer: unknown, command: string): string | undefined {
  if (answer === null) return undefined;
  if (typeof answer === "string") return answer;
  throw new TypeError(`client must answer ${command} with a string or null, and answered with ${typeof answer}`);
}

function checkClient(client: unknown): void {
  const { call, sendCommand, isCluster, slots, options } = (client ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof call !== "function" && typeof sendCommand !== "function") {
    throw new TypeError("client must have `call` as ioredis has it, or `sendCommand` as node-redis has it");
  }
  if (isCluster === true || slots !== undefined)
    throw new TypeError("client must not be the client of a cluster: its SCAN sees one node");
  if ((options as { readonly keyPrefix?: unknown } | undefined)?.keyPrefix) {
    throw new TypeError("client must not have a keyPrefix, which SCAN does not know: use the store's option prefix");
  }
}
