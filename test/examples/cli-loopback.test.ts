import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runFile } from "../support/run-file.ts";
import { startServedMcpServer } from "../support/served-mcp-server.ts";

const example = join(import.meta.dirname, "../../examples/cli-loopback/main.ts");

it("the command-line example logs in once, and the next run finds the tokens", async () => {
  const server = await startServedMcpServer({ requiredScope: "notes:read" });
  const state = mkdtempSync(join(tmpdir(), "cli-loopback-"));
  try {
    const first = runFile(example, { args: [server.serverUrl], env: { XDG_STATE_HOME: state } });
    expect(await first.exited, first.output()).toBe(0);
    expect(first.output()).toMatch(/You have to log in\.\nOpen http.*\nread_notes\n$/);
    expect(server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1, refresh: 0 });

    const store = join(state, "cli-loopback-example");
    expect(statSync(store).mode & 0o777).toBe(0o700);
    expect(readdirSync(store).map((name) => statSync(join(store, name)).mode & 0o777)).not.toContain(0o644);

    server.expireAccessTokens();
    const second = runFile(example, { args: [server.serverUrl], env: { XDG_STATE_HOME: state } });
    expect(await second.exited, second.output()).toBe(0);
    expect(second.output()).toBe("read_notes\n");
    expect(server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1, refresh: 1 });
  } finally {
    rmSync(state, { recursive: true });
    await server.close();
  }
});

it("the command-line example goes on where no browser can be opened [pain-31]", async () => {
  const server = await startServedMcpServer();
  try {
    const program = runFile(example, { args: [server.serverUrl], opener: false });
    const [, url = ""] = /Open (\S+)/.exec(await program.waitFor(/Open \S+\n/)) ?? [];
    await (await fetch(url)).text();
    expect(await program.exited, program.output()).toBe(0);
    expect(program.output()).toContain("read_notes");
  } finally {
    await server.close();
  }
});

it("the command-line example says which error it was", async () => {
  const server = await startServedMcpServer({ authorizationServerMetadata: { issuer: "https://other.example.com" } });
  try {
    const program = runFile(example, { args: [server.serverUrl] });
    expect(await program.exited).toBe(1);
    expect(program.output()).toMatch(/^metadata_issuer_mismatch: .*"https:\/\/other\.example\.com"/m);
  } finally {
    await server.close();
  }
});
