import * as fs from "node:fs";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFileStore } from "../../../src/node/file-store.js";
import { until } from "../../support/host.js";

// The system calls of which some test makes one fail; all others go through.
vi.mock("node:fs", async (importActual) => {
  const actual = await importActual<typeof fs>();
  const names = ["fsync", "linkSync", "mkdirSync", "openSync", "readFileSync", "renameSync", "writeFileSync"] as const;
  return { ...actual, ...Object.fromEntries(names.map((name) => [name, vi.fn(actual[name])])) };
});

const failure = (code: string): Error => Object.assign(new Error(`${code}: it did not work`), { code });

let directory: string;
beforeEach(() => {
  vi.clearAllMocks();
  directory = mkdtempSync(join(tmpdir(), "file-store-faults-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

describe("a write that fails leaves the old value and no litter", () => {
  it.each<[string, () => void]>([
    ["ENOSPC", () => vi.mocked(fs.writeFileSync).mockImplementationOnce(() => fail("ENOSPC"))],
    ["EMFILE", () => vi.mocked(fs.openSync).mockImplementationOnce(() => fail("EMFILE"))],
    ["EIO", () => vi.mocked(fs.fsync).mockImplementationOnce((_, done) => done(failure("EIO")))],
    ["EROFS", () => vi.mocked(fs.renameSync).mockImplementationOnce(() => fail("EROFS"))],
  ])("with %s", async (code, breakIt) => {
    const store = createFileStore({ directory });
    await store.set("key", "old");
    breakIt();
    await expect(store.set("key", "new")).rejects.toMatchObject({ code });
    expect(store.get("key")).toBe("old");
    expect(readdirSync(directory)).toHaveLength(1);
    await store.set("key", "new");
    expect(store.get("key")).toBe("new");
  });
});

it("syncs the file before it gets its name, and the folder after", async () => {
  const steps: string[] = [];
  const rename = vi.mocked(fs.renameSync).getMockImplementation();
  vi.mocked(fs.renameSync).mockImplementationOnce((from, to) => {
    steps.push("rename");
    rename?.(from, to);
  });
  for (let call = 0; call < 2; call++) {
    vi.mocked(fs.fsync).mockImplementationOnce((descriptor, done) => {
      steps.push(`sync of a ${fs.fstatSync(descriptor).isDirectory() ? "folder" : "file"}`);
      done(null);
    });
  }
  await createFileStore({ directory }).set("key", "value");
  expect(steps).toEqual(["sync of a file", "rename", "sync of a folder"]);
});

it("does without the sync of the folder where the system has none", async () => {
  const store = createFileStore({ directory });
  vi.mocked(fs.fsync)
    .mockImplementationOnce((_, done) => done(null))
    .mockImplementationOnce((_, done) => done(failure("EINVAL")));
  await store.set("key", "value");
  expect(store.get("key")).toBe("value");
});

describe("on a network file system, where a file that was opened may be gone from the server before it is read", () => {
  const goStale = (): unknown => vi.mocked(fs.readFileSync).mockImplementationOnce(() => fail("ESTALE"));

  it("a value that another machine replaced meanwhile is read again", async () => {
    const store = createFileStore({ directory });
    await store.set("key", "value");
    goStale();
    expect(store.get("key")).toBe("value");
    goStale();
    expect(await store.take?.("key")).toBe("value");
  });

  it("what stays out of reach is an error, and no missing value", async () => {
    const store = createFileStore({ directory });
    await store.set("key", "value");
    for (let attempt = 0; attempt < 5; attempt++) goStale();
    expect(() => store.get("key")).toThrow("ESTALE");
    expect(store.get("key")).toBe("value");
  });
});

it("does not mind another process that makes the folder at the same moment", async () => {
  const inner = join(directory, "inner");
  const mkdir = vi.mocked(fs.mkdirSync).getMockImplementation();
  vi.mocked(fs.mkdirSync).mockImplementationOnce((path, options) => {
    mkdir?.(path, options);
    return fail("EEXIST");
  });
  const store = createFileStore({ directory: inner });
  await store.set("key", "value");
  expect(store.get("key")).toBe("value");
});

describe("on Windows, where a file that somebody has open cannot be replaced", () => {
  beforeEach(() => {
    vi.spyOn(process, "platform", "get").mockReturnValue("win32");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });

  it.each(["EPERM", "EACCES", "EBUSY"])("a write tries again after %s", async (code) => {
    vi.mocked(fs.renameSync)
      .mockImplementationOnce(() => fail(code))
      .mockImplementationOnce(() => fail(code));
    const store = createFileStore({ directory });
    const written = store.set("key", "value");
    await until(() => (vi.advanceTimersByTime(50), store.get("key") === "value"));
    await written;
    expect(fs.renameSync).toHaveBeenCalledTimes(3);
  });

  it("a write gives up after twenty attempts", async () => {
    for (let attempt = 0; attempt < 20; attempt++) vi.mocked(fs.renameSync).mockImplementationOnce(() => fail("EPERM"));
    let failure: unknown;
    const written = Promise.resolve(createFileStore({ directory }).set("key", "value"));
    written.catch((error: unknown) => (failure = error));
    while (failure === undefined) await vi.advanceTimersByTimeAsync(50);
    expect(failure).toMatchObject({ code: "EPERM" });
    expect(fs.renameSync).toHaveBeenCalledTimes(20);
    expect(readdirSync(directory)).toEqual([]);
  });
});

it("does not try again elsewhere", async () => {
  vi.mocked(fs.renameSync).mockImplementationOnce(() => fail("EPERM"));
  await expect(createFileStore({ directory }).set("key", "value")).rejects.toMatchObject({ code: "EPERM" });
});

it("lets one of two have a value that both take at the same moment", async () => {
  const [one, other] = [createFileStore({ directory }), createFileStore({ directory })];
  await one.set("key", "value");
  const rename = vi.mocked(fs.renameSync).getMockImplementation();
  let quicker: unknown;
  vi.mocked(fs.renameSync).mockImplementationOnce((from, to) => {
    quicker = other.take?.("key");
    rename?.(from, to);
  });
  expect(await one.take?.("key")).toBeUndefined();
  expect(await quicker).toBe("value");
});

it("puts back what took the place of a value while it was taken and cannot be used", async () => {
  const store = createFileStore({ directory });
  await store.set("key", "value");
  const [name = ""] = readdirSync(directory);
  const rename = vi.mocked(fs.renameSync).getMockImplementation();
  vi.mocked(fs.renameSync).mockImplementationOnce((from, to) => {
    fs.truncateSync(from, 5);
    rename?.(from, to);
  });
  expect(await store.take?.("key")).toBeUndefined();
  expect(readdirSync(directory)).toEqual([name]);
});

it("does not put an overdue value back over a newer one", async () => {
  let time = 1000;
  const store = createFileStore({ directory, now: () => time });
  await store.set("key", "newer", { expiresAt: 900 });
  // overdue at the first look, not at the second: a clock that was set back
  vi.mocked(fs.renameSync).mockImplementationOnce((from, to) => {
    fs.copyFileSync(from, to);
    time = 0;
  });
  expect(store.get("key")).toBeUndefined();
  expect(vi.mocked(fs.linkSync).mock.results.map(({ type }) => type)).toEqual(["throw"]);
  expect(store.get("key")).toBe("newer");
});

function fail(code: string): never {
  throw failure(code);
}
