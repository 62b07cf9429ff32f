import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createHome, later, leftIn } from "./support/home.ts";
import { runCommand, startCommand } from "./support/run-command.ts";
import { HOUR_MS, serveMcp, visit } from "./support/servers.ts";
import { masked, startInTerminal } from "./support/terminal.ts";

async function serveAnswer(status: number, body: string): Promise<string> {
  const server = createServer((_, response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(body),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it.each([
  ["no command", [], /^Usage: mcp-oauth/],
  ["an unknown command", ["loign", "https://mcp.example.com"], /unknown command 'loign'\n\(Did you mean login\?\)/],
  ["an unknown flag", ["status", "--jsn"], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
  ["no URL", ["login"], /missing required argument 'url'\n {2}See: mcp-oauth help login/],
  ["a URL on this machine without a scheme", ["login", "localhost:8080/mcp"], /like http:\/\/localhost:8080\/mcp\./],
  [
    "a URL without a scheme",
    ["login", "mcp.example.com/mcp"],
    /is no URL\n {2}Write it whole, like https:\/\/mcp\.example\.com\/mcp\./,
  ],
  ["a URL of another scheme", ["token", "ftp://mcp.example.com"], /MCP servers have https URLs, .* not ftp:/],
  ["a URL with a password", ["login", "https://a:b@mcp.example.com"], /must not contain a user name or password/],
  ["a port that is none", ["login", "--port", "0", "https://mcp.example.com"], /whole number from 1 to 65535/],
  [
    "a store that is none",
    ["login", "--store", "cloud", "https://mcp.example.com"],
    /Allowed choices are keychain, file/,
  ],
  ["a logout of nothing", ["logout"], /needs the URL of a server, or --all/],
])("%s is answered with a sentence and exit code 2", async (_name, args, sentence) => {
  const result = await runCommand(createHome(), args);
  expect(result.stderr).toMatch(sentence);
  expect(result).toMatchObject({ code: 2, stdout: "" });
});

it.each([
  ["an unknown flag", ["login", "--bogus", "https://mcp.example.com"], "unknown option '--bogus'", "login"],
  ["no URL", ["login"], "missing required argument 'url'", "login"],
  ["a number that is none", ["doctor", "--timeout", "0", "https://mcp.example.com"], "--timeout <seconds>", "doctor"],
])("%s is answered with JSON where that is wanted", async (_name, args, message, command) => {
  const result = await runCommand(createHome(), [...args, "--json"]);
  expect(result).toMatchObject({ code: 2, stderr: "" });
  expect(JSON.parse(result.stdout)).toEqual({
    error: {
      code: "usage",
      message: expect.stringContaining(message) as string,
      next: `See: mcp-oauth help ${command}`,
    },
  });
});

it.each([
  ["a host that is not there", "https://nosuch.invalid/mcp", /there is no host nosuch\.invalid, or no network/],
  ["a port where nothing listens", "http://127.0.0.1:4/mcp", /nothing listens at 127\.0\.0\.1:4/],
])("%s: says so, and what to look at", async (_name, url, sentence) => {
  const home = createHome();
  const env = { NODE_OPTIONS: `--import=${new URL("support/no-such-host.mjs", import.meta.url).href}` };
  const result = await runCommand(home, ["login", url], { env });
  expect(result.stderr).toMatch(sentence);
  expect(result.stderr).toMatch(/\n {2}Look at the URL and at the connection, then try again\.\n$/);
  expect(result.code).toBe(1);
  const examined = await runCommand(home, ["doctor", url], { env });
  expect(examined.stdout).toMatch(sentence);
  expect(examined).toMatchObject({ code: 1, stdout: expect.stringContaining("✗ It could not be reached") as string });
  const asJson = await runCommand(home, ["login", url, "--json"], { env });
  expect(JSON.parse(asJson.stdout)).toMatchObject({ error: { code: "network_error" } });
  expect(leftIn(home)).toEqual([]);
});

it("a URL where there is no MCP server: says so", async () => {
  const url = `${await serveAnswer(404, "{}")}/wrong`;
  const result = await runCommand(createHome(), ["login", url]);
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toContain(
    `${url} answers 404: there is no MCP server there\n  Look at the URL, whose path counts`,
  );
  expect((await runCommand(createHome(), ["doctor", url])).stdout).toContain("it often ends in /mcp");
});

it("a server without logins: no login needed", async () => {
  const home = createHome();
  const server = createServer((request, response) =>
    response.writeHead(request.method === "POST" ? 200 : 404, { "content-type": "application/json" }).end("{}"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const result = await runCommand(home, ["login", url]);
  expect(result).toMatchObject({ code: 0, stdout: `No login needed: ${url} answers without one.\n` });
  const asJson = await runCommand(home, ["login", url, "--json"]);
  expect(JSON.parse(asJson.stdout)).toEqual({ serverUrl: url, loginNeeded: false });
  expect(leftIn(home)).toEqual([]);
});

it("a server that answers its first request to anybody, but publishes a login: logs in", async () => {
  const home = createHome();
  const server = await serveMcp();
  server.faults.add({ endpoint: "resource", fault: { body: {} } });
  const login = startCommand(home, ["login", server.serverUrl]);
  await visit(await login.url());
  expect(await login.exited).toBe(0);
});

it("a login that has ended: exit code 3, and how to log in", async () => {
  const home = createHome();
  const server = await serveMcp({ issueRefreshTokens: false });
  const login = startCommand(home, ["login", server.serverUrl]);
  await visit(await login.url());
  await login.exited;
  const token = await runCommand(home, ["token", server.serverUrl], { env: later(2 * HOUR_MS) });
  expect(token).toEqual({
    code: 3,
    stdout: "",
    stderr: `mcp-oauth: the login at ${server.serverUrl} has ended\n  Log in with: mcp-oauth login ${server.serverUrl}\n`,
  });
  const status = startInTerminal(home, ["status"], { env: later(2 * HOUR_MS) });
  expect(await status.exited).toBe(0);
  await expect(masked(status.screen())).toMatchFileSnapshot("screens/status-ended.txt");
  expect((await runCommand(home, ["status", server.serverUrl], { env: later(2 * HOUR_MS) })).code).toBe(3);

  const again = startCommand(home, ["login", server.serverUrl], { env: later(2 * HOUR_MS) });
  await visit(await again.url());
  expect(await again.exited).toBe(0);
});

it("a login whose refresh token is refused: exit code 3", async () => {
  const home = createHome();
  const server = await serveMcp();
  const login = startCommand(home, ["login", server.serverUrl]);
  await visit(await login.url());
  await login.exited;
  server.revokeGrant((await runCommand(home, ["token", server.serverUrl])).stdout.trim());
  const token = await runCommand(home, ["token", server.serverUrl], { env: later(2 * HOUR_MS) });
  expect(token).toMatchObject({ code: 3, stdout: "" });
});

it("an authorization server that is down when a token has run out: exit code 1, and the login stays", async () => {
  const home = createHome();
  const server = await serveMcp();
  const login = startCommand(home, ["login", server.serverUrl]);
  await visit(await login.url());
  await login.exited;
  server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
  const token = await runCommand(home, ["token", server.serverUrl], { env: later(2 * HOUR_MS) });
  expect(token).toMatchObject({ code: 1, stdout: "" });
  expect(token.stderr).toMatch(/try again later/i);
  expect((await runCommand(home, ["token", server.serverUrl], { env: later(3 * HOUR_MS) })).code).toBe(0);
});

it("a user who refuses: exit code 1, and nothing is kept", async () => {
  const home = createHome();
  const server = await serveMcp();
  const login = startCommand(home, ["login", server.serverUrl]);
  await visit((await server.deny(await login.url())).href);
  expect(await login.exited).toBe(1);
  expect(login.stderr()).toContain("The login was refused; log in again and allow the access.");
  expect((await runCommand(home, ["status", server.serverUrl])).code).toBe(3);
});

it("nobody comes: the login ends when its time is over", async () => {
  const home = createHome();
  const server = await serveMcp();
  const result = await runCommand(home, ["login", server.serverUrl, "--timeout", "1"]);
  expect(result.code).toBe(1);
  expect(result.stderr).toContain("Log in again; --timeout gives more time.");
});

it("what a server says moves no cursor, sets no title and makes up no line", async () => {
  const home = createHome();
  const server = await serveMcp();
  const body = {
    access_token: "a",
    token_type: "Bearer",
    expires_in: 3600,
    scope: "b \u001b[2J\u001b]0;c\u0007\u009b1m\n  Account  d",
  };
  server.faults.add({ endpoint: "token", fault: { body } });
  const login = startCommand(home, ["login", server.serverUrl]);
  await visit(await login.url());
  expect(await login.exited).toBe(0);
  const table = await runCommand(home, ["status"]);
  const one = await runCommand(home, ["status", server.serverUrl]);
  const asJson = await runCommand(home, ["status", "--json"]);
  for (const text of [login.stdout(), login.stderr(), table.stdout, one.stdout, asJson.stdout]) {
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    expect(text).not.toMatch(/^ {2}Account {2}d/m);
  }
  expect(one.stdout).toContain(String.raw`b \u{1b}[2J\u{1b}]0;c\u{7}\u{9b}1m\u{a}`);
  expect(JSON.parse(asJson.stdout)).toMatchObject([{ scopes: body.scope.split(" ").filter(Boolean) }]);
});

it("an opener that finds no browser: says so, and the login goes on", async () => {
  const home = createHome();
  for (const opener of ["xdg-open", "open"]) writeFileSync(join(home.folder, "bin", opener), "#!/bin/sh\nexit 3\n");
  const server = await serveMcp();
  const login = startCommand(home, ["login", server.serverUrl]);
  await login.waitFor(/No browser could be opened here: open it by hand\.\n/);
  await visit(await login.url());
  expect(await login.exited).toBe(0);
  expect(login.stderr()).not.toContain("The browser opens it");
});

it("two logins at once: the user is asked once, and both have the tokens", async () => {
  const home = createHome();
  const server = await serveMcp();
  const first = startCommand(home, ["login", server.serverUrl]);
  const url = await first.url();
  const second = startCommand(home, ["login", server.serverUrl]);
  await second.waitFor(/another login at this server may be under way/);
  await visit(url);
  expect(await first.exited).toBe(0);
  expect(await second.exited).toBe(0);
  expect(second.stdout()).toContain("Logged in by another login that has just ended");
  expect(server.counts).toMatchObject({ authorization: 1, token: 1, registration: 1 });
});

it("a keychain that is locked, or not there: says so, and how to do without", async () => {
  const home = createHome();
  const server = await serveMcp();
  const env = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent" };
  const result = await runCommand(home, ["login", server.serverUrl, "--store", "keychain"], { env });
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toMatch(
    /mcp-oauth: the keychain cannot be used: .*\n {2}Or keep logins in files, with --store file\.\n$/,
  );
  expect(server.counts.authorization).toBe(0);
});

it("a home that cannot be written to: says so before the user is asked", async () => {
  const home = createHome();
  const server = await serveMcp();
  // a file in place of a folder refuses the superuser too
  const env = { XDG_STATE_HOME: "/proc/1/nothing" };
  const result = await runCommand(home, ["login", server.serverUrl], { env });
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result.stderr).toMatch(
    /logins cannot be kept in \/proc\/1\/nothing\/mcp-oauth, since .*\n {2}Mend that, or set XDG_STATE_HOME/,
  );
  expect(server.counts.authorization).toBe(0);
});

it("a closed stdin does not keep a login from its end", async () => {
  const home = createHome();
  const server = await serveMcp();
  const login = startCommand(home, ["login", server.serverUrl], { stdin: "closed" });
  await visit(await login.url());
  expect(await login.exited, login.stderr()).toBe(0);
});

it("a reader that has enough does not make it fail", async () => {
  const home = createHome();
  const result = startCommand(home, ["help", "login"]);
  expect(await result.exited).toBe(0);
});

it("a terminal of 40 columns has everything, whole", async () => {
  const home = createHome();
  const server = await serveMcp();
  const login = startInTerminal(home, ["login", server.serverUrl], { columns: 40 });
  await visit(await login.url());
  expect(await login.exited).toBe(0);
  await expect(masked(login.screen())).toMatchFileSnapshot("screens/login-40-columns.txt");
  const status = startInTerminal(home, ["status"], { columns: 40 });
  expect(await status.exited).toBe(0);
  await expect(masked(status.screen())).toMatchFileSnapshot("screens/status-40-columns.txt");
  const refused = startInTerminal(home, ["token", server.serverUrl], { columns: 40 });
  expect(await refused.exited).toBe(2);
  await expect(masked(refused.screen())).toMatchFileSnapshot("screens/token-40-columns.txt");
});

it("NO_COLOR and a dumb terminal get plain text, and can still paste", async () => {
  const home = createHome();
  const server = await serveMcp();
  for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
    const login = startInTerminal(home, ["login", server.serverUrl, "--force"], { env });
    await visit(await login.url());
    expect(await login.exited).toBe(0);
    expect(login.screen()).toContain("Asking");
    expect(login.screen()).not.toContain("◆");
  }
});

it("a termination by the system leaves nothing behind either", async () => {
  const home = createHome();
  const server = await serveMcp();
  const login = startCommand(home, ["login", server.serverUrl]);
  await login.url();
  login.kill("SIGTERM");
  expect(await login.exited).toBe(143);
  expect(leftIn(home).filter((name) => !name.endsWith(".json"))).toEqual([]);
});
