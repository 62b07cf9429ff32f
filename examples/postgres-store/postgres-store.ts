// A store in PostgreSQL 11 or newer, to copy into a host:
//
//   const settings = { connectionString, connectionTimeoutMillis: 5000, query_timeout: 5000 };
//   const store = await createPostgresStore(new Pool(settings), new Pool(settings)); // of the package pg
//
// A lock is an advisory lock of a connection of its own: the server frees it when that ends, however the process died. They come from
// a second pool, so that no holder waits for a connection that another holder keeps; its `max` is how many sessions of this process
// refresh or log in at the same time. What stands between it and the server must not share connections among transactions. Both
// lead to the primary: a replica lags behind, and the next holder of a lock would read the token that the last one used up.
import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { KVStore } from "mcp-oauth-client";
import type { Pool, PoolClient } from "pg";

const SCHEMA = `create table if not exists mcp_oauth
  (id text primary key, key text not null, value text not null, expires_at timestamptz)`;
const UPSERT = `insert into mcp_oauth values ($1, $2, $3, to_timestamp($4::float8 / 1000))
  on conflict (id) do update set value = excluded.value, expires_at = excluded.expires_at`;
const VALID = "(expires_at is null or expires_at > now())";
const LOCK = "select pg_try_advisory_lock(hashtextextended('mcp_oauth ' || $1, 0)) as held";
// a machine without a connection knows after 5 seconds, and the server frees its locks after 9
const [HEARTBEAT_MS, NO_ANSWER_MS] = [2000, 3000];
const KEEPALIVE = "set tcp_keepalives_idle = 3; set tcp_keepalives_interval = 3; set tcp_keepalives_count = 2";
// no index holds keys of any length
const idOf = (key: string): string => createHash("sha256").update(key).digest("hex");

export async function createPostgresStore(pool: Pool, lockPool: Pool): Promise<KVStore> {
  await pool.query(SCHEMA);
  const valueOf = async (sql: string, key: string): Promise<string | undefined> =>
    (await pool.query<{ value: string }>(sql, [idOf(key)])).rows[0]?.value;
  return {
    get: (key) => valueOf(`select value from mcp_oauth where id = $1 and ${VALID}`, key),
    set: (key, value, { expiresAt } = {}) => pool.query(UPSERT, [idOf(key), key, value, expiresAt]),
    delete: (key) => pool.query("delete from mcp_oauth where id = $1", [idOf(key)]),
    take: (key) => valueOf(`delete from mcp_oauth where id = $1 and ${VALID} returning value`, key),
    async *keys(prefix) {
      const sql = `select key from mcp_oauth where starts_with(key, $1) and ${VALID}`;
      for (const { key } of (await pool.query<{ key: string }>(sql, [prefix])).rows) yield key;
    },
    async withLock(key, task, { signal } = {}) {
      for (;;) {
        signal?.throwIfAborted();
        const client = await lockPool.connect();
        const lost = new AbortController();
        const lose = (error: Error): void => lost.abort(error);
        client.on("error", lose);
        let mayHold = true;
        try {
          await client.query(KEEPALIVE);
          const { rows } = await client.query<{ held: boolean }>(LOCK, [key]);
          signal?.throwIfAborted();
          mayHold = rows[0]?.held !== false;
          if (mayHold) return await task(lost.signal).finally(watch(client, lose));
        } finally {
          client.release(mayHold); // closes the connection, and so frees the lock
          client.off("error", lose);
        }
        await wait(50 + 100 * Math.random(), undefined, { signal }).catch(() => signal?.throwIfAborted());
      }
    },
  };
}

/** Asks for a sign of life, again and again until the returned function is called. */
function watch(client: PoolClient, lose: (error: Error) => void): () => void {
  const heartbeat = setInterval(() => {
    const late = setTimeout(lose, NO_ANSWER_MS, new Error("PostgreSQL does not answer"));
    client
      .query("select 1")
      .finally(() => clearTimeout(late))
      .catch(lose);
  }, HEARTBEAT_MS);
  return () => clearInterval(heartbeat);
}
