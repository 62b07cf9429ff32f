import { describe, expect, it, vi } from "vitest";
import { createHome, later, leftIn } from "./support/home.ts";
import { runCommand, startCommand } from "./support/run-command.ts";
import { callWith, HOUR_MS, serveMcp, visit, visitElsewhere } from "./support/servers.ts";
import { CTRL_C, masked, startInTerminal } from "./support/terminal.ts";

describe("in a terminal", () => {
  it("a person logs in, looks, uses a token before and after it has run out, and logs out", async () => {
    const home = createHome();
    const server = await serveMcp();
    const { serverUrl } = server;

    const login = startInTerminal(home, ["login", serverUrl]);
    const printed = await login.url();
    await vi.waitUntil(() => home.opened() !== undefined, { timeout: 60_000 });
    expect(home.opened()).toBe(printed);
    await expect(masked(login.screen())).toMatchFileSnapshot("screens/login-asks.txt");
    await visit(printed);
    expect(await login.exited).toBe(0);
    await expect(masked(login.screen())).toMatchFileSnapshot("screens/login.txt");

    const status = startInTerminal(home, ["status"]);
    expect(await status.exited).toBe(0);
    await expect(masked(status.screen())).toMatchFileSnapshot("screens/status.txt");
    const one = startInTerminal(home, ["status", serverUrl]);
    expect(await one.exited).toBe(0);
    await expect(masked(one.screen())).toMatchFileSnapshot("screens/status-of-one.txt");

    const shown = startInTerminal(home, ["token", serverUrl, "--tty"]);
    expect(await shown.exited).toBe(0);
    const first = await runCommand(home, ["token", serverUrl]);
    expect(first).toEqual({ code: 0, stdout: `${shown.screen()}\n`, stderr: "" });
    expect(await callWith(serverUrl, first.stdout.trim())).toBe(200);
    expect(server.counts.refresh).toBe(0);

    const expired = startInTerminal(home, ["status"], { env: later(2 * HOUR_MS) });
    expect(await expired.exited).toBe(0);
    await expect(masked(expired.screen())).toMatchFileSnapshot("screens/status-expired.txt");
    const second = await runCommand(home, ["token", serverUrl], { env: later(2 * HOUR_MS) });
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(second.stdout).not.toBe(first.stdout);
    expect(await callWith(serverUrl, second.stdout.trim())).toBe(200);
    expect(server.counts.refresh).toBe(1);

    const logout = startInTerminal(home, ["logout", serverUrl]);
    expect(await logout.exited).toBe(0);
    await expect(masked(logout.screen())).toMatchFileSnapshot("screens/logout.txt");
    expect(await callWith(serverUrl, second.stdout.trim())).toBe(401);

    const nothing = startInTerminal(home, ["status"]);
    expect(await nothing.exited).toBe(0);
    await expect(masked(nothing.screen())).toMatchFileSnapshot("screens/status-nothing.txt");
  });

  it("a person with a browser on another machine pastes the URL of the last page, at the second try [pain-31]", async () => {
    const home = createHome();
    const { serverUrl } = await serveMcp();
    const login = startInTerminal(home, ["login", "--no-browser", serverUrl]);
    const url = await login.url();
    expect(home.opened()).toBeUndefined();
    login.type("http://127.0.0.1:1/callback?code=1&state=other\r");
    // what is typed before the question stands there again is lost
    await login.waitFor(/another login[^]*paste the URL/);
    login.type(`${await visitElsewhere(url)}\r`);
    expect(await login.exited, login.screen()).toBe(0);
    await expect(masked(login.screen())).toMatchFileSnapshot("screens/login-by-paste.txt");
    expect((await runCommand(home, ["token", serverUrl])).code).toBe(0);
  });

  it("Ctrl-C leaves nothing behind: no pending login, no lock, no listener", async () => {
    const home = createHome();
    const { serverUrl } = await serveMcp();
    const login = startInTerminal(home, ["login", serverUrl]);
    const [, port] = await login.waitFor(/redirect_uri=http%3A%2F%2F127\.0\.0\.1%3A(\d+)[^]*paste the URL/);
    expect(leftIn(home).filter((name) => name.endsWith(".lock"))).toHaveLength(1);
    const whileAsked = leftIn(home).length;
    login.type(CTRL_C);
    expect(await login.exited).toBe(130);
    await expect(fetch(`http://127.0.0.1:${port}/callback`)).rejects.toThrow();
    // the registration and the metadata stay: nothing about the login itself
    expect(leftIn(home).filter((name) => !name.endsWith(".json"))).toEqual([]);
    expect(leftIn(home).length).toBe(whileAsked - 2);
    expect((await runCommand(home, ["status", serverUrl])).code).toBe(3);

    const again = startInTerminal(home, ["login", serverUrl]);
    await visit(await again.url());
    expect(await again.exited).toBe(0);
  });

  it("a second login while the first one is good does nothing, unless it is forced", async () => {
    const home = createHome();
    const server = await serveMcp();
    const first = startInTerminal(home, ["login", server.serverUrl]);
    await visit(await first.url());
    await first.exited;

    const second = startInTerminal(home, ["login", server.serverUrl]);
    expect(await second.exited).toBe(0);
    await expect(masked(second.screen())).toMatchFileSnapshot("screens/login-again.txt");
    expect(server.counts.authorization).toBe(1);

    const forced = startInTerminal(home, ["login", "--force", server.serverUrl]);
    await visit(await forced.url());
    expect(await forced.exited).toBe(0);
    expect(server.counts).toMatchObject({ authorization: 2, registration: 1 });
  });
});

describe("without a terminal", () => {
  it("a script logs in, lists, gets a token and logs out, with plain lines and JSON", async () => {
    const home = createHome();
    const server = await serveMcp();
    const { serverUrl } = server;
    const login = startCommand(home, ["login", serverUrl]);
    await visit(await login.url());
    expect(await login.exited).toBe(0);
    await expect(masked(`${login.stderr()}--- stdout\n${login.stdout()}`.trimEnd())).toMatchFileSnapshot(
      "screens/login-in-a-script.txt",
    );

    const again = await runCommand(home, ["login", serverUrl, "--json"]);
    expect(JSON.parse(again.stdout)).toEqual({
      serverUrl,
      subject: null,
      state: "valid",
      issuer: server.issuer,
      clientId: expect.any(String) as string,
      scopes: ["notes:read"],
      expiresAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      renewable: true,
      renewableUntil: null,
      obtainedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      store: "file",
    });
    const status = await runCommand(home, ["status", "--json"]);
    expect(JSON.parse(status.stdout)).toEqual([JSON.parse(again.stdout)]);
    const token = await runCommand(home, ["token", serverUrl, "--json"]);
    expect(JSON.parse(token.stdout)).toEqual({
      accessToken: expect.any(String) as string,
      tokenType: "Bearer",
      expiresAt: (JSON.parse(again.stdout) as { expiresAt: string }).expiresAt,
    });
    const logout = await runCommand(home, ["logout", "--all", "--json"]);
    expect(JSON.parse(logout.stdout)).toEqual([{ serverUrl, subject: null, deleted: true, revoked: "yes" }]);
    expect(JSON.parse((await runCommand(home, ["status", "--json"])).stdout)).toEqual([]);
  });

  it("the URL of the last page is read from stdin too", async () => {
    const home = createHome();
    const { serverUrl } = await serveMcp();
    const login = startCommand(home, ["login", "--no-browser", serverUrl], { stdin: "open" });
    const url = await login.url();
    login.write("nonsense\n");
    await login.waitFor(/That is no URL/);
    login.write(`${await visitElsewhere(url)}\n`);
    expect(await login.exited, login.stderr()).toBe(0);
    expect(login.stdout()).toContain("Logged in");
  });

  it("scripts that ask at once for a token that has run out lead to one refresh, and all get its token", async () => {
    const home = createHome();
    const server = await serveMcp();
    const login = startCommand(home, ["login", server.serverUrl]);
    await visit(await login.url());
    expect(await login.exited).toBe(0);
    const env = later(2 * HOUR_MS);
    const results = await Promise.all([1, 2, 3, 4].map(() => runCommand(home, ["token", server.serverUrl], { env })));
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(new Set(results.map(({ stdout }) => stdout)).size).toBe(1);
    expect(server.counts.refresh).toBe(1);
    expect(await callWith(server.serverUrl, results[0]?.stdout.trim() ?? "")).toBe(200);
  });

  it("several accounts at a server are kept apart, and ended together", async () => {
    const home = createHome();
    const server = await serveMcp();
    for (const subject of ["work", "home"]) {
      const login = startCommand(home, ["login", server.serverUrl, "--subject", subject]);
      await visit(await login.url());
      expect(await login.exited).toBe(0);
    }
    expect((await runCommand(home, ["token", server.serverUrl])).code).toBe(3);
    const [work, own] = [
      await runCommand(home, ["token", server.serverUrl, "--subject", "work"]),
      await runCommand(home, ["token", server.serverUrl, "--subject", "home"]),
    ];
    expect(work.stdout).not.toBe(own.stdout);
    const listed = JSON.parse((await runCommand(home, ["status", "--json"])).stdout) as { subject: string }[];
    expect(listed.map(({ subject }) => subject)).toEqual(["home", "work"]);
    expect((await runCommand(home, ["logout", "--all"])).code).toBe(0);
    expect(server.counts.revocation).toBeGreaterThan(1);
    expect((await runCommand(home, ["status"])).stdout).toContain("no logins");
  });
});
