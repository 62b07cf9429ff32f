import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, test, vi } from "vitest";
import { createFileStore } from "../../../src/node/file-store.js";
import type { FileStoreOptions } from "../../../src/node/file-store.js";
import { kvStoreContract } from "../../../src/testing/kv-store-contract.js";
import type { IgnoredRecord } from "../../../src/types.js";
import { runProgram } from "../../support/run-program.js";

const root = mkdtempSync(join(tmpdir(), "file-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let time = 1_750_000_000_000;
const now = (): number => time;

describe("keeps the contract of a KVStore", () => {
  kvStoreContract(test, (name) => createFileStore({ directory: join(root, name), now }), {
    abilities: ["take", "keys", "withLock"],
    expiry: true,
    now,
    advance(ms) {
      time += ms;
    },
  });
});

let directory: string;
let ignored: IgnoredRecord[];
let count = 0;
beforeEach(() => {
  directory = join(root, `test-${count++}`);
  ignored = [];
});
const open = (options: Partial<FileStoreOptions> = {}): ReturnType<typeof createFileStore> =>
  createFileStore({ directory, now, onIgnored: (record) => ignored.push(record), ...options });
const fileOf = (key: string): string => join(directory, `${createHash("sha256").update(key).digest("hex")}.json`);
const permissions = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const listKeys = async (store: ReturnType<typeof open>, prefix = ""): Promise<string[]> => {
  const keys: string[] = [];
  for await (const key of store.keys?.(prefix) ?? []) keys.push(key);
  return keys.sort();
};

describe("a record", () => {
  it("is one file, named by the SHA-256 of its key, that the owner alone may read", async () => {
    await open().set("v1:tokens:https://mcp.example:user:-", '{"v":1}', { expiresAt: time + 1 });
    const path = fileOf("v1:tokens:https://mcp.example:user:-");
    expect(readdirSync(directory).map((name) => join(directory, name))).toEqual([path]);
    expect(permissions(path)).toBe("600");
    expect(permissions(directory)).toBe("700");
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      v: 1,
      key: "v1:tokens:https://mcp.example:user:-",
      value: '{"v":1}',
      expiresAt: time + 1,
    });
  });

  it("has its mode whatever the umask takes or leaves, and so have the folders made for it", async () => {
    for (const umask of ["0o777", "0o000"]) {
      const path = join(directory, umask, "inner");
      const program = `
        import { createFileStore } from "./src/node/file-store.js";
        if (process.getuid() === 0) process.setuid(65534);
        process.umask(${umask});
        const store = createFileStore({ directory: ${JSON.stringify(path)} });
        await store.set("key", "value");
        console.log(store.get("key"));
      `;
      mkdirSync(directory, { recursive: true });
      chmodSync(root, 0o755);
      chmodSync(directory, 0o777);
      expect(await runProgram(program)).toEqual({ code: 0, stdout: "value\n", stderr: "" });
      expect([join(path, ".."), path].map(permissions)).toEqual(["700", "700"]);
      expect(readdirSync(path).map((name) => permissions(join(path, name)))).toEqual(["600"]);
    }
  });

  it("leaves the mode of a folder that is there to the host", async () => {
    mkdirSync(directory, { mode: 0o750 });
    await open().set("key", "value");
    expect(permissions(directory)).toBe("750");
  });

  it("stays where it was written when the host changes its working directory", async () => {
    const program = `
      import { mkdirSync } from "node:fs";
      import { createFileStore } from "./src/node/file-store.js";
      mkdirSync("inner", { recursive: true });
      const store = createFileStore({ directory: "store" });
      await store.set("key", "value");
      process.chdir("inner");
      console.log(store.get("key"));
    `;
    mkdirSync(directory);
    expect(await runProgram(`process.chdir(${JSON.stringify(directory)});${program}`)).toMatchObject({
      stdout: "value\n",
    });
  });

  it("is not kept in a folder that is called ~", () => {
    expect(() => createFileStore({ directory: "~/.example/auth" })).toThrow("homedir()");
    expect(() => createFileStore({ directory: "~inner" })).not.toThrow();
  });

  it("without an end has none in its file", async () => {
    const store = open();
    await store.set("key", "value", { expiresAt: Number.POSITIVE_INFINITY });
    expect(readFileSync(fileOf("key"), "utf8")).not.toContain("expiresAt");
    expect(store.get("key")).toBe("value");
  });

  it("is replaced in one step: readers never see a part of it", async () => {
    const store = open();
    const values = ["a", "b", "c", "d"].map((letter) => letter.repeat(1_000_000));
    await store.set("key", values[0] ?? "");
    const writes = values.map(async (value) => store.set("key", value));
    const done: unknown[] = [];
    void Promise.all(writes).then((all) => done.push(all));
    while (done.length === 0) {
      expect(values.includes((await store.get("key")) ?? "")).toBe(true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it("that is overdue is missing, and its file goes at the next look", async () => {
    const store = open();
    await store.set("key", "value", { expiresAt: time + 10 });
    time += 9;
    expect(store.get("key")).toBe("value");
    time += 1;
    expect(await listKeys(store)).toEqual([]);
    expect(store.get("key")).toBeUndefined();
    expect(readdirSync(directory)).toEqual([]);
    expect(ignored).toEqual([]);
  });

  it("that is overdue goes without being asked for when a login is finished, at most once an hour", async () => {
    vi.spyOn(Date, "now").mockReturnValue(time);
    const store = open();
    const begin = (login: string) => store.set(login, "value", { expiresAt: time + 600_000 });
    await Promise.all(["left", "finished", "also finished", "finished later"].map(begin));
    await store.set("kept", "value");
    writeFileSync(fileOf("damaged"), "{");
    time += 599_000;
    expect(await store.take?.("finished")).toBe("value");
    expect(existsSync(fileOf("left"))).toBe(true);
    time += 1_000;
    expect(await store.take?.("also finished")).toBeUndefined();
    expect(existsSync(fileOf("left"))).toBe(true);
    time += 3_600_000;
    expect(await store.take?.("finished later")).toBeUndefined();
    expect(readdirSync(directory)).toEqual([fileOf("damaged"), fileOf("kept")].map((path) => basename(path)).sort());
    expect(store.get("kept")).toBe("value");
    expect(ignored).toEqual([]);
  });

  it("that is overdue may stay in a large folder: a login waits for no more than a tenth of a second", async () => {
    const store = open();
    for (const login of ["left", "left too", "finished"])
      await store.set(login, "value", { expiresAt: time + 600_000 });
    time += 600_000;
    let elapsed = 0;
    vi.spyOn(Date, "now").mockImplementation(() => time + 60 * elapsed++);
    await store.take?.("finished");
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it("that was renewed while an overdue one was being removed is kept", async () => {
    await open().set("key", "old", { expiresAt: time });
    const renewed = JSON.stringify({ v: 1, key: "key", value: "new" });
    // asked for the time after the file was read: the moment in which another process may write
    let asked = 0;
    const store = open({
      now() {
        if (asked++ === 0) writeFileSync(fileOf("key"), renewed);
        return time;
      },
    });
    expect(store.get("key")).toBeUndefined();
    expect(store.get("key")).toBe("new");
    expect(readdirSync(directory)).toHaveLength(1);
  });
});

describe("a file that cannot be used is a miss, is reported and stays", () => {
  const whole = JSON.stringify({ v: 1, key: "key", value: "secret-value" });
  it.each([
    ["empty", "", "is truncated, or something else wrote it"],
    ["truncated", whole.slice(0, -5), "is truncated, or something else wrote it"],
    ["binary", "\u0000\u0001\uFFFD", "is truncated, or something else wrote it"],
    ["of somebody else", '{"secret":"secret-value"}', "is truncated, or something else wrote it"],
    ["null", "null", "is truncated, or something else wrote it"],
    ["a string", '"secret-value"', "is truncated, or something else wrote it"],
    ["of a later version", whole.replace("1", "2"), "was written by another version of the library"],
    ["without value", '{"v":1,"key":"key"}', "is damaged"],
    ["with a wrong value", '{"v":1,"key":"key","value":["secret-value"]}', "is damaged"],
    ["with a wrong end", whole.replace('"key":', '"expiresAt":"soon","key":'), "is damaged"],
    ["without key", '{"v":1,"value":"secret-value"}', "is damaged"],
    ["of another key", whole.replace('"key":"key"', '"key":"other"'), "belongs to another key"],
  ])("when it is %s", async (_, text, problem) => {
    mkdirSync(directory);
    writeFileSync(fileOf("key"), text);
    const store = open();
    expect(store.get("key")).toBeUndefined();
    expect(store.take?.("key")).toBeUndefined();
    expect(await listKeys(store)).toEqual([]);
    const name = fileOf("key").slice(directory.length + 1);
    const reason = `the file ${name} ${problem}`;
    expect(ignored).toEqual([
      { key: "key", reason },
      { key: "key", reason },
      { key: name, reason },
    ]);
    expect(readFileSync(fileOf("key"), "utf8")).toBe(text);
    await store.set("key", "new");
    expect(store.get("key")).toBe("new");
  });

  it("when it is a folder", async () => {
    mkdirSync(fileOf("key"), { recursive: true });
    const store = open();
    expect(store.get("key")).toBeUndefined();
    expect(store.take?.("key")).toBeUndefined();
    expect(await listKeys(store)).toEqual([]);
    expect(ignored).toHaveLength(3);
    expect(ignored[0]?.reason).toContain("is a folder");
    await store.delete("key");
    await expect(store.set("key", "value")).rejects.toMatchObject({ code: "EISDIR" });
    expect(readdirSync(directory).map((name) => join(directory, name))).toEqual([fileOf("key")]);
    expect(statSync(fileOf("key")).isDirectory()).toBe(true);
  });

  it("without anybody listening, too", async () => {
    const store = createFileStore({ directory });
    await store.set("key", "value");
    truncateSync(fileOf("key"), 3);
    expect(store.get("key")).toBeUndefined();
  });

  it("without the state of a pending login in the report", () => {
    mkdirSync(directory);
    writeFileSync(fileOf("v1:pending:secret-state"), "");
    expect(open().get("v1:pending:secret-state")).toBeUndefined();
    expect(ignored[0]?.key).toBe("v1:pending:…");
    expect(JSON.stringify(ignored)).not.toContain("secret-state");
  });

  it("unless its key is deleted, by which it goes as well", async () => {
    mkdirSync(directory);
    writeFileSync(fileOf("key"), '{"v":1,"key":"key","value":"half of a secr');
    await open().delete("key");
    expect(existsSync(fileOf("key"))).toBe(false);
  });
});

describe("keys", () => {
  it("of a folder that is not there are none", async () => {
    expect(await listKeys(open())).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });

  it("pass over what is not the store's", async () => {
    const store = open();
    await store.set("a:1", "value");
    await store.set("b:1", "value");
    for (const name of ["README.md", ".DS_Store", `${"0".repeat(64)}.json.bak`, `${"A".repeat(64)}.json`]) {
      writeFileSync(join(directory, name), "{}");
    }
    mkdirSync(join(directory, "folder"));
    expect(await listKeys(store)).toEqual(["a:1", "b:1"]);
    expect(await listKeys(store, "b")).toEqual(["b:1"]);
    expect(readdirSync(directory)).toHaveLength(7);
    expect(ignored).toEqual([]);
  });

  it("clear away what a process left that was killed while writing, an hour later", async () => {
    const store = open();
    await store.set("key", "value");
    const [old, young, foreign] = [
      "01234567-89ab-4def-8123-456789abcdef.tmp",
      "11234567-89ab-4def-8123-456789abcdef.tmp",
      "somebody's.tmp",
    ].map((name) => join(directory, name));
    for (const path of [old, young, foreign]) writeFileSync(path ?? "", "{}");
    const [hourAgo, justNow] = [Date.now() / 1000 - 3601, Date.now() / 1000 - 3500];
    utimesSync(old ?? "", hourAgo, hourAgo);
    utimesSync(foreign ?? "", hourAgo, hourAgo);
    utimesSync(young ?? "", justNow, justNow);
    expect(await listKeys(store)).toEqual(["key"]);
    expect([old, young, foreign].map((path) => existsSync(path ?? ""))).toEqual([false, true, true]);
  });

  it("fail when the folder is a file, as everything else does", async () => {
    writeFileSync(directory, "");
    const store = open();
    await expect(listKeys(store)).rejects.toMatchObject({ code: "ENOTDIR" });
    expect(() => store.get("key")).toThrow(/ENOTDIR/);
    expect(() => store.take?.("key")).toThrow(/ENOTDIR/);
    expect(() => store.delete("key")).toThrow(/ENOTDIR/);
    await expect(store.set("key", "value")).rejects.toMatchObject({ code: "ENOTDIR" });
    expect(readFileSync(directory, "utf8")).toBe("");
  });
});

it("keeps the old value and leaves no litter when the folder is read-only", async () => {
  const store = open();
  await store.set("key", "old");
  await store.set("overdue", "old", { expiresAt: time - 1 });
  chmodSync(root, 0o755);
  for (const name of readdirSync(directory)) chmodSync(join(directory, name), 0o644);
  chmodSync(directory, 0o555);
  const program = `
    import { createFileStore } from "./src/node/file-store.js";
    if (process.getuid() === 0) process.setuid(65534);
    const store = createFileStore({ directory: ${JSON.stringify(directory)} });
    const failure = (action) => Promise.resolve().then(action).then(() => "nothing", (error) => error.code);
    console.log(await failure(() => store.set("key", "new")));
    console.log(await failure(() => store.delete("key")));
    console.log(await failure(() => store.take("key")));
    console.log(await store.get("key"), await store.get("overdue"));
  `;
  const result = await runProgram(program);
  chmodSync(directory, 0o755);
  expect(result).toEqual({ code: 0, stdout: "EACCES\nEACCES\nEACCES\nold undefined\n", stderr: "" });
  expect(readdirSync(directory)).toHaveLength(2);
});

it.each(["", undefined, 7])("rejects %o as directory by name", (value) => {
  expect(() => createFileStore({ directory: value as string })).toThrow(/^directory /);
});

it("makes nothing and reads nothing before it is used", () => {
  expect(Object.isFrozen(open())).toBe(true);
  expect(existsSync(directory)).toBe(false);
});
