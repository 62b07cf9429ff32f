import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { KVStore } from "../../../src/index.js";
import { isAuthError } from "../../../src/index.js";
import { withLock } from "../../../src/store/locks.js";
import { failureOf, viewOf } from "../../support/host.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** A task that ends when it is told to. */
function gated(log: string[], name: string) {
  let end = (): void => undefined;
  const gate = new Promise<void>((resolve) => (end = resolve));
  return {
    end: () => end(),
    task: async () => {
      log.push(`${name} begins`);
      await gate;
      log.push(`${name} ends`);
      return name;
    },
  };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("a lock within the process", () => {
  it("lets one task in at a time, in the order in which they came", async () => {
    const store = new Map<string, string>();
    const log: string[] = [];
    const tasks = ["a", "b", "c"].map((name) => gated(log, name));
    const work = tasks.map(({ task }) => withLock(store, "lock", task));
    await settle();
    expect(log).toEqual(["a begins"]);
    for (const { end } of tasks) {
      end();
      await settle();
    }
    expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
    expect(await Promise.all(work)).toEqual(["a", "b", "c"]);
  });

  it("is one for each name and each store", async () => {
    const log: string[] = [];
    const tasks = ["a", "b", "c"].map((name) => gated(log, name));
    const store = new Map<string, string>();
    const work = [
      withLock(store, "one", tasks[0]?.task ?? failing),
      withLock(store, "two", tasks[1]?.task ?? failing),
      withLock(new Map<string, string>(), "one", tasks[2]?.task ?? failing),
    ];
    await settle();
    expect(log).toEqual(["a begins", "b begins", "c begins"]);
    for (const { end } of tasks) end();
    await Promise.all(work);
  });

  it("passes on to the next after an error, which is the task's own", async () => {
    const store = new Map<string, string>();
    const error = new Error("mine");
    const first = failureOf(withLock(store, "lock", () => Promise.reject(error)));
    const second = withLock(store, "lock", async () => "next");

    expect(await first).toBe(error);
    expect(await second).toBe("next");
  });

  it("is still held when one who waited for it has given up: the next one waits on", async () => {
    const store = new Map<string, string>();
    const log: string[] = [];
    const holder = gated(log, "holder");
    const next = gated(log, "next");
    const controller = new AbortController();
    const reason = new Error("enough");
    const held = withLock(store, "lock", holder.task);
    const quitter = failureOf(withLock(store, "lock", async () => log.push("quitter"), { signal: controller.signal }));
    controller.abort(reason);
    expect(await quitter).toBe(reason);
    const waiting = withLock(store, "lock", next.task);
    await settle();
    expect(log).toEqual(["holder begins"]);
    holder.end();
    next.end();
    await Promise.all([held, waiting]);
    expect(log).toEqual(["holder begins", "holder ends", "next begins", "next ends"]);
  });

  it("is not waited for by one who has given up already", async () => {
    const reason = new Error("gone");
    const signal = AbortSignal.abort(reason);
    expect(await failureOf(withLock(new Map<string, string>(), "lock", failing, { signal }))).toBe(reason);
  });

  it("is waited for as long as the caller says, which is an error then: nobody goes on without it", async () => {
    const store = new Map<string, string>();
    const log: string[] = [];
    const holder = gated(log, "holder");
    const held = withLock(store, "lock", holder.task);
    const late = failureOf(withLock(store, "lock", async () => log.push("late"), { waitMs: 10_000 }));
    const later = withLock(store, "lock", async () => log.push("later"));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await late).toMatchObject({ code: "lock_timeout", key: "lock" });
    await settle();
    expect(log).toEqual(["holder begins"]);
    holder.end();
    await Promise.all([held, later]);
    expect(log).toEqual(["holder begins", "holder ends", "later"]);
  });

  it("comes free a minute after a task began that its runtime dropped, if that one was to be short", async () => {
    const store = new Map<string, string>();
    const log: string[] = [];
    const dropped = gated(log, "dropped");
    void withLock(store, "lock", dropped.task);
    const next = withLock(store, "lock", async () => log.push("next"), { waitMs: Infinity });
    await vi.advanceTimersByTimeAsync(59_999);
    expect(log).toEqual(["dropped begins"]);
    await vi.advanceTimersByTimeAsync(1);
    await next;
    expect(log).toEqual(["dropped begins", "next"]);
    dropped.end();
    await settle();
  });

  it("is waited for without end by who says so", async () => {
    const store = new Map<string, string>();
    const log: string[] = [];
    const holder = gated(log, "holder");
    const held = withLock(store, "lock", holder.task, { waitMs: Infinity });
    const patient = withLock(store, "lock", async () => log.push("patient"), { waitMs: Infinity });
    await vi.advanceTimersByTimeAsync(86_400_000);
    expect(log).toEqual(["holder begins"]);
    holder.end();
    await Promise.all([held, patient]);
  });

  it("does not exist where requests must not wait for each other's promises", async () => {
    vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
    const store = new Map<string, string>();
    const log: string[] = [];
    const tasks = ["a", "b"].map((name) => gated(log, name));
    const work = tasks.map(({ task }) => withLock(store, "lock", task));
    await settle();
    expect(log).toEqual(["a begins", "b begins"]);
    for (const { end } of tasks) end();
    await Promise.all(work);
  });
});

describe("a lock of the store", () => {
  const storeWith = (lock: NonNullable<KVStore["withLock"]>): KVStore => ({ ...viewOf(new Map()), withLock: lock });
  const hanging = storeWith(
    (_, __, { signal } = {}) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      }),
  );

  it("is taken under the same name, and its lease reaches the task", async () => {
    const lease = new AbortController().signal;
    const names: string[] = [];
    const store = storeWith(async (name, task) => {
      names.push(name);
      return await task(lease);
    });

    expect(await withLock(store, "refresh:x", async (given) => given === lease)).toBe(true);
    expect(names).toEqual(["refresh:x"]);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no connection");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no connection"))],
  ])("that %s is an error of the store, with what it threw as its cause", async (_, lock) => {
    const error = await failureOf(withLock(storeWith(lock), "refresh:x", failing));

    expect(error).toMatchObject({ code: "store_failed", key: "refresh:x" });
    expect(isAuthError(error) && error.cause).toEqual(new Error("no connection"));
  });

  it("lets the error of the task through as it is", async () => {
    const error = new Error("mine");
    const store = storeWith(async (_, task) => await task(new AbortController().signal));

    expect(await failureOf(withLock(store, "lock", () => Promise.reject(error)))).toBe(error);
  });

  it("that does not come free in time is a lock_timeout", async () => {
    const work = failureOf(withLock(hanging, "refresh:x", failing, { waitMs: 20_000 }));
    await vi.advanceTimersByTimeAsync(20_000);

    expect(await work).toMatchObject({ code: "lock_timeout", key: "refresh:x" });
  });

  it("that hears of no signal is a lock_timeout all the same, and the task is not run when it comes", async () => {
    const log: string[] = [];
    const lock = gated(log, "lock");
    const late = storeWith(async (_, task) => {
      await lock.task();
      return await task(new AbortController().signal);
    });
    const work = failureOf(withLock(late, "refresh:x", async () => log.push("task"), { waitMs: 20_000 }));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await work).toMatchObject({ code: "lock_timeout" });
    lock.end();
    await settle();
    expect(log).toEqual(["lock begins", "lock ends"]);
  });

  it.each([
    ["is not given back", () => new Promise<never>(() => undefined)],
    ["fails to be given back", () => Promise.reject(new Error("no connection"))],
  ])("that %s costs nobody the result of the task", async (_, release) => {
    const store = storeWith(async (_name, task) => {
      await task(new AbortController().signal);
      return await release();
    });
    const work = withLock(store, "lock", async () => "done", { waitMs: 20_000 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await work).toBe("done");
  });

  it.each([20_000, Infinity])(
    "is given back before the caller goes on, having waited %d ms at most",
    async (waitMs) => {
      const log: string[] = [];
      const release = gated(log, "release");
      const store = storeWith(async (_, task) => {
        const result = await task(new AbortController().signal);
        await release.task();
        return result;
      });
      const work = withLock(store, "lock", async () => "done", { waitMs }).then((result) => log.push(result));
      await settle();
      expect(log).toEqual(["release begins"]);
      release.end();
      await work;
      expect(log).toEqual(["release begins", "release ends", "done"]);
    },
  );

  it("that runs the task again, or gives back something else, gets its one result through", async () => {
    let runs = 0;
    const store = storeWith(async (_, task) => {
      const lease = new AbortController().signal;
      await task(lease);
      await task(lease);
      return "garbage" as never;
    });

    expect(await withLock(store, "lock", async () => (runs += 1))).toBe(1);
    expect(runs).toBe(1);
  });

  it.each([
    ["never runs the task", () => Promise.resolve(undefined as never)],
    ["is no promise", () => undefined as never],
  ])("that %s is an error of the store", async (_, lock) => {
    const work = withLock(storeWith(lock), "lock", failing);
    expect(await failureOf(work)).toMatchObject({ code: "store_failed", key: "lock" });
  });

  it("is no longer waited for by one who gives up, who gets its own reason", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const work = failureOf(withLock(hanging, "lock", failing, { signal: controller.signal, waitMs: 20_000 }));
    await settle();
    controller.abort(reason);

    expect(await work).toBe(reason);
  });

  it("that was got is not lost when the time for waiting is over", async () => {
    const store = storeWith(async (_, task) => await task(new AbortController().signal));
    const log: string[] = [];
    const slow = gated(log, "slow");
    const controller = new AbortController();
    const work = withLock(store, "lock", slow.task, { signal: controller.signal, waitMs: 1000 });
    await vi.advanceTimersByTimeAsync(60_000);
    controller.abort(new Error("too late"));
    slow.end();

    expect(await work).toBe("slow");
  });

  it("of a pending login is not named by its state", async () => {
    const error = await failureOf(
      withLock(
        storeWith(() => Promise.reject(new Error("x"))),
        "pending:secret-state",
        failing,
      ),
    );
    expect(String(error)).not.toContain("secret-state");
    expect(error).toMatchObject({ key: "pending:…" });
  });
});

function failing(): Promise<never> {
  return Promise.reject(new Error("the task was not to run"));
}
