import type { Page } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { useChromium } from "../browser/support/chromium.ts";
import { startOidcProviderPeer } from "../peers/servers/oidc-provider-peer.ts";
import { describeWithService } from "../support/service.ts";
import { createHome, later } from "./support/home.ts";
import { runCommand } from "./support/run-command.ts";
import { callWith, HOUR_MS } from "./support/servers.ts";
import { masked, startInTerminal } from "./support/terminal.ts";

/** A person at the pages of `oidc-provider`: one asks for a name, the next for consent. */
async function signInAndConsent(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.fill('input[name="login"]', "ada");
  await page.fill('input[name="password"]', "secret");
  await page.click('button[type="submit"]');
  await page.click('button[type="submit"]:has-text("Continue")');
  await page.waitForURL(/127\.0\.0\.1:\d+\/callback/);
}

describeWithService("a login at oidc-provider with Chromium", "CHROMIUM", (path) => {
  const chromium = useChromium(path);

  async function openPage(): Promise<Page> {
    const context = await chromium().newContext();
    onTestFinished(() => context.close());
    return context.newPage();
  }

  it("goes through its pages; then status, token, expiry, token, logout, status", async () => {
    const home = createHome();
    const peer = await startOidcProviderPeer();
    onTestFinished(() => peer.close());
    const { serverUrl } = peer;
    const scope = "mcp:read offline_access";
    const login = startInTerminal(home, ["login", serverUrl, "--scope", scope]);
    const page = await openPage();
    await signInAndConsent(page, await login.url());
    expect(await page.textContent("body")).toMatch(/close this/i);
    expect(await login.exited, login.screen()).toBe(0);
    await expect(masked(login.screen())).toMatchFileSnapshot("screens/login-at-oidc-provider.txt");

    expect((await runCommand(home, ["status", serverUrl])).stdout).toContain("mcp:read");
    const first = await runCommand(home, ["token", serverUrl]);
    expect(await callWith(serverUrl, first.stdout.trim())).toBe(200);
    const second = await runCommand(home, ["token", serverUrl], { env: later(HOUR_MS) });
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(second.stdout).not.toBe(first.stdout);
    expect(await callWith(serverUrl, second.stdout.trim())).toBe(200);

    const logout = await runCommand(home, ["logout", serverUrl]);
    expect(logout.stdout).toContain(`Revoked at ${peer.issuer}.`);
    expect(await callWith(serverUrl, second.stdout.trim())).toBe(401);
    expect((await runCommand(home, ["status", serverUrl])).code).toBe(3);
  });

  it("is examined by the doctor to the end", async () => {
    const home = createHome();
    const peer = await startOidcProviderPeer();
    onTestFinished(() => peer.close());
    const args = ["doctor", "--login", "--scope", "mcp:read offline_access", peer.serverUrl];
    const doctor = startInTerminal(home, args);
    await signInAndConsent(await openPage(), await doctor.url());
    expect(await doctor.exited, doctor.screen()).toBe(0);
    await expect(masked(doctor.screen())).toMatchFileSnapshot("screens/doctor-login-at-oidc-provider.txt");
  });
});
