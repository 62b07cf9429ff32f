import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCredentials } from "@napi-rs/keyring";
import { afterAll, afterEach, describe, expect, it, test, vi } from "vitest";
import { createMemoryStore } from "../../src/index.js";
import type { IgnoredRecord, KVStore } from "../../src/index.js";
import { createKeychainStore } from "../../src/node.js";
import { createFakeAuthServer, kvStoreContract } from "../../src/testing.js";
import { approvedBy, createHost, failureOf } from "../support/host.js";
import { runProgram } from "../support/run-program.js";
import { describeWithService } from "../support/service.js";

const LONG = "0123456789".repeat(300);

describeWithService("a Secret Service", "SECRET_SERVICE", () => {
  const root = mkdtempSync(join(tmpdir(), "keychain-"));
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });

  afterEach(() => {
    vi.restoreAllMocks();
  });

  const asOnWindows = (): unknown => vi.spyOn(process, "platform", "get").mockReturnValue("win32");

  describe.each([
    ["one item", () => undefined, { maxValueBytes: 64_000, maxKeys: 200 }],
    // each part is an item, and each item is some ten milliseconds
    ["a header and parts", asOnWindows, { maxValueBytes: 6_000, maxKeys: 20, maxKeyBytes: 3_000 }],
  ])("with records as %s the store keeps its contract", (name, prepare, limits) => {
    let time = 1_750_000_000_000;
    let store: KVStore;
    kvStoreContract(
      (title, body) =>
        test(title, async () => {
          await body();
          // each item makes a Secret Service slower for all
          for await (const key of store.keys?.("") ?? []) await store.delete(key);
        }),
      async (backing) => {
        prepare();
        store = await createKeychainStore({
          service: `${name}: ${backing}`,
          lockDirectory: join(root, name, backing),
          now: () => time,
        });
        return store;
      },
      {
        abilities: ["take", "keys", "withLock"],
        expiry: true,
        now: () => time,
        advance(ms) {
          time += ms;
        },
        ...limits,
      },
    );
  });

  it("shows a record under the service's name and the SHA-256 of its key alone", async () => {
    const store = await createKeychainStore({ service: "com.example.shown" });
    await store.set("v1:tokens:alice", "secret");

    expect(findCredentials("com.example.shown")).toEqual([
      {
        account: "9d0ed911120f0e5906b93ce3bdbe2ee758580aa7789f7ecc9ba13ad2ed5365e3",
        password: '{"v":1,"key":"v1:tokens:alice","value":"secret"}',
      },
    ]);
    expect(findCredentials("com.example.other")).toEqual([]);
  });

  it("keeps a session for the next process [pain-36]", async () => {
    const server = createFakeAuthServer();
    const store = await createKeychainStore({ service: "com.example.session" });
    const { accessToken } = await createHost(server, { store }).session.authorize(approvedBy(server));
    const { stdout, stderr } = await runProgram(`
      import { createTokenStore } from "./src/index.js";
      import { createKeychainStore } from "./src/node.js";
      const tokens = createTokenStore(await createKeychainStore({ service: "com.example.session" }));
      console.log((await tokens.getTokens({ serverUrl: ${JSON.stringify(server.serverUrl)} })).accessToken);
    `);

    expect(stderr).toBe("");
    expect(stdout.trim()).toBe(accessToken);
  });

  it("holds a hundred connections at most, however many records it has to do with [pain-36]", async () => {
    const { stdout, stderr } = await runProgram(`
      import { readdirSync } from "node:fs";
      import { createKeychainStore } from "./src/node.js";
      const store = await createKeychainStore({ service: "com.example.connections" });
      const count = () => readdirSync("/proc/self/fd").length;
      const before = count();
      let most = before;
      for (let round = 0; round < 30; round += 1) {
        const keys = Array.from({ length: 10 }, (_, index) => \`key-\${round}-\${index}\`);
        await Promise.all(keys.map((key) => store.get(key)));
        most = Math.max(most, count());
      }
      await Promise.all(Array.from({ length: 300 }, () => store.get("key")));
      console.log(JSON.stringify([most - before, count() - before]));
    `);

    expect(stderr).toBe("");
    const [most, end] = JSON.parse(stdout) as [number, number];
    // a program that never reclaims memory by itself has come to the limit
    expect(most).toBeGreaterThan(50);
    expect(most).toBeLessThanOrEqual(100);
    expect(end).toBeLessThanOrEqual(100);
  });

  it("goes on with a Secret Service that was restarted [pain-36]", async () => {
    const store = await createKeychainStore({ service: "com.example.restarted" });
    await store.set("key", "value");
    expect(await store.get("key")).toBe("value");
    const bus = ["--session", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"];
    const ask = (member: string): string =>
      execFileSync("dbus-send", [...bus, `org.freedesktop.DBus.${member}`, "string:org.freedesktop.secrets"], {
        encoding: "utf8",
      });
    process.kill(Number(ask("GetConnectionUnixProcessID").trim().split(" ").at(-1)), "SIGKILL");
    await vi.waitUntil(() => ask("NameHasOwner").includes("false"), { timeout: 60_000 });
    execFileSync("gnome-keyring-daemon", ["--unlock", "--components=secrets"], {
      input: "password\n",
      stdio: ["pipe", "ignore", "ignore"],
    });
    await vi.waitUntil(() => ask("NameHasOwner").includes("true"), { timeout: 60_000 });

    expect(await store.get("key")).toBe("value");
    await store.set("key", "other");
    expect(await store.get("key")).toBe("other");
  });

  describe("several processes", () => {
    /** Runs the same program several times at once, with a store of parts. */
    const inProcesses = async (count: number, service: string, program: string): Promise<unknown[]> => {
      const results = await Promise.all(
        Array.from({ length: count }, async (_, index) =>
          runProgram(`
            import "@napi-rs/keyring";
            import { createKeychainStore } from "./src/node.js";
            Object.defineProperty(process, "platform", { value: "win32" });
            const ignored = [];
            const store = await createKeychainStore({
              service: ${JSON.stringify(service)},
              onIgnored: (record) => ignored.push(record),
            });
            const index = ${index};
            const result = [];
            ${program}
            console.log(JSON.stringify([result, ignored]));
          `),
        ),
      );
      expect(results.map(({ stderr }) => stderr).join("")).toBe("");
      return results.map(({ stdout }) => JSON.parse(stdout) as unknown);
    };

    it("write at once: each reads whole values only", async () => {
      const results = await inProcesses(
        3,
        "com.example.writers",
        `for (let round = 0; round < 5; round += 1) {
          await store.set("key", String(index).repeat(3_000));
          const value = await store.get("key");
          result.push(/^(\\d)\\1{2999}$/.test(value));
        }`,
      );
      expect(results).toEqual(Array.from({ length: 3 }, () => [Array.from({ length: 5 }, () => true), []]));
    });

    it("take at once: one gets each value", async () => {
      const store = await createKeychainStore({ service: "com.example.takers" });
      for (let index = 0; index < 10; index += 1) await store.set(`key-${index}`, `value-${index}`);
      const results = await inProcesses(
        3,
        "com.example.takers",
        `for (let round = 0; round < 10; round += 1) {
          const value = await store.take("key-" + round);
          if (value !== undefined) result.push(value);
        }`,
      );
      const taken = (results as [string[], IgnoredRecord[]][]).flatMap(([values]) => values);
      expect(taken.sort()).toEqual(Array.from({ length: 10 }, (_, index) => `value-${index}`));
    });
  });

  it("a process that is killed while it writes tears nothing [pain-36]", async () => {
    const open = async (ignored: IgnoredRecord[] = []): Promise<KVStore> =>
      createKeychainStore({ service: "com.example.killed", onIgnored: (record) => ignored.push(record) });
    await (await open()).set("key", LONG);
    const ignored: IgnoredRecord[] = [];
    const seen: unknown[] = [];
    for (let round = 0; round < 10; round += 1) {
      const { code } = await runProgram(`
        import "@napi-rs/keyring";
        import { createKeychainStore } from "./src/node.js";
        Object.defineProperty(process, "platform", { value: "win32" });
        const store = await createKeychainStore({ service: "com.example.killed" });
        for (let count = 0, took = 0; ; count += 1) {
          const start = performance.now();
          if (count === 2) setTimeout(() => process.kill(process.pid, "SIGKILL"), (took * ${round}) / 10);
          await store.set("key", String(count % 10).repeat(3_000));
          took = performance.now() - start;
        }
      `);
      expect(code).toBe("SIGKILL");
      seen.push(await (await open(ignored)).get("key"));
    }

    expect(seen.filter((value) => !/^(\d)\1{2999}$/.test(String(value)))).toEqual([]);
    expect(ignored).toEqual([]);
  });

  it("where none runs, the fallback is used and the error says what to do [pain-36]", async () => {
    const { stdout, stderr } = await runProgram(`
      import { createMemoryStore } from "./src/index.js";
      import { createKeychainStore } from "./src/node.js";
      process.env.DBUS_SESSION_BUS_ADDRESS = "unix:path=/nonexistent";
      await createKeychainStore({ service: "x" }).catch(({ code, message }) => console.log(code, message));
      const fallback = createMemoryStore();
      console.log((await createKeychainStore({ service: "x", fallback })) === fallback);
    `);
    const advice =
      "run and unlock a Secret Service (GNOME Keyring, KWallet, KeePassXC), which SSH sessions and containers seldom have";
    expect(stdout.split("\n")).toEqual([
      `store_failed the keychain cannot be used: ${advice}, or use another store`,
      "true",
      "",
    ]);
    expect(stderr).toContain("[MCP_OAUTH_KEYCHAIN_FALLBACK] Warning: the fallback store is used");
  });

  // the last one, since nobody can unlock it without being asked
  it("when it is locked, calls fail and nothing is lost; a new store is not opened [pain-36]", async () => {
    const service = "com.example.locked";
    const store = await createKeychainStore({ service });
    await store.set("key", "value");
    execFileSync("dbus-send", [
      ...["--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"],
      ...["org.freedesktop.Secret.Service.Lock", "array:objpath:/org/freedesktop/secrets/collection/login"],
    ]);

    await expect(Promise.resolve(store.set("key", "other"))).rejects.toThrow(/prompt was dismissed/);
    await expect(Promise.resolve(store.get("key"))).rejects.toThrow(/prompt was dismissed/);
    expect(await failureOf(createKeychainStore({ service }))).toMatchObject({ code: "store_failed" });
    const [fallback, onFallback] = [createMemoryStore(), vi.fn()];
    expect(await createKeychainStore({ service, fallback, onFallback })).toBe(fallback);
    expect(onFallback).toHaveBeenCalledTimes(1);
  });
});
