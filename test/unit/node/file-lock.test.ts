import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { withFileLock } from "../../../src/node/file-lock.js";
import { describeLockOwner } from "../../../src/node/lock-owner.js";
import { guardFileName } from "../../../src/node/record-file.js";
import { failureOf } from "../../support/host.js";
import { runProgram } from "../../support/run-program.js";

// The system calls of which some test makes one fail; all others go through.
vi.mock("node:fs", async (importActual) => {
  const actual = await importActual<typeof fs>();
  const names = [
    "futimesSync",
    "linkSync",
    "openSync",
    "readFileSync",
    "renameSync",
    "unlinkSync",
    "writeFileSync",
  ] as const;
  return { ...actual, ...Object.fromEntries(names.map((name) => [name, vi.fn(actual[name])])) };
});

const fail = (code: string): never => {
  throw Object.assign(new Error(`${code}: it did not work`), { code });
};

const { openSync: realOpen } = await vi.importActual<typeof fs>("node:fs");

let deadPid: number;
beforeAll(() => {
  deadPid = spawnSync(process.execPath, ["--version"]).pid;
});

let directory: string;
let path: string;
beforeEach(() => {
  vi.clearAllMocks();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
  directory = mkdtempSync(join(tmpdir(), "file-lock-"));
  path = join(directory, "a.lock");
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

const ownerText = (change: { readonly machine?: string; readonly pid?: number } = {}): string =>
  JSON.stringify({ ...(JSON.parse(describeLockOwner("another")) as object), ...change });
const elsewhere = (): string => ownerText({ machine: "another machine", pid: deadPid });
const dead = (): string => ownerText({ pid: deadPid });
const guardOf = (text: string, of = path): string => join(directory, guardFileName(basename(of), text));

interface Taken {
  readonly lease: AbortSignal | undefined;
  readonly done: Promise<unknown>;
  release(): Promise<void>;
}

/** Asks for the lock, to keep it until told otherwise. */
function take(signal?: AbortSignal): Taken {
  let release = (): void => undefined;
  const kept = new Promise<void>((resolve) => (release = resolve));
  const taken = { lease: undefined as AbortSignal | undefined };
  const done = withFileLock(
    path,
    (lease) => {
      taken.lease = lease;
      return kept;
    },
    signal,
  );
  done.catch(() => undefined);
  return {
    get lease() {
      return taken.lease;
    },
    done,
    async release() {
      release();
      await done;
    },
  };
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe("a lock that is free", () => {
  it("is a file of the owner alone that says who has it, for as long as the task runs", async () => {
    path = join(directory, "new folder", "a.lock");
    const holder = take();
    await pass(0);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ v: 1, pid: process.pid });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(directory, "new folder"))).toEqual(["a.lock"]);
    await holder.release();
    expect(readdirSync(join(directory, "new folder"))).toEqual([]);
  });

  it("is made without links where the file system has none", async () => {
    vi.mocked(fs.linkSync).mockImplementation(() => fail("EPERM"));
    const holder = take();
    await pass(0);
    const waiter = take();
    await pass(1_000);
    expect([holder, waiter].map(({ lease }) => lease?.aborted)).toEqual([false, undefined]);
    await holder.release();
    await pass(500);
    await waiter.release();
    vi.mocked(fs.linkSync).mockRestore();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("is not had when another was quicker by a moment", async () => {
    const link = vi.mocked(fs.linkSync).getMockImplementation();
    vi.mocked(fs.linkSync).mockImplementationOnce((from, to) => {
      fs.writeFileSync(path, elsewhere());
      link?.(from, to);
    });
    const slower = take();
    await pass(1_000);
    expect(slower.lease).toBeUndefined();
    expect(readFileSync(path, "utf8")).toBe(elsewhere());
    fs.unlinkSync(path);
    await pass(500);
    await slower.release();
  });

  it("is not had, and not even looked at, when its signal was aborted before", async () => {
    await expect(take(AbortSignal.abort("before")).done).rejects.toBe("before");
    expect(fs.openSync).not.toHaveBeenCalled();
  });

  it("is had though a network lost the answer that it was made", async () => {
    const link = vi.mocked(fs.linkSync).getMockImplementation();
    vi.mocked(fs.linkSync).mockImplementationOnce((from, to) => {
      link?.(from, to);
      fail("EEXIST");
    });
    const holder = take();
    await pass(0);
    expect(holder.lease?.aborted).toBe(false);
    await holder.release();
  });

  it("is had by who looked at it in the moment in which a holder on another machine gave it back", async () => {
    fs.writeFileSync(path, elsewhere());
    // the file was opened, and is gone from the server before it is read
    vi.mocked(fs.readFileSync).mockImplementationOnce(() => {
      fs.unlinkSync(path);
      return fail("ESTALE");
    });
    const next = take();
    await pass(500);
    expect(next.lease?.aborted).toBe(false);
    await next.release();
  });

  it.each<[string, () => void]>([
    ["ENOSPC", () => vi.mocked(fs.writeFileSync).mockImplementationOnce(() => fail("ENOSPC"))],
    ["EACCES", () => vi.mocked(fs.openSync).mockImplementationOnce(() => fail("EACCES"))],
  ])("fails at once, and leaves nothing, with %s", async (code, breakIt) => {
    breakIt();
    expect(await failureOf(take().done)).toMatchObject({ code });
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe("who waits for a lock", () => {
  it("gets it soon after it was released, and in proportion when it took long", async () => {
    const holder = take();
    await pass(0);
    const waiter = take();
    await pass(60_000);
    expect(waiter.lease).toBeUndefined();
    await holder.release();
    await pass(400);
    expect(waiter.lease?.aborted).toBe(false);
    await waiter.release();
  });

  it("can stop waiting, at once and with the reason of its signal", async () => {
    const holder = take();
    await pass(0);
    const controller = new AbortController();
    const waiter = take(controller.signal);
    await pass(500);
    controller.abort("enough");
    await expect(waiter.done).rejects.toBe("enough");
    await holder.release();
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe("a lock is taken over", () => {
  it("at once from a process of this machine that is dead", async () => {
    fs.writeFileSync(path, dead());
    const taker = take();
    await pass(0);
    expect(taker.lease?.aborted).toBe(false);
    expect(readdirSync(directory)).toEqual(["a.lock"]);
    await taker.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    ["another machine, though a process of this one with its id is dead", elsewhere],
    ["this machine, who is alive", () => ownerText({ pid: process.ppid })],
    ["this process, when it had this process id and is no more", () => ownerText()],
    ["whom it does not name, because it is empty", () => ""],
    ["whom it does not name, because something else wrote it", () => "null"],
    ["whom it does not name, because it is half written", () => dead().slice(0, -3)],
  ])("after nine seconds of silence from an owner of %s", async (_, text) => {
    fs.writeFileSync(path, text());
    const taker = take();
    await pass(8_900);
    expect(taker.lease).toBeUndefined();
    await pass(1_000);
    expect(taker.lease?.aborted).toBe(false);
    await taker.release();
  });

  it("nine seconds after it was last renewed", async () => {
    fs.writeFileSync(path, elsewhere());
    const taker = take();
    for (let renewal = 0; renewal < 5; renewal += 1) {
      await pass(3_000);
      utimesSync(path, 1_000 + renewal, 1_000 + renewal);
    }
    await pass(8_500);
    expect(taker.lease).toBeUndefined();
    await pass(1_500);
    expect(taker.lease?.aborted).toBe(false);
    await taker.release();
  });

  it.each([86_400_000, -86_400_000])("not because the clock jumps by %i ms", async (jump) => {
    fs.writeFileSync(path, elsewhere());
    const taker = take();
    await pass(1_000);
    vi.setSystemTime(Date.now() + jump);
    await pass(6_500);
    expect(taker.lease).toBeUndefined();
    await pass(2_500);
    expect(taker.lease?.aborted).toBe(false);
    await taker.release();
  });

  it("not while its owner renews it, however long that takes", async () => {
    const holder = take();
    await pass(0);
    const waiter = take();
    await pass(600_000);
    expect(waiter.lease).toBeUndefined();
    expect(holder.lease?.aborted).toBe(false);
    await holder.release();
    await pass(400);
    await waiter.release();
  });

  it("by one of those who found its owner dead: the slower leaves the lock of the quicker alone", async () => {
    const text = dead();
    fs.writeFileSync(path, text);
    const link = vi.mocked(fs.linkSync).getMockImplementation();
    const quicker = elsewhere();
    // between the slower one's look at the lock and its guard, the quicker one comes and goes
    vi.mocked(fs.linkSync).mockImplementationOnce((from, to) => {
      expect(to).toBe(guardOf(text));
      fs.writeFileSync(path, quicker);
      link?.(from, to);
    });
    const slower = take();
    await pass(100);
    expect(slower.lease).toBeUndefined();
    expect(readFileSync(path, "utf8")).toBe(quicker);
    expect(readdirSync(directory)).toEqual(["a.lock"]);
    fs.unlinkSync(path);
    await pass(500);
    await slower.release();
  });

  it("not from an owner who woke up before the guard was taken", async () => {
    const text = elsewhere();
    fs.writeFileSync(path, text);
    const link = vi.mocked(fs.linkSync).getMockImplementation();
    vi.mocked(fs.linkSync).mockImplementationOnce((from, to) => {
      utimesSync(path, 1, 1);
      link?.(from, to);
    });
    const taker = take();
    await pass(10_000);
    expect(fs.linkSync).toHaveBeenCalledTimes(1);
    expect(taker.lease).toBeUndefined();
    await pass(9_000);
    await taker.release();
  });

  it("when the one who was about to take it over is dead, too", async () => {
    const text = dead();
    fs.writeFileSync(path, text);
    const guard = guardOf(text);
    fs.writeFileSync(guard, dead());
    fs.writeFileSync(guardOf(dead(), guard), dead());
    const taker = take();
    await pass(500);
    expect(taker.lease?.aborted).toBe(false);
    await taker.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("later, when somebody else is about to take it over and may be alive", async () => {
    const text = dead();
    fs.writeFileSync(path, text);
    fs.writeFileSync(guardOf(text), elsewhere());
    const taker = take();
    await pass(8_900);
    expect(taker.lease).toBeUndefined();
    await pass(1_000);
    expect(taker.lease?.aborted).toBe(false);
    await taker.release();
  });

  it("or not, when the disk is full", async () => {
    const text = dead();
    fs.writeFileSync(path, text);
    vi.mocked(fs.renameSync).mockImplementationOnce(() => fail("ENOSPC"));
    expect(await failureOf(take().done)).toMatchObject({ code: "ENOSPC" });
    expect(readdirSync(directory)).toEqual(["a.lock"]);
    expect(readFileSync(path, "utf8")).toBe(text);
  });
});

describe("the lease is aborted", () => {
  it.each<[string, () => void]>([
    ["another has the lock", () => fs.writeFileSync(path, elsewhere())],
    ["the file is gone", () => fs.unlinkSync(path)],
    ["the disk fails", () => vi.mocked(fs.futimesSync).mockImplementationOnce(() => fail("EIO"))],
  ])("within three seconds when %s", async (_, breakIt) => {
    const holder = take();
    await pass(3_000);
    expect(holder.lease?.aborted).toBe(false);
    breakIt();
    await pass(3_000);
    expect(holder.lease?.reason).toMatchObject({
      code: "store_failed",
      message: /^the lock of the file store was lost/,
    });
    expect(vi.getTimerCount()).toBe(0);
    await holder.release();
  });

  it.each([60_000, -60_000])(
    "when this process slept and another is taking the lock over (clock: %i ms)",
    async (ms) => {
      const holder = take();
      await pass(0);
      fs.writeFileSync(guardOf(readFileSync(path, "utf8")), elsewhere());
      vi.setSystemTime(Date.now() + ms);
      await pass(3_000);
      expect(holder.lease?.aborted).toBe(true);
      const text = readFileSync(path, "utf8");
      await holder.release();
      expect(readFileSync(path, "utf8")).toBe(text);
    },
  );

  it.each([60_000, -60_000])(
    "not when this process slept and nobody minded, or its clock jumped by %i ms",
    async (ms) => {
      const holder = take();
      await pass(0);
      vi.setSystemTime(Date.now() + ms);
      await pass(3_000);
      expect(holder.lease?.aborted).toBe(false);
      expect(readdirSync(directory)).toEqual(["a.lock"]);
      vi.setSystemTime(Date.now() + ms);
      await holder.release();
      expect(readdirSync(directory)).toEqual([]);
    },
  );
});

describe("the end of a task", () => {
  it("leaves a lock alone that is another's by now", async () => {
    const holder = take();
    await pass(0);
    fs.writeFileSync(path, elsewhere());
    await holder.release();
    expect(readFileSync(path, "utf8")).toBe(elsewhere());
  });

  it("hands on the result though the lock cannot be removed", async () => {
    const result = withFileLock(path, async () => {
      vi.mocked(fs.unlinkSync).mockImplementationOnce(() => fail("EIO"));
      return "result";
    });
    await expect(result).resolves.toBe("result");
    expect(existsSync(path)).toBe(true);
  });

  it("is had at once after one that this process could not remove, and fails at once while the disk is read-only", async () => {
    await withFileLock(path, async () => {
      vi.mocked(fs.unlinkSync).mockImplementationOnce(() => fail("EROFS"));
    });
    const [left] = [readFileSync(path, "utf8")];
    vi.mocked(fs.openSync).mockImplementation((file, flags, mode) =>
      flags === "r" ? realOpen(file, flags, mode) : fail("EROFS"),
    );
    expect(await failureOf(take().done)).toMatchObject({ code: "EROFS" });
    vi.mocked(fs.openSync).mockImplementation(realOpen);
    expect(readFileSync(path, "utf8")).toBe(left);
    const taker = take();
    await pass(0);
    expect(taker.lease?.aborted).toBe(false);
    await taker.release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("is not needed for the process to end: the lock by itself keeps none alive", async () => {
    const program = `
      import { withFileLock } from "./src/node/file-lock.js";
      withFileLock(${JSON.stringify(path)}, () => new Promise(() => undefined));
    `;
    expect(await runProgram(program)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(existsSync(path)).toBe(true);
    await withFileLock(path, async () => undefined);
    expect(existsSync(path)).toBe(false);
  });
});

describe("on Windows, where files that somebody has open cannot be changed", () => {
  beforeEach(() => {
    vi.spyOn(process, "platform", "get").mockReturnValue("win32");
  });

  it.each(["EPERM", "EACCES", "EBUSY"])("who wants a lock tries again after %s", async (code) => {
    vi.mocked(fs.openSync)
      .mockImplementationOnce(() => fail(code))
      .mockImplementationOnce(() => fail(code));
    const holder = take();
    await pass(100);
    expect(holder.lease?.aborted).toBe(false);
    await holder.release();
  });

  it("who wants a lock gives up after twenty attempts", async () => {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      vi.mocked(fs.openSync).mockImplementationOnce(() => fail("EPERM"));
    }
    const holder = take();
    const failure = failureOf(holder.done);
    await pass(10_000);
    expect(await failure).toMatchObject({ code: "EPERM" });
    expect(fs.openSync).toHaveBeenCalledTimes(20);
  });

  it("who waits for long may meet more of them, if not in a row", async () => {
    fs.writeFileSync(path, ownerText({ pid: process.ppid }));
    const waiter = take();
    for (let more = 0; more < 2; more += 1) {
      for (let attempt = 0; attempt < 19; attempt += 1) {
        vi.mocked(fs.openSync).mockImplementationOnce(() => fail("EBUSY"));
      }
      await pass(8_000);
      utimesSync(path, more + 1, more + 1);
    }
    fs.unlinkSync(path);
    await pass(500);
    expect(waiter.lease?.aborted).toBe(false);
    await waiter.release();
  });

  it("a lock is taken over, renewed and removed at the next attempt", async () => {
    fs.writeFileSync(path, dead());
    vi.mocked(fs.renameSync).mockImplementationOnce(() => fail("EBUSY"));
    const holder = take();
    await pass(100);
    expect(holder.lease?.aborted).toBe(false);
    vi.mocked(fs.openSync).mockImplementationOnce(() => fail("EACCES"));
    await pass(3_500);
    expect(holder.lease?.aborted).toBe(false);
    vi.mocked(fs.unlinkSync).mockImplementationOnce(() => fail("EPERM"));
    const released = holder.release();
    await pass(100);
    await released;
    expect(readdirSync(directory)).toEqual([]);
  });
});

it("does not try again elsewhere", async () => {
  mkdirSync(path);
  await expect(take().done).rejects.toMatchObject({ code: "EISDIR" });
});
