import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { createAuthClient, createAuthFetch, createMemoryStore, startCallbackServer } from "../../src/index.js";
import type { AuthSession } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../src/testing.js";
import { failureOf } from "../support/host.ts";
import { describeWithService } from "../support/service.ts";
import { useChromium } from "./support/chromium.ts";

// UPDATE_IMAGES=true renews the picture in docs/testing.md
const images = join(import.meta.dirname, "../..", process.env["UPDATE_IMAGES"] === "true" ? "docs/images" : ".cache");
mkdirSync(images, { recursive: true });

describeWithService("the consent page in Chromium", "CHROMIUM", (path) => {
  const chromium = useChromium(path);

  async function start(options: FakeAuthServerOptions = {}) {
    const server = createFakeAuthServer(options);
    const listener = await server.listen();
    onTestFinished(() => listener.close());
    const page = await chromium().newPage({ viewport: { width: 720, height: 640 } });
    onTestFinished(() => page.close());
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("requestfailed", (request) => complaints.push(request.url()));
    return { server, page, complaints };
  }

  /** A host that waits for the browser to come back, as a command-line program does. */
  async function logIn(server: FakeAuthServer, interact: (url: URL) => Promise<void>): Promise<AuthSession> {
    const callback = await startCallbackServer();
    onTestFinished(() => callback.close());
    const session = createAuthClient({
      clientMetadata: { client_name: "Notes" },
      store: createMemoryStore(),
    }).session(server.serverUrl);
    await session.authorize({
      redirectUri: callback.redirectUri,
      interact: async (url, { state }) => {
        const [result] = await Promise.all([callback.waitForCallback({ state }), interact(url)]);
        return result;
      },
    });
    return session;
  }

  const scopesOf = (page: Page) => page.getByRole("group", { name: "What it may do" }).getByRole("checkbox");

  it("logs a person in who clicks Allow, with what they left ticked", async () => {
    const { server, page, complaints } = await start({
      scopes: ["notes:read", "notes:write"],
      requiredScope: "notes:read notes:write",
    });
    const session = await logIn(server, async (url) => {
      await page.goto(url.href);
      expect(await page.title()).toBe("Allow Notes?");
      await page.screenshot({ path: join(images, "consent-page.png") });
      expect(await scopesOf(page).count()).toBe(2);
      await page.getByRole("checkbox", { name: "notes:write" }).uncheck();
      await page.getByRole("textbox", { name: "Your name" }).fill("alice");
      await page.getByRole("button", { name: "Allow" }).click();
      await page.waitForURL(/\/callback\?/);
    });
    expect(await page.getByRole("heading").textContent()).toBe("Response received");
    expect((await session.getTokens())?.scope).toBe("notes:read");
    expect(await failureOf(createAuthFetch(session)(server.serverUrl))).toMatchObject({ code: "insufficient_scope" });
    expect(server.counts).toMatchObject({ authorization: 1, consent: 1, token: 1 });
    server.expectNoUnexpectedRequests();
    expect(complaints).toEqual([]);
  });

  it("sends a person back who clicks Deny", async () => {
    const { server, page, complaints } = await start();
    const failure = await failureOf(
      logIn(server, async (url) => {
        await page.goto(url.href);
        await page.getByRole("button", { name: "Deny" }).click();
        await page.waitForURL(/\/callback\?/);
      }),
    );
    expect(failure).toMatchObject({ code: "authorization_denied" });
    expect(server.counts).toMatchObject({ consent: 1, token: 0 });
    expect(complaints).toEqual([]);
  });

  it("can be used with the keyboard alone", async () => {
    const { server, page } = await start({ requiredScope: "notes:read" });
    const session = await logIn(server, async (url) => {
      await page.goto(url.href);
      const visited: string[] = [];
      for (let stop = 0; stop < 3; stop += 1) {
        await page.keyboard.press("Tab");
        visited.push(await page.evaluate<string>("document.activeElement.value"));
      }
      expect(visited).toEqual(["notes:read", "user", "allow"]);
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/callback\?/);
    });
    expect((await session.getTokens())?.scope).toBe("notes:read");
  });

  it("shows a person what is wrong with a request", async () => {
    const { server, page } = await start();
    await page.goto(`${server.issuer}/authorize?client_id=unknown`);
    expect(await page.getByRole("heading").textContent()).toBe("This does not work");
    expect(await page.getByRole("main").textContent()).toContain("the client is not known here");
  });

  it("lets a person connect a device: code, then consent", async () => {
    const { server, page, complaints } = await start({
      deviceAuthorization: {},
      clients: [{ client_id: "tv", client_name: "TV" }],
    });
    const asked = await fetch(`${server.issuer}/device_authorization`, {
      method: "POST",
      body: new URLSearchParams({ client_id: "tv", scope: "notes:read" }),
    });
    const device = (await asked.json()) as { device_code: string; user_code: string; verification_uri: string };
    await page.goto(device.verification_uri);
    const code = page.getByRole("textbox", { name: "The code that your device shows" });
    await code.fill("wrong");
    await page.getByRole("button", { name: "Continue" }).click();
    expect(await page.getByRole("alert").textContent()).toBe("No device waits for the code wrong.");
    complaints.length = 0; // Chromium notes the status of that page
    await code.fill(device.user_code.toLowerCase());
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("heading", { name: "Connect TV?" }).waitFor();
    expect(await page.getByRole("main").textContent()).toContain(device.user_code);
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("heading", { name: "Access allowed" }).waitFor();

    const polled = await fetch(`${server.issuer}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:device_code",
        client_id: "tv",
        device_code: device.device_code,
      }),
    });
    expect(await polled.json()).toMatchObject({ scope: "notes:read" });
    expect(complaints).toEqual([]);
  });
});
