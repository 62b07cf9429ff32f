import { describe, expect, it, vi } from "vitest";
import type { FakeAuthServer } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { Host } from "../support/host.js";
import { approvedBy, createHost, failureOf, until, viewOf } from "../support/host.js";
import { DAY, STATE, TOKENS } from "../support/refresh.js";

describe("a store in trouble", () => {
  it("that hangs gives the lock back: before the token request nothing is lost", async () => {
    await withHangingStore(STATE, async ({ session, server, release }) => {
      const work = failureOf(session.getAccessToken());
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await work).toMatchObject({ code: "store_failed", key: TOKENS });
      release();
      await vi.advanceTimersByTimeAsync(1);
      expect(server.counts.refresh).toBe(0);
      expect(await session.getAccessToken()).toBeTypeOf("string");
    });
  });

  it("that hangs gives the lock back: after the token request the tokens are kept and written next", async () => {
    await withHangingStore(TOKENS, async ({ session, server, release, backing }) => {
      const work = failureOf(session.getAccessToken());
      await until(() => server.counts.refresh === 1);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await work).toMatchObject({ code: "store_failed", key: TOKENS });
      release();
      const accessToken = await session.getAccessToken();
      expect(backing.get(TOKENS)).toContain(accessToken);
      expect(server.counts.refresh).toBe(1);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  it("that hangs before the answer can be written does not cost it: it is written next", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = createFakeAuthServer();
      const backing = new Map<string, string>();
      let hangs = false;
      const get = (key: string) => (hangs ? new Promise<never>(() => undefined) : backing.get(key));
      const { session } = createHost(server, { store: { ...viewOf(backing), get } });
      await session.authorize(approvedBy(server));
      server.advance(DAY);
      server.faults.add({ endpoint: "refresh", fault: (_, answer) => ((hangs = true), answer()) });
      const work = failureOf(session.getAccessToken());
      await until(() => server.counts.refresh === 1);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await work).toMatchObject({ code: "store_failed", key: TOKENS });
      hangs = false;
      const accessToken = await session.getAccessToken();
      expect(backing.get(TOKENS)).toContain(accessToken);
      expect(server.counts.refresh).toBe(1);
      // what hung must not write what is old by then
      const theirs = await createHost(server, { store: viewOf(backing) }).session.authorize(approvedBy(server));
      await vi.advanceTimersByTimeAsync(30_000);
      expect(backing.get(TOKENS)).toContain(theirs.accessToken);
    } finally {
      vi.useRealTimers();
    }
  });

  interface Hanging extends Host {
    readonly server: FakeAuthServer;
    readonly backing: Map<string, string>;
    readonly release: () => void;
  }

  /** An expired session whose store does not answer when `key` is written. */
  async function withHangingStore(key: string, body: (hanging: Hanging) => Promise<void>) {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = createFakeAuthServer();
      const backing = new Map<string, string>();
      let hangs = false;
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => {
        release = () => {
          hangs = false;
          resolve();
        };
      });
      const set = async (one: string, value: string) => {
        if (hangs && one === key) await gate;
        backing.set(one, value);
      };
      const host = createHost(server, { store: { ...viewOf(backing), set } });
      await host.session.authorize(approvedBy(server));
      server.advance(DAY);
      hangs = true;
      await body({ ...host, server, backing, release });
    } finally {
      vi.useRealTimers();
    }
  }
});
