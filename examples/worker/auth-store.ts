// A store for all isolates: a Durable Object is one object on one machine, so that its lock holds everywhere. Worker KV is not for
// this: it may answer with what was there a minute ago, and an old refresh token looks like a stolen one.
import { DurableObject } from "cloudflare:workers";
import type { KVStore } from "mcp-oauth-client";

interface Entry {
  readonly value: string;
  readonly expiresAt: number | undefined;
}

export class AuthStore extends DurableObject {
  readonly leaseMs: number = 9_000;
  readonly #queues = new Map<string, Promise<unknown>>();

  async get(key: string): Promise<string | undefined> {
    const entry = await this.ctx.storage.get<Entry>(key);
    if (entry?.expiresAt === undefined || entry.expiresAt > Date.now()) return entry?.value;
    await this.delete(key);
    return undefined;
  }
  set(key: string, value: string, expiresAt?: number): Promise<void> {
    return this.ctx.storage.put(key, { value, expiresAt } satisfies Entry);
  }
  async delete(key: string): Promise<void> {
    await this.ctx.storage.delete(key);
  }
  async take(key: string): Promise<string | undefined> {
    const value = await this.get(key);
    return (await this.ctx.storage.delete(key)) ? value : undefined;
  }
  /** Runs one task at a time for each key; an isolate that has gone ends its task. */
  async withLock(key: string, task: () => Promise<void>): Promise<void> {
    const before = this.#queues.get(key) ?? this.#endOfLease(key);
    const mine = before.then(() => this.#hold(key, task));
    const tail = mine.catch(() => undefined);
    this.#queues.set(key, tail);
    await mine.finally(() => {
      if (this.#queues.get(key) === tail) this.#queues.delete(key);
    });
  }
  /** A restart loses the queue while a holder may be waiting for its tokens; what is stored outlives it, and so the lease is stored. */
  async #endOfLease(key: string): Promise<void> {
    const until = (await this.ctx.storage.get<number>(`lock:${key}`)) ?? 0;
    await new Promise((resolve) => setTimeout(resolve, Math.min(until - Date.now(), this.leaseMs)));
  }
  async #hold(key: string, task: () => Promise<void>): Promise<void> {
    const renew = (): Promise<void> => this.ctx.storage.put(`lock:${key}`, Date.now() + this.leaseMs);
    await renew();
    const renewal = setInterval(() => void renew(), this.leaseMs / 3);
    try {
      await task();
    } finally {
      clearInterval(renewal);
      await this.ctx.storage.delete(`lock:${key}`);
    }
  }
}

/** The Durable Object as the library takes it. Each call has a stub of its own, since one that met a restart never works again. */
export const storeOf = (stub: () => AuthStore): KVStore => ({
  get: (key) => stub().get(key),
  set: (key, value, options) => stub().set(key, value, options?.expiresAt),
  delete: (key) => stub().delete(key),
  take: (key) => stub().take(key),
  async withLock<T>(key: string, task: (lease: AbortSignal) => Promise<T>): Promise<T> {
    const lease = new AbortController();
    let outcome: Promise<T> | undefined;
    // the task stays in this isolate; the object calls it when it is its turn
    const run = async (): Promise<void> => {
      outcome = task(lease.signal);
      await outcome.catch(() => undefined);
    };
    await stub()
      .withLock(key, run)
      .catch((error: unknown) => {
        lease.abort(error);
        if (outcome === undefined) throw error;
      });
    return await (outcome as unknown as Promise<T>);
  },
});
