import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { createAuthClient } from "../../src/index.js";
import { createRedisStore } from "../../src/redis.js";
import type { KVStore, RedisClientLike, RedisStoreOptions } from "../../src/redis.js";
import { kvStoreContract } from "../../src/testing.js";
import { describeWithService } from "../support/service.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

// long enough for a busy machine, which has a third of it for an answer; the tests wait for it side by side
const LOCK_TTL_MS = 6_000;

function createGate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

describeWithService("Redis", "REDIS_URL", (url) => {
  /** Has something closed later: at the end of a test, or of all. */
  type AtEnd = (close: () => unknown) => void;

  async function openNodeRedis(address: string, atEnd: AtEnd, keepsNothing = false): Promise<RedisClientLike> {
    const client = createClient({
      url: address,
      disableOfflineQueue: keepsNothing,
      socket: { reconnectStrategy: 20 },
    });
    client.on("error", () => undefined);
    await client.connect();
    atEnd(() => client.destroy());
    return client;
  }
  async function openIoredis(address: string, atEnd: AtEnd, keepsNothing = false): Promise<RedisClientLike> {
    const client = new Redis(address, {
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
      lazyConnect: true,
      enableOfflineQueue: !keepsNothing,
      autoResendUnfulfilledCommands: !keepsNothing,
    });
    client.on("error", () => undefined);
    await client.connect();
    atEnd(() => client.disconnect());
    return client;
  }

  describe.each([
    ["node-redis", openNodeRedis, openNodeRedis],
    ["ioredis", openIoredis, openIoredis],
    ["one of each", openNodeRedis, openIoredis],
  ])("with %s the store keeps its contract", (_name, openOne, openOther) => {
    const run = randomUUID();
    const clients: RedisClientLike[] = [];
    const closings: (() => unknown)[] = [];
    const atEnd: AtEnd = (close) => void closings.push(close);
    let turn = 0;
    beforeAll(async () => void clients.push(await openOne(url, atEnd), await openOther(url, atEnd)));
    afterAll(async () => {
      for (const close of closings) await close();
    });
    kvStoreContract(
      it,
      (name) => {
        const client = clients[(turn += 1) % 2];
        if (client === undefined) throw new Error("there is no client");
        return createRedisStore(client, { prefix: `${run}:${name}:` });
      },
      { abilities: ["take", "keys", "withLock"], expiry: true },
    );
  });

  describe.concurrent.each([
    ["node-redis", openNodeRedis],
    ["ioredis", openIoredis],
  ])("with %s", (_name, open) => {
    interface Setting {
      readonly prefix: string;
      readonly proxy: TcpProxy;
      /** Its connection goes through the proxy. */
      readonly store: KVStore & Required<Pick<KVStore, "withLock">>;
      /** On a connection of its own. */
      readonly other: KVStore & Required<Pick<KVStore, "withLock">>;
      readonly redis: Redis;
      readonly client: RedisClientLike;
    }

    async function arrange(
      { onTestFinished }: TestContext,
      options: RedisStoreOptions = {},
      keepsNothing = false,
    ): Promise<Setting> {
      const atEnd: AtEnd = (close) =>
        onTestFinished(async () => {
          await close();
        });
      const { hostname, port } = new URL(url);
      const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
      atEnd(() => proxy.close());
      const client = await open(`redis://127.0.0.1:${proxy.port}`, atEnd, keepsNothing);
      const redis = new Redis(url);
      atEnd(() => redis.disconnect());
      const prefix = `${randomUUID()}:`;
      const settings = { prefix, lockTtlMs: LOCK_TTL_MS, ...options };
      const make = (each: RedisClientLike) => createRedisStore(each, settings) as Setting["store"];
      return { prefix, proxy, store: make(client), other: make(await open(url, atEnd)), redis, client };
    }

    const aborted = (lease: AbortSignal): Promise<string> =>
      new Promise((resolve) => lease.addEventListener("abort", () => resolve(String(lease.reason)), { once: true }));
    const errorOf = (work: unknown): Promise<unknown> =>
      Promise.resolve(work).then(
        () => undefined,
        (error: unknown) => error,
      );

    it("keeps the time to live with the value", async (context) => {
      const { store, redis, prefix } = await arrange(context);
      const expiresAt = Date.now() + 600_000;
      await store.set("key", "value", { expiresAt: expiresAt - 0.5 });
      expect(await redis.pexpiretime(`${prefix}record:key`)).toBe(expiresAt);
      await store.set("key", "value");
      expect(await redis.pexpiretime(`${prefix}record:key`)).toBe(-1);
    });

    it("renews a lock for as long as its task runs, and then gives it back", async (context) => {
      const { store, other, redis, prefix } = await arrange(context);
      const order: string[] = [];
      let waiting: Promise<unknown> = Promise.resolve();
      await store.withLock("lock", async (lease) => {
        waiting = other.withLock("lock", async () => order.push("the other"));
        // every third of its time, so that the fourth comes when the time of the first is long over
        for (let renewals = 0, before = LOCK_TTL_MS; renewals < 4;) {
          const left = await redis.pttl(`${prefix}lock:lock`);
          expect(left).toBeGreaterThan(0);
          if (left > before) renewals += 1;
          before = left;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        expect(lease.aborted).toBe(false);
        order.push("the first");
      });
      await waiting;
      expect(order).toEqual(["the first", "the other"]);
      expect(await redis.exists(`${prefix}lock:lock`)).toBe(0);
    });

    it.for(["cut", "block"] as const)(
      "a holder whose connection is lost (%s) knows that before anybody else gets the lock, and leaves it to them",
      async (loss, context) => {
        const { store, other, proxy, redis, prefix } = await arrange(context);
        const order: string[] = [];
        const [started, ended] = [createGate(), createGate()];
        const held = store.withLock("lock", async (lease) => {
          proxy[loss]();
          started.open();
          order.push(await aborted(lease));
          await ended.opened;
        });
        await started.opened;
        const taken = other.withLock("lock", async (lease) => {
          order.push("the other");
          proxy.restore();
          ended.open();
          await held;
          order.push(`still there: ${await redis.exists(`${prefix}lock:lock`)}, lost: ${String(lease.aborted)}`);
        });
        await taken;
        expect(order).toEqual([expect.stringContaining("lost"), "the other", "still there: 1, lost: false"]);
      },
    );

    it("a lock that somebody took away is lost, and not taken back", async (context) => {
      const { store, redis, prefix } = await arrange(context);
      await store.withLock("lock", async (lease) => {
        await redis.set(`${prefix}lock:lock`, "somebody else", "PX", 60_000);
        expect(await aborted(lease)).toContain("lost");
      });
      expect(await redis.get(`${prefix}lock:lock`)).toBe("somebody else");
    });

    it.for(["cut", "block"] as const)(
      "without a connection (%s) it refuses, and answers again with one",
      async (loss, context) => {
        const { store, proxy } = await arrange(context);
        await store.set("key", "value");
        proxy[loss]();
        const works = [store.get("key"), store.set("key", "later"), store.withLock("lock", async () => "ran")];
        for (const error of await Promise.all(works.map(errorOf)))
          expect(String(error)).toMatch(/^Error: Redis did not do (?:GET|SET|EVAL): /);
        proxy.restore();
        await context.expect.poll(() => store.get("key")).toMatch(/value|later/);
        expect(await store.withLock("lock", async () => "ran")).toBe("ran");
      },
    );

    it("whoever waits behind a connection that hangs can be aborted, and the lock it gets all the same comes free", async (context) => {
      const { store, other, proxy, redis, prefix } = await arrange(context, { lockTtlMs: 60_000 });
      const controller = new AbortController();
      proxy.block();
      const waiting = store.withLock("lock", async () => "ran", { signal: controller.signal });
      const reason = new Error("changed its mind");
      controller.abort(reason);
      expect(await errorOf(waiting)).toBe(reason);
      proxy.restore();
      await store.get("key");
      await context.expect.poll(() => redis.exists(`${prefix}lock:lock`)).toBe(0);
      expect(await other.withLock("lock", async () => "ran")).toBe("ran");
    });

    it("a lock whose owner died comes free when its time is over", async (context) => {
      const { store, other, proxy, redis, prefix } = await arrange(context);
      const started = createGate();
      const held = store.withLock("lock", (lease) => {
        started.open();
        return aborted(lease);
      });
      await started.opened;
      proxy.cut();
      expect(await redis.pttl(`${prefix}lock:lock`)).toBeLessThanOrEqual(LOCK_TTL_MS);
      expect(await other.withLock("lock", async () => "ran")).toBe("ran");
      await held;
    });

    it("a command that the client sends again, as it had no answer, gets the lock at once", async (context) => {
      const { prefix } = await arrange(context);
      const client = new Redis(url);
      context.onTestFinished(() => client.disconnect());
      const twice: RedisClientLike = {
        async call(...command) {
          await client.call(...command);
          return await client.call(...command);
        },
      };
      const store = createRedisStore(twice, { prefix, lockTtlMs: 60_000 }) as Setting["store"];
      for (const round of [1, 2]) expect(await store.withLock("lock", async () => round)).toBe(round);
    });

    it("what it has given up is not done later over what another wrote, if its client keeps no commands", async (context) => {
      // as docs/stores.md wants it
      const { store, other, proxy } = await arrange(context, {}, true);
      await store.set("key", "old");
      proxy.block();
      expect(String(await errorOf(store.set("key", "given up")))).toContain("no answer");
      await other.set("key", "newer");
      proxy.cut();
      const isBack = async () => (await errorOf(store.get("unrelated"))) === undefined;
      await context.expect.poll(isBack).toBe(false);
      proxy.restore();
      await context.expect.poll(isBack).toBe(true);
      expect(await other.get("key")).toBe("newer");
    });

    it("its errors hold no arguments", async (context) => {
      const { store, redis, prefix } = await arrange(context);
      await redis.lpush(`${prefix}record:state-1234`, "a list");
      const error = await errorOf(store.get("state-1234"));
      expect(inspect(error, { depth: 9 })).toContain("WRONGTYPE");
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("state-1234");
    });

    it("a session whose store has no connection fails with `store_failed`, and works again with one", async (context) => {
      const { store, proxy } = await arrange(context);
      const session = createAuthClient({ clientMetadata: { client_name: "Example" }, store }).session(
        "https://mcp.example.com/mcp",
      );
      proxy.cut();
      expect(await errorOf(session.getAccessToken())).toMatchObject({ code: "store_failed" });
      proxy.restore();
      await context.expect.poll(() => errorOf(session.getAccessToken())).toBeUndefined();
    });
  });
});
