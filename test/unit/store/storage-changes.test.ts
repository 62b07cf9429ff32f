import { describe, expect, it, vi } from "vitest";
import { createWebStorageStore } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import { approvedBy, createHost } from "../../support/host.js";
import { createMemoryStorage } from "../../support/memory-storage.js";
import { openPages } from "../../support/pages.js";

type Pages = ReturnType<typeof openPages>;

/** Resolves when the page has looked into its copy and, not content with it, once more. */
const keepsLooking = async ({ storages }: Pages, page: number): Promise<void> => {
  const looks = (): number => storages[page]?.getItem.mock.calls.length ?? 0;
  const before = looks();
  await vi.waitFor(() => expect(looks()).toBeGreaterThan(before + 1));
};

const heldWords = async (): Promise<readonly (string | undefined)[]> =>
  ((await navigator.locks.query()).held ?? []).map(({ name }) => name).filter((name) => name?.startsWith("changed"));

describe("pages of one origin, each with a copy of localStorage,", () => {
  it("read what another page wrote before, though their copy has it later [pain-1]", async () => {
    const pages = openPages(2);
    const [one, two] = pages.stores;
    await one?.set("key", "old");
    pages.deliver();
    await one?.set("key", "new");
    const got = two?.get("key");
    await keepsLooking(pages, 1);
    pages.deliver();

    expect(await got).toBe("new");
  });

  it("read that another page deleted", async () => {
    const pages = openPages(2);
    const [one, two] = pages.stores;
    await one?.set("key", "value");
    pages.deliver();
    expect(await two?.get("key")).toBe("value");
    await one?.delete("key");
    const got = two?.get("key");
    await keepsLooking(pages, 1);
    pages.deliver();

    expect(await got).toBeUndefined();
  });

  it("do not wait for what nobody changed", async () => {
    const { stores, storages, deliver } = openPages(2);
    await stores[0]?.set("key", "value");
    deliver();
    await stores[0]?.set("another key", "not delivered");

    expect(await stores[1]?.get("key")).toBe("value");
    expect(await stores[1]?.get("no key")).toBeUndefined();
    expect(storages[1]?.getItem).toHaveBeenCalledTimes(4);
  });

  it("look again as soon as the browser says that the storage changed", async () => {
    const target = new EventTarget();
    const pages = openPages(2);
    await pages.stores[0]?.set("key", "value");
    const waits = new Promise<void>((resolve) => {
      vi.stubGlobal("addEventListener", (type: string, listener: () => void) => {
        target.addEventListener(type, listener);
        resolve();
      });
    });
    const got = pages.stores[1]?.get("key");
    await waits;
    pages.deliver();
    target.dispatchEvent(new Event("storage"));

    // no time has passed
    expect(await got).toBe("value");
  });

  it("give a value to one of those who take it [pain-35]", async () => {
    const pages = openPages(3);
    await pages.stores[0]?.set("key", "value");
    pages.deliver();
    const taken = Promise.all(pages.stores.map(async (store) => await store.take?.("key")));
    for (const copy of pages.copies) {
      await vi.waitFor(() => expect(copy.size).toBe(0));
      pages.deliver();
    }

    expect((await taken).filter((value) => value !== undefined)).toEqual(["value"]);
  });

  it("write upon what the others wrote, so that the last is the same in every copy", async () => {
    const pages = openPages(2);
    await pages.stores[0]?.set("key", "first");
    const second = pages.stores[1]?.set("key", "second");
    await keepsLooking(pages, 1);
    expect(pages.storages[1]?.setItem).not.toHaveBeenCalled();
    pages.deliver();
    await second;
    pages.deliver();

    expect(pages.copies.map((copy) => copy.get("mcp-oauth:key"))).toEqual(["#2|second", "#2|second"]);
  });

  it("do not wait for what could not be written", async () => {
    const pages = openPages(2);
    await pages.stores[0]?.set("key", "value");
    pages.deliver();
    pages.storages[0]?.setItem.mockImplementationOnce(() => {
      throw new DOMException("full", "QuotaExceededError");
    });

    await expect(pages.stores[0]?.set("key", "much")).rejects.toThrow("full");
    expect(await pages.stores[1]?.get("key")).toBe("value");
    expect(await heldWords()).toEqual(["changed 1+ mcp-oauth:key"]);
  });

  it("see at once that they cleared the storage themselves, and after ten seconds that another did", async () => {
    const pages = openPages(2);
    await pages.stores[0]?.set("key", "value");
    for (const copy of pages.copies) copy.clear();

    expect(await pages.stores[0]?.get("key")).toBeUndefined();
    let done = false;
    const got = Promise.resolve(pages.stores[1]?.get("key")).finally(() => (done = true));
    await vi.advanceTimersByTimeAsync(9_000);
    expect(done).toBe(false);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(await got).toBeUndefined();
  });

  it("tell of the last change of an item, for ten seconds", async () => {
    const { stores } = openPages(1);
    await stores[0]?.set("key", "value");
    await stores[0]?.set("key", "value");
    await stores[0]?.delete("key");
    expect(await heldWords()).toEqual(["changed 3- mcp-oauth:key"]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await heldWords()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("still wait for what was written before something that could not be", async () => {
    const pages = openPages(2);
    await pages.stores[0]?.set("key", "value");
    pages.storages[0]?.setItem.mockImplementationOnce(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    await expect(pages.stores[0]?.set("key", "much")).rejects.toThrow("full");
    const got = pages.stores[1]?.get("key");
    await keepsLooking(pages, 1);
    pages.deliver();

    expect(await got).toBe("value");
  });

  it("wait no longer than ten seconds for a page in the background, whose timers the browser holds up", async () => {
    const { stores } = openPages(1);
    let bringBack = (): void => undefined;
    const broughtBack = new Promise<void>((resolve) => (bringBack = resolve));
    const held = navigator.locks.request("changed 9+ mcp-oauth:key", { mode: "shared" }, () => broughtBack);
    const before = vi.getTimerCount();
    const got = Promise.resolve(stores[0]?.get("key"));
    await vi.advanceTimersByTimeAsync(10_100);

    expect(await got).toBeUndefined();
    expect(vi.getTimerCount()).toBe(before);
    bringBack();
    await held;
  });

  it("leave no timer behind when they have waited", async () => {
    const pages = openPages(2);
    await pages.stores[0]?.set("key", "value");
    const before = vi.getTimerCount();
    const got = pages.stores[1]?.get("key");
    await keepsLooking(pages, 1);
    pages.deliver();
    await got;

    expect(vi.getTimerCount()).toBe(before);
  });

  it("count anew what was deleted long ago, and take no other's change for their own", async () => {
    const pages = openPages(2);
    const [one, two] = pages.stores;
    await one?.set("key", "of one");
    pages.deliver();
    await vi.advanceTimersByTimeAsync(10_000);
    await two?.delete("key");
    pages.deliver();
    await vi.advanceTimersByTimeAsync(10_000);
    await two?.set("key", "of two");
    const got = one?.get("key");
    await keepsLooking(pages, 0);
    pages.deliver();

    expect(await got).toBe("of two");
  });

  it("fail to write when the browser refuses the lock that tells of it", async () => {
    const { stores, storages } = openPages(1);
    const request = navigator.locks.request.bind(navigator.locks) as (...args: unknown[]) => Promise<unknown>;
    const refused = new DOMException("not here", "SecurityError");
    vi.spyOn(navigator.locks, "request").mockImplementation(async (...args: unknown[]) =>
      args.length === 3 ? Promise.reject(refused) : request(...args),
    );

    await expect(stores[0]?.set("key", "value")).rejects.toBe(refused);
    expect(storages[0]?.setItem).not.toHaveBeenCalled();
  });

  it("say so when the browser refuses locks", async () => {
    const { stores } = openPages(1);
    const refused = new DOMException("not here", "SecurityError");
    vi.spyOn(navigator.locks, "request").mockRejectedValue(refused);
    vi.spyOn(navigator.locks, "query").mockRejectedValue(refused);

    await expect(stores[0]?.get("key")).rejects.toBe(refused);
    await expect(stores[0]?.set("key", "value")).rejects.toBe(refused);
  });

  it("wait for nobody in a sessionStorage, which no other page has", async () => {
    const { stores, storages } = openPages(2);
    const [, storage = createMemoryStorage()] = storages;
    vi.stubGlobal("sessionStorage", storage);
    await stores[0]?.set("key", "value");

    expect(createWebStorageStore(storage).get("key")).toBeUndefined();
  });

  it("refresh once, and none with the refresh token of before [pain-1]", async () => {
    const server = createFakeAuthServer();
    const pages = openPages(2);
    const [one, two] = pages.stores.map((store) => createHost(server, { store }));
    await one?.session.authorize(approvedBy(server));
    pages.deliver();
    const first = await two?.session.getAccessToken();
    server.advance(86_400_000);
    const token = await one?.session.getAccessToken();
    const adopted = two?.session.getAccessToken();
    await keepsLooking(pages, 1);
    pages.deliver();

    expect(await adopted).toBe(token);
    expect(token).not.toBe(first);
    expect(server.counts.refresh).toBe(1);
  });
});
