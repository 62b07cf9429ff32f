import { expect, it, onTestFinished } from "vitest";
import { startOidcProviderPeer } from "../peers/servers/oidc-provider-peer.ts";
import { createScriptedBrowser } from "../support/scripted-browser.ts";
import { createHome, type Home } from "./support/home.ts";
import { runCommand } from "./support/run-command.ts";
import { callWith } from "./support/servers.ts";
import { startInTerminal } from "./support/terminal.ts";

async function expectToken(home: Home, serverUrl: string): Promise<void> {
  const { stdout } = await runCommand(home, ["token", serverUrl]);
  expect(await callWith(serverUrl, stdout.trim())).toBe(200);
}

it("a person whose browser is on another machine pastes the URL that oidc-provider ends at", async () => {
  const home = createHome();
  const peer = await startOidcProviderPeer();
  onTestFinished(() => peer.close());
  const login = startInTerminal(home, ["login", "--no-browser", peer.serverUrl]);
  const ended = await createScriptedBrowser({ callback: "capture" }).open(await login.url());
  login.type(`${ended}\r`);
  expect(await login.exited, login.screen()).toBe(0);
  expect(login.screen()).not.toContain(new URL(ended).searchParams.get("code"));
  await expectToken(home, peer.serverUrl);
});

it("a person enters the code that oidc-provider gave out on another device", async () => {
  const home = createHome();
  const peer = await startOidcProviderPeer();
  onTestFinished(() => peer.close());
  const login = startInTerminal(home, ["login", "--device", peer.serverUrl]);
  const [, code = "", page = "", withCode] = await login.waitFor(
    /enter ([A-Z]{4}-[A-Z]{4})\s+there[^]*?(http\S+)[^]*?(http\S+)[^]*Waiting for that/,
  );
  expect(withCode).toBe(`${page}?user_code=${code}`);
  expect(await createScriptedBrowser().visit(withCode ?? "")).toContain("Sign-in Success");
  expect(await login.exited, login.screen()).toBe(0);
  await expectToken(home, peer.serverUrl);
});
