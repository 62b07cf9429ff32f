import type { Page } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { describeWithService } from "../support/service.ts";
import { useChromium } from "./support/chromium.ts";
import { startCrossOriginServer } from "./support/cross-origin-server.ts";
import type { lib as library } from "./support/lib.ts";
import { openPage } from "./support/open-page.ts";
import { startSite } from "./support/site.ts";

declare const lib: typeof library;

describeWithService("the store in IndexedDB, in Chromium,", "CHROMIUM", (path) => {
  const chromium = useChromium(path);

  async function open(): Promise<{ page: Page; origin: string }> {
    const site = await startSite();
    onTestFinished(() => site.close());
    const context = await chromium().newContext();
    onTestFinished(() => context.close());
    return { page: await openPage(context, site.origin), origin: site.origin };
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
    const { page } = await open();
    const { count, failures } = await page.evaluate(keepTheContract);
    expect(failures).toEqual([]);
    expect(count).toBeGreaterThan(20);
  });

  it("keeps it in a worker, which has no localStorage", async () => {
    const { page } = await open();
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

  it("carries a login over to another page, and keeps nothing of what has expired", async () => {
    const server = await startCrossOriginServer();
    onTestFinished(() => server.close());
    const { page, origin } = await open();
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
    const { page } = await open();
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
