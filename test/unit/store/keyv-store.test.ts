import Keyv from "keyv";
import { describe, expect, it } from "vitest";
import { createKeyvStore, type KeyvLike } from "../../../src/index.js";
import { createFakeAuthServer, kvStoreContract } from "../../../src/testing.js";
import { approvedBy, createHost, failureOf } from "../../support/host.ts";

describe("over Keyv 5", () => {
  const databases = new Map<string, Map<unknown, unknown>>();
  const open = (name: string): Keyv => {
    const database = databases.get(name) ?? new Map<unknown, unknown>();
    databases.set(name, database);
    return new Keyv({ store: database, namespace: "mcp-oauth", throwOnErrors: true });
  };
  kvStoreContract(it, (name) => createKeyvStore(open(name)), { expiry: true });

  it("has neither lock nor take, so that the library does what it can without them", () => {
    expect(Object.keys(createKeyvStore(open("abilities"))).sort()).toEqual(["delete", "get", "set"]);
  });

  it("keeps a login, whose tokens outlive the Keyv's default time", async () => {
    const keyv = new Keyv({ throwOnErrors: true, ttl: 1 });
    const server = createFakeAuthServer();
    await createHost(server, { store: createKeyvStore(keyv) }).session.authorize(approvedBy(server));
    expect(
      [...(keyv.opts.store as Map<string, string>).values()].filter((value) => value.includes('"expires"')),
    ).toEqual([]);
    const { session } = createHost(server, { store: createKeyvStore(keyv) });
    expect(await session.getAccessToken()).toBeDefined();
  });

  it("does not take a failure of the database for a missing value", async () => {
    const broken = Object.assign(new Map(), {
      get: () => {
        throw new Error("the database is gone");
      },
    });
    const store = createKeyvStore(new Keyv({ store: broken, throwOnErrors: true }));
    expect(await failureOf(Promise.resolve(store.get("key")))).toMatchObject({ message: "the database is gone" });
    expect(() => createKeyvStore(new Keyv({ store: broken }))).toThrow(
      '"keyv" must be made with throwOnErrors: true, or its failures would pass for missing values',
    );
  });
});

describe("over a Keyv that tells failures to listeners only, as version 6 does", () => {
  class FailingKeyv implements KeyvLike {
    readonly #listeners: ((error: unknown) => void)[] = [];
    on(_event: "error", listener: (error: unknown) => void): void {
      this.#listeners.push(listener);
    }
    async get(): Promise<undefined> {
      for (const listener of this.#listeners) listener(new Error("the database is gone"));
    }
    set = async (): Promise<boolean> => false;
    delete = (): Promise<undefined> => this.get();
  }

  it("fails as well", async () => {
    const store = createKeyvStore(new FailingKeyv());
    expect(await failureOf(Promise.resolve(store.get("key")))).toMatchObject({ message: "the database is gone" });
    expect(await failureOf(Promise.resolve(store.delete("key")))).toMatchObject({ message: "the database is gone" });
    expect(await failureOf(Promise.resolve(store.set("key", "value")))).toMatchObject({
      message: "Keyv could not store the value",
    });
  });
});

it("hands on what somebody else stored under its key, for the reader to report", async () => {
  const keyv = new Keyv({ throwOnErrors: true });
  await keyv.set("key", { some: "object" });
  expect(await createKeyvStore(keyv).get("key")).toBe('{"some":"object"}');
});

it("stores nothing that has expired already", async () => {
  const keyv = new Keyv({ throwOnErrors: true });
  const store = createKeyvStore(keyv, { now: () => 1_000 });
  await store.set("key", "old");
  await store.set("key", "new", { expiresAt: 1_000 });
  expect(await store.get("key")).toBeUndefined();
});
