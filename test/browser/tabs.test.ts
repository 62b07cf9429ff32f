import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import type { Page } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { describeWithService } from "../support/service.ts";
import { useChromium } from "./support/chromium.ts";
import { startCrossOriginServer, type CrossOriginServer } from "./support/cross-origin-server.ts";
import type { lib as library } from "./support/lib.ts";
import { openPage } from "./support/open-page.ts";
import { startSite } from "./support/site.ts";

declare const lib: typeof library;

describeWithService("pages of one origin in Chromium", "CHROMIUM", (path) => {
  const chromium = useChromium(path);

  async function start(options?: Parameters<typeof startCrossOriginServer>[0]) {
    const server = await startCrossOriginServer(options);
    onTestFinished(() => server.close());
    const site = await startSite();
    onTestFinished(() => site.close());
    const context = await chromium().newContext();
    onTestFinished(() => context.close());
    return { server, site, context };
  }

  /** As a single-page application does it: away to the authorization server, back to another page of its own. */
  async function logIn(page: Page, origin: string, server: CrossOriginServer, storage: "local" | "session" = "local") {
    const authorizationUrl = await page.evaluate(
      async ([serverUrl, redirectUri, kind]) => {
        const storage = kind === "local" ? localStorage : sessionStorage;
        const store = lib.createWebStorageStore(storage);
        const session = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store }).session(serverUrl);
        return (await session.startAuthorization({ redirectUri })).authorizationUrl.href;
      },
      [server.serverUrl, `${origin}/back`, storage] as const,
    );
    await page.goto(authorizationUrl);
    expect(new URL(page.url()).pathname).toBe("/back");
    await page.waitForFunction(() => "lib" in globalThis);
    return await page.evaluate(async (kind) => {
      const storage = kind === "local" ? localStorage : sessionStorage;
      const store = lib.createWebStorageStore(storage);
      const client = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store });
      return (await client.finishAuthorization(location.href)).session.serverUrl;
    }, storage);
  }

  /** Four requests at once, in a session of this tab; resolves to their statuses, or the code of what went wrong. */
  const callFourTimes = (page: Page, serverUrl: string): Promise<readonly (number | string)[]> =>
    page.evaluate(async (url) => {
      const store = lib.createWebStorageStore(localStorage);
      const session = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store }).session(url);
      const call = lib.createAuthFetch(session);
      const outcomes = [call(url), call(url), call(url), call(url)].map(async (work) => {
        try {
          return (await work).status;
        } catch (error) {
          return lib.isAuthError(error) ? error.code : String(error);
        }
      });
      return await Promise.all(outcomes);
    }, serverUrl);

  it("make one refresh request when the tokens of two tabs with eight requests have run out [pain-1]", async () => {
    const { server, site, context } = await start();
    const tabs = [await openPage(context, site.origin), await openPage(context, site.origin)] as const;
    await logIn(tabs[0], site.origin, server);
    server.advance(86_400_000);
    for (const tab of tabs) await tab.clock.setFixedTime(server.now());
    const statuses = await Promise.all(tabs.map((tab) => callFourTimes(tab, server.serverUrl)));
    expect(statuses.flat()).toEqual(Array(8).fill(200));
    expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
  });

  it("make one refresh request when the server ends the tokens of two tabs with eight requests", async () => {
    const { server, site, context } = await start();
    const tabs = [await openPage(context, site.origin), await openPage(context, site.origin)] as const;
    await logIn(tabs[0], site.origin, server);
    server.expireAccessTokens();
    const statuses = await Promise.all(tabs.map((tab) => callFourTimes(tab, server.serverUrl)));
    expect(statuses.flat()).toEqual(Array(8).fill(200));
    expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
  });

  it.each(["localStorage", "IndexedDB"] as const)(
    "see under a lock what the tab wrote to %s that had it before, though browsers may copy it late [pain-1]",
    async (kind) => {
      const { site, context } = await start();
      const tabs = await Promise.all([1, 2, 3].map(() => openPage(context, site.origin)));
      const count = (tab: Page): Promise<void> =>
        tab.evaluate(async (kind) => {
          const store = lib.sharedStores[kind]();
          const increment = async (): Promise<void> => {
            const before = Number((await store.get("count")) ?? 0);
            await store.set("count", String(before + 1));
          };
          for (let round = 0; round < 50; round++) await store.withLock?.("count", increment);
        }, kind);
      await Promise.all(tabs.map(count));
      const counts = tabs.map((tab) => tab.evaluate(async (kind) => await lib.sharedStores[kind]().get("count"), kind));
      expect(await Promise.all(counts)).toEqual(["150", "150", "150"]);
    },
  );

  it.each(["localStorage", "IndexedDB"] as const)(
    "give what several tabs take from %s at once to one of them [pain-35]",
    async (kind) => {
      const { site, context } = await start();
      const tabs = await Promise.all([1, 2, 3].map(() => openPage(context, site.origin)));
      const keys = Array.from({ length: 50 }, (_, index) => `key ${String(index)}`);
      const task = { kind, keys };
      await tabs[0]?.evaluate(async ({ kind, keys }) => {
        const store = lib.sharedStores[kind]();
        await Promise.all(keys.map((key) => store.set(key, key)));
      }, task);
      const take = (tab: Page): Promise<readonly (string | null | undefined)[]> =>
        tab.evaluate(async ({ kind, keys }) => {
          const store = lib.sharedStores[kind]();
          return await Promise.all(keys.map(async (key) => await store.take?.(key)));
        }, task);
      const taken = (await Promise.all(tabs.map(take))).flat().filter((value) => typeof value === "string");
      expect(taken.sort()).toEqual([...keys].sort());
    },
  );

  it("ask before no request for metadata or tokens: no preflight", async () => {
    const { server, site, context } = await start();
    const asked = new Set<string | undefined>();
    const note = (message: unknown): void => {
      const { method, url } = (message as { readonly request: IncomingMessage }).request;
      if (method === "OPTIONS") asked.add(url);
    };
    subscribe("http.server.request.start", note);
    onTestFinished(() => void unsubscribe("http.server.request.start", note));
    const tab = await openPage(context, site.origin);
    await logIn(tab, site.origin, server);
    expect(await callFourTimes(tab, server.serverUrl)).toEqual(Array(4).fill(200));
    // JSON and Authorization are what browsers ask about
    expect([...asked].sort()).toEqual(["/auth/register", "/mcp"]);
    expect(server.counts).toMatchObject({ protectedResourceMetadata: 1, authorizationServerMetadata: 1, token: 1 });
  });

  it("exchange a code once, though the user goes back to the callback page or opens it again [pain-35]", async () => {
    const { server, site, context } = await start();
    const tab = await openPage(context, site.origin);
    await logIn(tab, site.origin, server, "session");
    const callback = tab.url();
    await tab.goto(`${site.origin}/elsewhere`);
    const finish = () =>
      tab.evaluate(async () => {
        const store = lib.createWebStorageStore(sessionStorage);
        const client = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store });
        const failure: unknown = await client.finishAuthorization(location.href).catch((error: unknown) => error);
        return lib.isAuthError(failure) ? failure.code : "no error";
      });
    await tab.goBack();
    expect(tab.url()).toBe(callback);
    await tab.waitForFunction(() => "lib" in globalThis);
    expect(await finish()).toBe("state_unknown");
    await tab.reload();
    await tab.waitForFunction(() => "lib" in globalThis);
    expect(await finish()).toBe("state_unknown");
    expect(server.counts).toMatchObject({ token: 1, resource: 0 });
  });

  it("finish a login in the tab that began it alone, where tabs have a store of their own", async () => {
    const { server, site, context } = await start();
    const tab = await openPage(context, site.origin);
    await logIn(tab, site.origin, server, "session");
    const other = await openPage(context, tab.url());
    const code = await other.evaluate(async () => {
      const store = lib.createWebStorageStore(sessionStorage);
      const client = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store });
      const failure: unknown = await client.finishAuthorization(location.href).catch((error: unknown) => error);
      return lib.isAuthError(failure) ? failure.code : "no error";
    });
    expect(code).toBe("state_unknown");
    expect(server.counts.token).toBe(1);
  });
});
