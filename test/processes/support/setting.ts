import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "redis";
import { describe } from "vitest";
import { createFakeAuthServer, type FakeAuthServer } from "../../../src/testing.js";
import { serve } from "../../support/serve.js";
import { describeWithService } from "../../support/service.js";
import type { StoreSpec } from "./store-spec.ts";

/** Whether to run as long as it takes to be sure, rather than as long as fits every change. */
export const isLong = process.env["PROCESSES"] === "long";

type StoreKind = "file" | "redis";

/** Declares tests for each kind of store that processes can share. */
export function describeStores(body: (kind: StoreKind) => void): void {
  describe("file store", () => body("file"));
  describeWithService("Redis", "REDIS_URL", () => body("redis"));
}

export interface Setting {
  readonly server: FakeAuthServer;
  readonly spec: StoreSpec;
  /** The same store for a process that will be killed, and cannot release its lock: that comes free soon in Redis, too. */
  readonly specOfMortals: StoreSpec;
  /** Resolves when no request is being answered and no connection is open. */
  idle(): Promise<void>;
  /** Lets every lock expire that is held just now, where that is what ends the lock of the dead: in Redis. */
  expireLocks(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A server that rotates refresh tokens and ends the family on reuse, on loopback, and an empty store.
 */
export async function createSetting(kind: StoreKind): Promise<Setting> {
  const directory = mkdtempSync(join(tmpdir(), "processes-"));
  let server: FakeAuthServer | undefined;
  const served = await serve((origin) => {
    const made = createFakeAuthServer({ serverUrl: `${origin}/mcp`, issuer: origin, consentPage: false });
    server = made;
    // its clock is ahead, and clients go by what it says
    return (request) => made.fetch(request);
  });
  if (server === undefined) throw new Error("there is no server");
  const url = process.env["REDIS_URL"] ?? "";
  const prefix = `${randomUUID()}:`;
  const spec = kind === "file" ? `file:${join(directory, "store")}` : `redis:${url}#prefix=${prefix}`;
  return {
    server,
    spec,
    specOfMortals: kind === "file" ? spec : `${spec}&lockTtlMs=2000`,
    idle: () => served.idle(),
    async expireLocks() {
      if (kind === "file") return;
      const redis = await createClient({ url }).connect();
      const locks = await redis.keys(`${prefix}lock:*`);
      if (locks.length > 0) await redis.del(locks);
      redis.destroy();
    },
    async [Symbol.asyncDispose]() {
      await served.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Prints a figure where it is seen in every run. */
export function report(what: string, figures: string): void {
  console.log(`${what.padEnd(58)} ${figures}`);
}

export const milliseconds = (values: readonly number[]): string => {
  const sorted = [...values].sort((one, other) => one - other);
  const [median, most] = [sorted[Math.floor(sorted.length / 2)] ?? 0, sorted.at(-1) ?? 0];
  return `${median.toFixed(0)} ms median, ${most.toFixed(0)} ms at most`;
};
