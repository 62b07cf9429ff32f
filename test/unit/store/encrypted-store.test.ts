import { describe, expect, it, test, vi } from "vitest";
import type { CryptoKeyLike, IgnoredRecord, KVStore } from "../../../src/index.js";
import { createEncryptedStore, createMemoryStore } from "../../../src/index.js";
import { createFakeAuthServer, kvStoreContract } from "../../../src/testing.js";
import { approvedBy, createHost, failureOf } from "../../support/host.js";

const createKey = (length = 256, usages: KeyUsage[] = ["encrypt", "decrypt"]): Promise<CryptoKey> =>
  crypto.subtle.generateKey({ name: "AES-GCM", length }, false, usages);

const key = await createKey();

/** An encrypted store, what lies beneath it, and what it ignored. */
function open(inner = new Map<string, string>(), keys: CryptoKeyLike | readonly CryptoKeyLike[] = key) {
  const ignored: IgnoredRecord[] = [];
  const store = createEncryptedStore(inner, keys, { onIgnored: (record) => ignored.push(record) });
  return { inner, store, ignored };
}

const DOES_NOT_OPEN = "no key opens it: it was changed, moved here, or encrypted with another key";

describe("keeps the contract of a KVStore", () => {
  let time = 1_750_000_000_000;
  const now = (): number => time;
  const stores = new Map<string, KVStore>();
  kvStoreContract(
    test,
    (name) => {
      const inner = stores.get(name) ?? createMemoryStore({ now });
      stores.set(name, inner);
      return createEncryptedStore(inner, key);
    },
    {
      abilities: ["take", "keys"],
      expiry: true,
      now,
      advance(ms) {
        time += ms;
      },
    },
  );
});

describe("what is stored", () => {
  it("is AES-256-GCM with an IV of 96 random bits and the key of the record as additional data", async () => {
    const { inner, store } = open();
    await store.set("v1:tokens:one", "Grüße");
    const [, encoded = ""] = /^enc:1:([A-Za-z0-9+/]+=*)$/.exec(inner.get("v1:tokens:one") ?? "") ?? [];
    const sealed = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
    const text = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: sealed.slice(0, 12), additionalData: new TextEncoder().encode("v1:tokens:one") },
      key,
      sealed.slice(12),
    );

    expect(new TextDecoder().decode(text)).toBe("Grüße");
  });

  it("shows nothing of the value and is never the same twice, while keys stay readable [spec-101]", async () => {
    const server = createFakeAuthServer();
    const { inner, store } = open();
    const { session } = createHost(server, { store });
    const tokens = await session.authorize(approvedBy(server));
    await store.set("a", "value");
    const before = inner.get("a");
    await store.set("a", "value");

    expect(inner.get("a")).not.toBe(before);
    expect([...inner.values()].every((value) => value.startsWith("enc:1:"))).toBe(true);
    expect(JSON.stringify([...inner])).not.toContain(tokens.accessToken);
    expect([...inner.keys()].some((name) => name.startsWith("v1:tokens:https%3A"))).toBe(true);
    expect(await session.getTokens()).toEqual(tokens);
  });

  it("keeps `expiresAt` for the inner store", async () => {
    const set = vi.fn<KVStore["set"]>();
    const store = createEncryptedStore({ get: () => undefined, set, delete: () => undefined }, key);
    await store.set("a", "value", { expiresAt: 7 });

    expect(set).toHaveBeenCalledWith("a", expect.stringContaining("enc:1:"), { expiresAt: 7 });
  });
});

describe("a value that does not open is a miss, is reported, and stays", () => {
  it("when it was moved from another key", async () => {
    const { inner, store, ignored } = open();
    await store.set("v1:tokens:mallory", "tokens of Mallory");
    const moved = inner.get("v1:tokens:mallory") ?? "";
    inner.set("v1:tokens:alice", moved);

    expect(await store.get("v1:tokens:alice")).toBeUndefined();
    expect(ignored).toEqual([{ key: "v1:tokens:alice", reason: DOES_NOT_OPEN }]);
    expect(inner.get("v1:tokens:alice")).toBe(moved);
    expect(await store.get("v1:tokens:mallory")).toBe("tokens of Mallory");
  });

  it("when any one bit of it was changed", async () => {
    const { inner, store, ignored } = open();
    await store.set("a", "value");
    const bytes = Uint8Array.from(atob(inner.get("a")?.slice(6) ?? ""), (char) => char.charCodeAt(0));
    const opened: number[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      inner.set("a", `enc:1:${btoa(String.fromCharCode(...flipped))}`);
      if ((await store.get("a")) !== undefined) opened.push(bit);
    }

    expect(opened).toEqual([]);
    expect(ignored).toHaveLength(bytes.length * 8);
  });

  it("when it was cut anywhere, or is no base64", async () => {
    const { inner, store, ignored } = open();
    await store.set("a", "value");
    const whole = inner.get("a")?.replace(/=+$/, "") ?? "";
    const cuts = Array.from({ length: whole.length - 6 }, (_, index) => whole.slice(0, 6 + index));
    for (const text of [...cuts, "enc:1:%%%"]) {
      inner.set("a", text);
      expect(await store.get("a")).toBeUndefined();
    }

    expect(ignored).toHaveLength(cuts.length + 1);
    expect(new Set(ignored.map(({ reason }) => reason))).toEqual(new Set([DOES_NOT_OPEN]));
  });

  it("when it was encrypted with a key that was not given", async () => {
    const { inner, store } = open();
    await store.set("a", "value");
    const other = open(inner, await createKey());

    expect(await other.store.get("a")).toBeUndefined();
    expect(other.ignored).toEqual([{ key: "a", reason: DOES_NOT_OPEN }]);
    expect(await store.get("a")).toBe("value");
  });

  it("when it was stored before encryption began, or by a later version", async () => {
    const { inner, store, ignored } = open(
      new Map([
        ["a", '{"v":1,"data":{}}'],
        ["b", "enc:2:AAAA"],
        ["v1:pending:secret-state", "x"],
      ]),
    );

    for (const name of inner.keys()) expect(await store.get(name)).toBeUndefined();
    const reason = "it is not encrypted by this library";
    expect(ignored).toEqual([
      { key: "a", reason },
      { key: "b", reason },
      { key: "v1:pending:…", reason },
    ]);
    expect(inner.get("a")).toBe('{"v":1,"data":{}}');
  });

  it("also when it is taken", async () => {
    const inner = createMemoryStore();
    const ignored: IgnoredRecord[] = [];
    const store = createEncryptedStore(inner, key, { onIgnored: (record) => ignored.push(record) });
    await inner.set("a", "foreign");

    expect(await store.take?.("a")).toBeUndefined();
    expect(await inner.get("a")).toBe("foreign");
    expect(ignored).toHaveLength(1);
  });

  it("without anybody who wants to hear of it", async () => {
    expect(await createEncryptedStore(new Map([["a", "foreign"]]), key).get("a")).toBeUndefined();
  });
});

it("costs no more than a login when it is lost: the session says that the user is needed", async () => {
  const server = createFakeAuthServer();
  const { inner, store } = open();
  await createHost(server, { store }).session.authorize(approvedBy(server));
  const { session } = createHost(server, { store: open(inner, await createKey()).store });

  expect(await session.getAccessToken()).toBeUndefined();
  const tokens = await session.authorize(approvedBy(server));
  expect(await session.getAccessToken()).toBe(tokens.accessToken);
});

it("fails, and does not call it a miss, when the runtime cannot decrypt", async () => {
  const { store, ignored } = open();
  await store.set("a", "value");
  const failure = new TypeError("crypto.subtle is undefined");
  vi.spyOn(crypto.subtle, "decrypt").mockRejectedValue(failure);

  expect(await failureOf(Promise.resolve(store.get("a")))).toBe(failure);
  expect(ignored).toEqual([]);
});

describe("keys are rotated", () => {
  it("by a new one in front: it writes, and all read", async () => {
    const { inner, store } = open();
    await store.set("a", "old");
    const fresh = await createKey();
    const both = open(inner, [fresh, key]).store;
    expect(await both.get("a")).toBe("old");
    await both.set("a", "new");

    const only = open(inner, [fresh]);
    expect(await only.store.get("a")).toBe("new");
    expect(await store.get("a")).toBeUndefined();
    expect(only.ignored).toEqual([]);
  });

  it("and an old one need not be able to encrypt", async () => {
    const raw = crypto.getRandomValues(new Uint8Array(32));
    const old = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
    const retired = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
    const { inner, store } = open(undefined, old);
    await store.set("a", "old");

    expect(await open(inner, [key, retired]).store.get("a")).toBe("old");
  });
});

describe("has what the inner store has", () => {
  it("and nothing more", () => {
    const plain = createEncryptedStore({ get: () => null, set: () => null, delete: () => null }, key);
    expect(Object.keys(plain)).toEqual(["get", "set", "delete"]);
  });

  it("its lock, under the same key", async () => {
    class LockingStore extends Map<string, string> {
      readonly locked: string[] = [];
      async withLock<T>(name: string, task: (lease: AbortSignal) => Promise<T>): Promise<T> {
        this.locked.push(name);
        return task(new AbortController().signal);
      }
    }
    const inner = new LockingStore();

    expect(await createEncryptedStore(inner, key).withLock?.("refresh:x", async () => "done")).toBe("done");
    expect(inner.locked).toEqual(["refresh:x"]);
  });

  it("its keys, of a Map too those with the prefix alone", async () => {
    const { store } = open();
    for (const name of ["v1:a", "v1:b", "other"]) await store.set(name, "value");
    const names: string[] = [];
    for await (const name of store.keys?.("v1:") ?? []) names.push(name);

    expect(names).toEqual(["v1:a", "v1:b"]);
  });
});

describe("refuses a key that is of no use", () => {
  const message = /^key must be a CryptoKey for AES-GCM of 256 bits/;

  it.each<[string, () => unknown]>([
    ["none", () => undefined],
    ["an empty list", () => []],
    ["a string", () => "0123456789abcdef0123456789abcdef"],
    ["bytes", () => new Uint8Array(32)],
    ["128 bits", () => createKey(128)],
    ["one that only encrypts", () => createKey(256, ["encrypt"])],
    ["one that only decrypts, as the first", () => createKey(256, ["decrypt"])],
    ["one that cannot decrypt, behind a good one", async () => [key, await createKey(256, ["encrypt"])]],
    ["a hole behind a good one", () => [key, undefined]],
    [
      "another algorithm",
      () => crypto.subtle.generateKey({ name: "AES-CBC", length: 256 }, false, ["encrypt", "decrypt"]),
    ],
  ])("%s", async (_, make) => {
    const unusable = (await make()) as CryptoKeyLike;
    expect(() => createEncryptedStore(new Map(), unusable)).toThrow(TypeError);
    expect(() => createEncryptedStore(new Map(), unusable)).toThrow(message);
  });
});
