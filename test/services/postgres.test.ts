import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createPostgresStore } from "../../examples/postgres-store/postgres-store.ts";
import type { KVStore } from "../../src/index.js";
import { kvStoreContract } from "../../src/testing.js";
import { describeWithService } from "../support/service.ts";

describeWithService("PostgreSQL", "DATABASE_URL", (connectionString) => {
  const pools: pg.Pool[] = [];
  const admin = new pg.Pool({ connectionString });
  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.end()));
  });
  afterAll(() => admin.end());

  function createPool(schema: string, max: number): pg.Pool {
    const pool = new pg.Pool({ connectionString, max, options: `-c search_path="${schema}"` });
    pool.on("error", () => undefined);
    pools.push(pool);
    return pool;
  }
  /** Stores that are opened under one name share a schema. */
  async function openStore(name: string): Promise<KVStore & Required<Pick<KVStore, "withLock">>> {
    await admin.query(`create schema if not exists "${name}"`);
    return (await createPostgresStore(createPool(name, 5), createPool(name, 70))) as Awaited<
      ReturnType<typeof openStore>
    >;
  }

  describe("the example store keeps the contract", () => {
    const run = randomUUID();
    kvStoreContract(it, (name) => openStore(`${run}-${name}`), {
      abilities: ["take", "keys", "withLock"],
      expiry: true,
      nulCharacters: false,
    });
  });

  it("a lock whose connection ended is lost for its holder, and free for another", async () => {
    const name = randomUUID();
    const [store, other] = [await openStore(name), await openStore(name)];
    const order: string[] = [];
    await store.withLock("lock", async (lease) => {
      const lost = new Promise((resolve) => lease.addEventListener("abort", resolve));
      await admin.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'");
      await lost;
      order.push("lost");
      await other.withLock("lock", async () => order.push("the other"));
    });
    expect(order).toEqual(["lost", "the other"]);
  });
});
