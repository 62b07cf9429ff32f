import type { Page } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import type { FakeAuthServerOptions } from "../../src/testing.js";
import { describeWithService } from "../support/service.ts";
import { useChromium } from "./support/chromium.ts";
import { startCrossOriginServer } from "./support/cross-origin-server.ts";
import type { lib as library } from "./support/lib.ts";
import { startSite } from "./support/site.ts";

declare const lib: typeof library;
declare const giveUp: AbortController;

describeWithService("a login in a window of Chromium", "CHROMIUM", (path) => {
  const chromium = useChromium(path);

  async function start(options?: FakeAuthServerOptions) {
    const server = await startCrossOriginServer(options);
    onTestFinished(() => server.close());
    const site = await startSite();
    onTestFinished(() => site.close());
    const context = await chromium().newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(site.origin);
    await page.waitForFunction(() => "lib" in globalThis);
    return { server, site, context, page };
  }

  /** Resolves to what the login came to: `ok` when a request went through after it, or the error. */
  const logIn = (page: Page, serverUrl: string, redirectUri = "/callback"): Promise<string> =>
    page.evaluate(
      async ([url, path]) => {
        Object.assign(globalThis, { giveUp: new AbortController() });
        const store = lib.createWebStorageStore(sessionStorage);
        const session = lib.createAuthClient({ clientMetadata: { client_name: "Test" }, store }).session(url);
        try {
          const redirectUri = new URL(path, location.href);
          await lib.authorizeWithPopup(session, { redirectUri, signal: giveUp.signal });
          const response = await lib.createAuthFetch(session)(url);
          return response.ok ? "ok" : String(response.status);
        } catch (error) {
          return lib.isAuthError(error) ? error.code : String(error);
        }
      },
      [serverUrl, redirectUri] as const,
    );

  it("leaves the page where it is, and closes the window", async () => {
    const { server, page, context, site } = await start();
    const opened = page.waitForEvent("popup");
    expect(await logIn(page, server.serverUrl)).toBe("ok");
    const popup = await opened;
    if (!popup.isClosed()) await popup.waitForEvent("close");
    expect(page.url()).toBe(`${site.origin}/`);
    expect(context.pages()).toEqual([page]);
    expect(server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1 });
  });

  it("works where the authorization server cuts the tie between the windows", async () => {
    const { server, page, context } = await start({
      faults: [{ endpoint: "authorization", fault: { headers: { "cross-origin-opener-policy": "same-origin" } } }],
    });
    const opened = page.waitForEvent("popup");
    expect(await logIn(page, server.serverUrl)).toBe("ok");
    const popup = await opened;
    if (!popup.isClosed()) await popup.waitForEvent("close");
    expect(context.pages()).toEqual([page]);
  });

  it("gives what is shown there no hold on the page", async () => {
    const { server, page, context, site } = await start();
    await context.addInitScript(() => {
      if (location.pathname === "/callback") localStorage.setItem("opener", String(opener));
    });
    expect(await logIn(page, server.serverUrl)).toBe("ok");
    // what one process of the browser writes comes to another later
    await page.waitForFunction(() => localStorage.getItem("opener") !== null);
    expect(await page.evaluate(() => localStorage.getItem("opener"))).toBe("null");
    expect(page.url()).toBe(`${site.origin}/`);
  });

  it("fails with a code when the browser opens no window, before anything is sent", async () => {
    const { server, page, site } = await start();
    // a page that asks for a window as it loads, without a click
    await page.route("**/asks", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<!doctype html><script type="module">import "/lib.js";
          const client = lib.createAuthClient({ clientMetadata: { client_name: "Test" } });
          const options = { redirectUri: location.origin + "/callback" };
          lib.authorizeWithPopup(client.session("${server.serverUrl}"), options).catch((error) => (document.title = error.code));
        </script>`,
      }),
    );
    await page.goto(`${site.origin}/asks`);
    await page.waitForFunction(() => document.title !== "");
    expect(await page.title()).toBe("popup_blocked");
    expect(server.requests).toEqual([]);
  });

  it("ends at once when the user gives up in the page; a callback that comes later is for nobody", async () => {
    const stays = await startSite();
    onTestFinished(() => stays.close());
    const { server, page, site } = await start({
      authorizationServerMetadata: { authorization_endpoint: `${stays.origin}/stays` },
    });
    const opened = page.waitForEvent("popup");
    const outcome = logIn(page, server.serverUrl);
    const popup = await opened;
    await popup.waitForURL(/\/stays/);
    await page.evaluate(() => giveUp.abort(new Error("enough")));
    expect(await outcome).toBe("Error: enough");
    const { state } = Object.fromEntries(new URL(popup.url()).searchParams);
    await popup.goto(`${site.origin}/callback?code=late&state=${String(state)}`);
    await popup.waitForURL(`${site.origin}/callback`);
    expect([popup.isClosed(), server.counts.token]).toEqual([false, 0]);
  });

  it("does not answer for a page of another origin", async () => {
    const { server, page } = await start();
    expect(await logIn(page, server.serverUrl, "https://elsewhere.example/callback")).toMatch(
      /^TypeError: "redirectUri"/,
    );
    expect(server.requests).toEqual([]);
  });
});
