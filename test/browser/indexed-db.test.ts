import type { Page } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { describeWithService } from "../support/service.ts";
import { useChromium } from "./support/chromium.ts";
import { startCrossOriginServer } from "./support/cross-origin-server.ts";
import type { lib as library } from "./support/lib.ts";
import { startSite } from "./support/site.ts";

declare const lib: typeof library;

describeWithService("the store in IndexedDB, in Chromium,", "CHROMIUM", (path) => {
  const chromium = useChromium(path);

  async function openPages(count: number): Promise<{ pages: readonly Page[]; origin: string }> {
    const site = await startSite();
    onTestFinished(() => site.close());
    const context = await chromium().newContext();
    onTestFinished(() => context.close());
    const open = async (): Promise<Page> => {
      const page = await context.newPage();
      await page.goto(site.origin);
      await page.waitForFunction(() => "lib" in globalThis);
      return page;
    };
    return { pages: await Promise.all(Array.from({ length: count }, open)), origin: site.origin };
  }
  async function openPage(): Promise<{ page: Page; origin: string }> {
    const { pages, origin } = await openPages(1);
    const [page] = pages;
    if (page === undefined) throw new Error("no page");
    return { page, origin };
  }

  /** Resolves to how many tests were run, and to what went wrong. */
  const keepTheContract = async (): Promise<{ readonly count: number; readonly failures: readonly string[] }> => {
    const tests: (readonly [name: string, body: () => Promise<void>])[] = [];
    let time = Date.now();
    const store = (name: string) => lib.createIndexedDbStore({ name, now: () => time });
    lib.kvStoreContract((name, body) => tests.push([name, body]), store, {
      abilities: ["withLock", "take", "keys"],
      expiry: true,
      now: () => time,
      advance: (ms) => void (time += ms),
      maxKeys: 1000,
    });
    const failures: string[] = [];
    for (const [name, body] of tests)
      await body().catch((error: unknown) => failures.push(`${name}: ${String(error)}`));
    return { count: tests.length, failures };
  };

  it("keeps the contract of stores in a page", async () => {
    const { page } = await openPage();
    const { count, failures } = await page.evaluate(keepTheContract);
    expect(failures).toEqual([]);
    expect(count).toBeGreaterThan(20);
  });

  it("keeps it in a worker, which has no localStorage", async () => {
    const { page } = await openPage();
    const outcome = await page.evaluate(
      (text) =>
        new Promise((resolve) => {
          const worker = new Worker("/worker.js", { type: "module" });
          worker.onmessage = ({ data }) => resolve(data);
          worker.postMessage(text);
        }),
      `async () => ({ ...(await (${keepTheContract.toString()})()), page: "localStorage" in globalThis })`,
    );
    expect(outcome).toMatchObject({ failures: [], page: false });
  });

  it("shows each tab under a lock what the one before wrote [pain-1]", async () => {
    const { pages } = await openPages(3);
    const count = (page: Page): Promise<void> =>
      page.evaluate(async () => {
        const store = lib.createIndexedDbStore();
        const increment = async (): Promise<void> => {
          const before = Number((await store.get("count")) ?? 0);
          await store.set("count", String(before + 1));
        };
        for (let round = 0; round < 30; round++) await store.withLock?.("count", increment);
      });
    await Promise.all(pages.map(count));
    expect(await pages[0]?.evaluate(async () => await lib.createIndexedDbStore().get("count"))).toBe("90");
  });

  it("gives what several tabs take at once to one of them [pain-35]", async () => {
    const { pages } = await openPages(3);
    const keys = Array.from({ length: 20 }, (_, index) => `key ${String(index)}`);
    await pages[0]?.evaluate(async (all) => {
      const store = lib.createIndexedDbStore();
      await Promise.all(all.map((key) => store.set(key, key)));
    }, keys);
    const take = (page: Page): Promise<readonly (string | null | undefined)[]> =>
      page.evaluate(async (all) => {
        const store = lib.createIndexedDbStore();
        return await Promise.all(all.map(async (key) => await store.take?.(key)));
      }, keys);
    const taken = (await Promise.all(pages.map(take))).flat().filter((value) => typeof value === "string");
    expect(taken.sort()).toEqual([...keys].sort());
  });

  it("carries a login over to another page, and keeps nothing of what has expired", async () => {
    const server = await startCrossOriginServer();
    onTestFinished(() => server.close());
    const { page, origin } = await openPage();
    const authorizationUrl = await page.evaluate(
      async ([serverUrl, redirectUri]) => {
        const store = lib.createIndexedDbStore();
        await store.set("abandoned", "login", { expiresAt: Date.now() - 1 });
        const session = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store }).session(serverUrl);
        return (await session.startAuthorization({ redirectUri })).authorizationUrl.href;
      },
      [server.serverUrl, `${origin}/back`] as const,
    );
    await page.goto(authorizationUrl);
    await page.waitForFunction(() => "lib" in globalThis);
    const outcome = await page.evaluate(async () => {
      const store = lib.createIndexedDbStore();
      const client = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store });
      const { session } = await client.finishAuthorization(location.href);
      const { status } = await lib.createAuthFetch(session)(session.serverUrl);
      const kinds: string[] = [];
      // to whom nothing has expired yet
      const before = lib.createIndexedDbStore({ now: () => 0 });
      for await (const key of before.keys?.("") ?? []) kinds.push(key.split(":")[1] ?? key);
      return { status, kinds: kinds.sort() };
    });
    expect(outcome).toEqual({ status: 200, kinds: ["client", "issuer", "server", "tokens"] });
    expect(server.counts).toMatchObject({ registration: 1, token: 1 });
  });

  it("says so when the browser has no database for it", async () => {
    const { page } = await openPage();
    const outcome = await page.evaluate(async () => {
      Object.defineProperty(globalThis, "indexedDB", { value: undefined });
      const client = lib.createAuthClient({
        clientMetadata: { client_name: "Test" },
        store: lib.createIndexedDbStore(),
      });
      const failure: unknown = await client
        .session("https://mcp.example.com/mcp")
        .getTokens()
        .catch((error: unknown) => error);
      return lib.isAuthError(failure) ? [failure.code, String(failure.cause)] : "no error";
    });
    expect(outcome).toEqual(["store_failed", "Error: there is no IndexedDB here"]);
  });
});
