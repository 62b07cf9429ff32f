import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { extname, join } from "node:path";
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { serve } from "../support/serve.ts";
import { createNotesServer } from "../support/served-mcp-server.ts";
import { describeWithService } from "../support/service.ts";
import { useChromium } from "./support/chromium.ts";
import { startCrossOriginServer, type CrossOriginServer } from "./support/cross-origin-server.ts";

const root = join(import.meta.dirname, "..", "..");
const TYPES: Readonly<Record<string, string>> = { ".html": "text/html; charset=utf-8", ".js": "text/javascript" };

describeWithService("the example of a single-page application in Chromium", "CHROMIUM", (path) => {
  const chromium = useChromium(path);
  mkdirSync(join(root, ".cache"), { recursive: true });
  const outDir = mkdtempSync(join(root, ".cache", "browser-spa-"));
  beforeAll(async () => {
    const folder = join(root, "examples", "browser-spa");
    await build({ root: folder, configFile: false, logLevel: "error", build: { outDir } });
  });
  afterAll(() => rmSync(outDir, { recursive: true }));

  async function start(options: Parameters<typeof startCrossOriginServer>[0] = {}) {
    const mcp = createMcpHandler(createNotesServer);
    const server = await startCrossOriginServer({ handleResource: (request) => mcp.fetch(request), ...options });
    onTestFinished(() => server.close());
    const site = await serve(() => async ({ url }) => {
      const { pathname } = new URL(url);
      const name = pathname === "/" ? "/index.html" : pathname;
      const type = TYPES[extname(name)];
      if (type === undefined) return new Response(null, { status: 404 });
      return new Response(readFileSync(join(outDir, name)), { headers: { "content-type": type } });
    });
    onTestFinished(() => site.close());
    const context = await chromium().newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(site.origin);
    return { server, site, page };
  }

  async function ask(page: Page, server: CrossOriginServer): Promise<void> {
    await page.getByLabel("MCP server").fill(server.serverUrl);
    await page.getByRole("button").click();
  }

  it("logs in, comes back and lists the tools; the next list needs no login", async () => {
    const { server, site, page } = await start();
    await ask(page, server);
    await page.getByText("1 tools").waitFor();
    expect(await page.getByRole("listitem").allTextContents()).toEqual(["read_notes"]);
    expect(page.url()).toBe(`${site.origin}/`);
    server.expireAccessTokens();
    await page.reload();
    await ask(page, server);
    await page.getByText("1 tools").waitFor();
    expect(server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1, refresh: 1 });
  });

  it("exchanges no code again when the user goes back, and leaves none in the history", async () => {
    const { server, site, page } = await start();
    await ask(page, server);
    await page.getByText("1 tools").waitFor();
    await page.goto("about:blank");
    await page.goBack();
    expect(page.url()).toBe(`${site.origin}/`);
    await page.goBack();
    expect(page.url()).toBe(`${site.origin}/`);
    expect(server.counts).toMatchObject({ authorization: 1, token: 1 });
  });

  it("says what went wrong", async () => {
    const { server, page } = await start({ registration: "none" });
    await ask(page, server);
    await page.getByText(/^registration_unsupported: /).waitFor();
  });
});
