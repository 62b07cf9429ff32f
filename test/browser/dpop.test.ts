import type { Page } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import type { FakeAuthServerOptions } from "../../src/testing.js";
import { describeWithService } from "../support/service.ts";
import { useChromium } from "./support/chromium.ts";
import { startCrossOriginServer } from "./support/cross-origin-server.ts";
import type { lib as library } from "./support/lib.ts";
import { openPage } from "./support/open-page.ts";
import { startSite } from "./support/site.ts";

declare const lib: typeof library;

describeWithService("tokens bound to keys in IndexedDB, in Chromium,", "CHROMIUM", (path) => {
  const chromium = useChromium(path);

  async function open(): Promise<{ page: Page; origin: string }> {
    const site = await startSite();
    onTestFinished(() => site.close());
    const context = await chromium().newContext();
    onTestFinished(() => context.close());
    return { page: await openPage(context, site.origin), origin: site.origin };
  }

  async function startServer(options: FakeAuthServerOptions) {
    const server = await startCrossOriginServer(options);
    onTestFinished(() => server.close());
    return server;
  }

  /** Away to the authorization server, and back to a page that knows nothing but what is stored. */
  async function logIn(page: Page, origin: string, serverUrl: string): Promise<void> {
    const authorizationUrl = await page.evaluate(
      async ([url, redirectUri]) => {
        const dpop = lib.createDpop({ keys: lib.createIndexedDbKeyStore() });
        const store = lib.createWebStorageStore(sessionStorage);
        const client = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store, dpop });
        return (await client.session(url).startAuthorization({ redirectUri })).authorizationUrl.href;
      },
      [serverUrl, `${origin}/back`] as const,
    );
    await page.goto(authorizationUrl);
    await page.waitForFunction(() => "lib" in globalThis);
  }

  it("let a page log in and call, and nobody read the key [spec-150, spec-153]", async () => {
    const server = await startServer({ dpop: { required: true, nonces: true } });
    const { page, origin } = await open();
    await logIn(page, origin, server.serverUrl);

    const outcome = await page.evaluate(async () => {
      const keys = lib.createIndexedDbKeyStore();
      const store = lib.createWebStorageStore(sessionStorage);
      const dpop = lib.createDpop({ keys });
      const client = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store, dpop });
      const { session, tokens } = await client.finishAuthorization(location.href);
      const call = lib.createAuthFetch(session);
      const statuses = [(await call(session.serverUrl)).status, (await call(session.serverUrl)).status];
      const id = tokens.dpopKeyId ?? "";
      const pair = await keys.get(id);
      const exported = await crypto.subtle.exportKey("jwk", pair?.privateKey as CryptoKey).then(
        () => "exported",
        (error: unknown) => (error as Error).name,
      );
      const stored = JSON.stringify(Object.entries(sessionStorage));
      await session.signOut();
      return { statuses, exported, stored, members: Object.keys(pair ?? {}), left: (await keys.get(id)) === undefined };
    });
    expect(outcome).toMatchObject({ statuses: [200, 200], exported: "InvalidAccessError", left: true });
    expect(outcome.members.sort()).toEqual(["privateKey", "publicKey"]);
    expect(outcome.stored).toContain("dpopKeyId");
    expect(outcome.stored).not.toContain('"d"');
    expect(server.requests.filter(({ endpoint }) => endpoint === "resource").map(({ status }) => status)).toEqual([
      401, 200, 200,
    ]);
  });

  it("are gone with the site's data, and the page has to log in again [spec-153]", async () => {
    const server = await startServer({ dpop: {} });
    const { page, origin } = await open();
    await logIn(page, origin, server.serverUrl);
    const outcome = await page.evaluate(async () => {
      const open = (onEvent?: (event: { readonly type: string }) => void) =>
        lib.createAuthClient({
          clientMetadata: { client_name: "Test" },
          store: lib.createWebStorageStore(sessionStorage),
          dpop: lib.createDpop({ keys: lib.createIndexedDbKeyStore() }),
          onEvent,
        });
      const { session } = await open().finishAuthorization(location.href);
      await new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase("mcp-oauth-client");
        request.onsuccess = resolve;
        request.onerror = reject;
        request.onblocked = reject;
      });
      const events: string[] = [];
      const restarted = open(({ type }) => events.push(type)).session(session.serverUrl);
      return { token: await restarted.getAccessToken(), events };
    });
    expect(outcome).toEqual({ token: undefined, events: ["dpop_key_missing"] });
  });

  it("leave no key of a login that nobody finished in time", async () => {
    const { page } = await open();
    const left = await page.evaluate(async () => {
      const keys = lib.createIndexedDbKeyStore({ name: "another" });
      const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, [
        "sign",
        "verify",
      ]);
      const pair = { publicKey, privateKey };
      await keys.set("given up", { ...pair, expiresAt: Date.now() - 1 });
      await keys.set("under way", { ...pair, expiresAt: Date.now() + 60_000 });
      await keys.set("in use", pair);
      const ids = ["given up", "under way", "in use"];
      return (await Promise.all(ids.map(async (id) => ((await keys.get(id)) ? [id] : [])))).flat();
    });
    expect(left).toEqual(["under way", "in use"]);
  });

  it("stay where they are at a redirect, whose target the browser does not show", async () => {
    const server = await startServer({ dpop: {} });
    const elsewhere = await startServer({});
    const { page, origin } = await open();
    await logIn(page, origin, server.serverUrl);
    server.faults.add({
      endpoint: "resource",
      fault: () => new Response(null, { status: 307, headers: { location: elsewhere.serverUrl } }),
    });
    const code = await page.evaluate(async () => {
      const client = lib.createAuthClient({
        clientMetadata: { client_name: "Test" },
        store: lib.createWebStorageStore(sessionStorage),
        dpop: lib.createDpop({ keys: lib.createIndexedDbKeyStore() }),
      });
      const { session } = await client.finishAuthorization(location.href);
      const response = lib.createAuthFetch(session)(session.serverUrl);
      return response.then(
        ({ status }) => status,
        (error: unknown) => (lib.isAuthError(error) ? error.code : String(error)),
      );
    });
    expect(code).toBe("redirect_refused");
    expect(elsewhere.requests).toEqual([]);
  });
});
