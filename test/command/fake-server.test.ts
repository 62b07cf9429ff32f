import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { expect, it, vi } from "vitest";
import { createAuthClient, createAuthFetch } from "../../src/index.js";
import { createHome } from "./support/home.ts";
import { runCommand, startCommand } from "./support/run-command.ts";
import { visit } from "./support/servers.ts";
import { masked, startInTerminal } from "./support/terminal.ts";

it("is a server that any client can log in to and connect to; Ctrl-C ends it", async () => {
  const home = createHome();
  const server = startInTerminal(home, ["fake-server", "--no-consent", "--scope", "notes:read"]);
  const [, url = ""] = await server.waitFor(/MCP server\s+(http\S+)[^]*Ctrl-C/);
  const login = startCommand(home, ["login", url]);
  await visit(await login.url());
  expect(await login.exited, login.stderr()).toBe(0);
  const { stdout } = await runCommand(home, ["token", url]);

  const client = new Client({ name: "test", version: "1" });
  const requestInit = { headers: { authorization: `Bearer ${stdout.trim()}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(["whoami"]);
  const called = await client.callTool({ name: "whoami", arguments: {} });
  expect(JSON.stringify(called.content)).toContain("scope notes:read");
  await client.close();

  await server.waitFor(/POST \S+ 200 token/);
  server.type("\u0003");
  expect(await server.exited).toBe(0);
  expect(masked(server.screen())).not.toContain(stdout.trim());
  await expect(fetch(url)).rejects.toThrow();
});

it("deviates as it is told, and refuses names that are none", async () => {
  const home = createHome();
  const server = startCommand(home, ["fake-server", "--fault", "missing_pkce_methods", "500@revocation"], {
    stdin: "open",
  });
  const found = () => /MCP server\s+(http\S+)/.exec(server.stdout());
  const [, url = ""] = await vi.waitUntil(found, { timeout: 60_000 });
  const { stdout } = await runCommand(home, ["doctor", "--json", url]);
  expect(JSON.parse(stdout)).toMatchObject({ verdict: "works_with_profile", profile: { allow: ["assumeS256"] } });
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);

  for (const [fault, said] of [
    ["nonsense", "no name of a fault"],
    ["500", '"endpoint" must be given'],
    ["500@nowhere", "There are protectedResourceMetadata,"],
  ] as const) {
    const refused = await runCommand(home, ["fake-server", "--fault", fault]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(said);
  }
  const client = createAuthClient({ clientMetadata: { client_name: "Test" } });
  await expect(createAuthFetch(client.session(url))(url)).rejects.toThrow();
});
