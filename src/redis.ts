export { createRedisStore } from "./redis/redis-store.js";
export type { RedisStoreOptions } from "./redis/redis-store.js";
export type { RedisClientLike } from "./redis/redis-commands.js";

export type { KVSetOptions, KVStore, LockOptions, MaybePromise } from "./index.js";
