import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { createAuthClient } from "../../src/index.js";
import type { TokenSet } from "../../src/index.js";
import type { ServedMcpServer } from "../support/served-mcp-server.ts";
import { createHome, later, type Home } from "./support/home.ts";
import { runCommand } from "./support/run-command.ts";
import { callWith, HOUR_MS, serveMcp } from "./support/servers.ts";
import { masked, startInTerminal } from "./support/terminal.ts";

/** What another program got from a login of its own. */
async function logInElsewhere(server: ServedMcpServer): Promise<TokenSet> {
  const client = createAuthClient({ clientMetadata: { client_name: "Another" } });
  return await client.session(server.serverUrl).authorize({
    redirectUri: "http://localhost:3334/oauth/callback",
    interact: (url) => server.approve(url),
  });
}

function write(home: Home, path: string, value: object): void {
  const file = join(home.folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(value));
}

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

function writeMcpRemote(home: Home, serverUrl: string, tokens: TokenSet, more: object = {}): void {
  const base = `.mcp-auth/mcp-remote-v1/${md5(serverUrl)}`;
  write(home, `${base}_tokens.json`, {
    access_token: tokens.accessToken,
    token_type: "Bearer",
    expires_in: 3600,
    refresh_token: tokens.refreshToken,
    scope: tokens.scope,
    expires_at: tokens.expiresAt,
    ...more,
  });
  write(home, `${base}_client_info.json`, {
    client_id: tokens.registration.clientId,
    redirect_uris: tokens.registration.redirectUris,
    token_endpoint_auth_method: "none",
  });
}

it("takes over what mcp-remote keeps, by the server's URL, and renews it", async () => {
  const home = createHome();
  const server = await serveMcp();
  const tokens = await logInElsewhere(server);
  writeMcpRemote(home, server.serverUrl, tokens, { issuer: server.issuer });
  const taking = startInTerminal(home, ["login", "--import", server.serverUrl]);
  expect(await taking.exited, taking.screen()).toBe(0);
  await expect(masked(taking.screen())).toMatchFileSnapshot("screens/import.txt");

  const token = await runCommand(home, ["token", server.serverUrl]);
  expect(token.stdout.trim()).toBe(tokens.accessToken);
  const renewed = await runCommand(home, ["token", server.serverUrl], { env: later(2 * HOUR_MS) });
  expect(await callWith(server.serverUrl, renewed.stdout.trim())).toBe(200);
  expect(server.counts.refresh).toBe(1);
  expect((await runCommand(home, ["logout", server.serverUrl])).stdout).toContain("Revoked at");
});

it("takes over all that opencode and oh-my-opencode keep, and says what it could not", async () => {
  const home = createHome();
  const [one, other, third] = [await serveMcp(), await serveMcp(), await serveMcp()];
  const [first, second, last] = [await logInElsewhere(one), await logInElsewhere(other), await logInElsewhere(third)];
  write(home, ".local/share/opencode/mcp-auth.json", {
    notes: {
      serverUrl: one.serverUrl,
      tokens: { accessToken: first.accessToken, refreshToken: first.refreshToken, expiresAt: 1, scope: first.scope },
      clientInfo: { clientId: first.registration.clientId },
    },
    unfinished: { serverUrl: one.serverUrl, codeVerifier: "x" },
  });
  write(home, ".config/opencode/mcp-oauth/0123.json", {
    accessToken: second.accessToken,
    clientInfo: { clientId: second.registration.clientId },
  });
  write(home, ".config/opencode/mcp-oauth/index.json", { "0123": `127.0.0.1/${other.serverUrl}` });
  write(home, ".config/opencode/mcp-oauth.json", {
    [`127.0.0.1/${third.serverUrl}`]: { accessToken: last.accessToken, clientInfo: { clientId: "x" } },
  });
  writeMcpRemote(home, "https://mcp.example.com/mcp", first);

  const taking = await runCommand(home, ["login", "--import", "--json"]);
  expect(taking.code).toBe(0);
  expect(JSON.parse(taking.stdout)).toMatchObject([
    {
      program: "mcp-remote",
      taken: false,
      serverUrl: null,
      problem: expect.stringContaining("give the URL") as string,
    },
    { program: "opencode", taken: true, serverUrl: one.serverUrl, state: "renewable", issuer: one.issuer },
    { program: "oh-my-opencode", taken: true, serverUrl: other.serverUrl, state: "valid", renewable: false },
    { program: "oh-my-opencode", taken: true, serverUrl: third.serverUrl },
  ]);
  expect(taking.stdout).not.toContain(first.accessToken);
  expect(await callWith(one.serverUrl, (await runCommand(home, ["token", one.serverUrl])).stdout.trim())).toBe(200);
  expect((await runCommand(home, ["token", other.serverUrl])).stdout.trim()).toBe(second.accessToken);

  const again = await runCommand(home, ["login", "--import"]);
  expect(again.code).toBe(1);
  expect(again.stdout).toContain("there is a login already");
});

it("takes no tokens to another authorization server than they are of", async () => {
  const home = createHome();
  const server = await serveMcp();
  writeMcpRemote(home, server.serverUrl, await logInElsewhere(server), { issuer: "https://old.example.com" });
  const taking = await runCommand(home, ["login", "--import", server.serverUrl]);
  expect(taking.code).toBe(1);
  expect(taking.stdout).toContain("its tokens are of https://old.example.com, and the server now has");
  expect((await runCommand(home, ["status", server.serverUrl])).code).toBe(3);
});

it("says that there is nothing, or nothing that can be read", async () => {
  const home = createHome();
  write(home, ".local/share/opencode/mcp-auth.json", []);
  write(home, ".mcp-auth/mcp-remote-v1/aa_tokens.json", { access_token: 1 });
  const taking = await runCommand(home, ["login", "--import"]);
  expect(taking).toMatchObject({ code: 1, stdout: "" });
  expect(taking.stderr).toContain("keep no login\n  Log in with: mcp-oauth login <url>");
});
