import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { FakeAuthServerOptions } from "../../src/testing.js";
import { runFile } from "../support/run-file.ts";
import { startServedMcpServer, type ServedMcpServer } from "../support/served-mcp-server.ts";

const examples = join(import.meta.dirname, "../../examples");

/** Runs an example to its end, on a machine whose browser allows everything. */
async function run(name: string, options?: FakeAuthServerOptions): Promise<readonly [string, ServedMcpServer]> {
  const server = await startServedMcpServer(options);
  onTestFinished(() => server.close());
  const program = runFile(join(examples, name, "main.ts"), { args: [server.serverUrl] });
  expect(await program.exited, program.output()).toBe(0);
  return [program.output(), server];
}

it.each([
  ["mcp-sdk-v1", /^\[ 'read_notes' \]$/m],
  ["mcp-sdk-v2", /^\[ 'read_notes' \]$/m],
  ["ai-sdk", /^read_notes: .*"no notes"/m],
  ["langchain", /^\[ 'read_notes' \]\nno notes$/m],
  ["mastra", /^\[ 'notes_read_notes' \]$/m],
])("the example for %s logs in once and lists the server's tools", async (name, expected) => {
  const [output, server] = await run(name, { requiredScope: "notes:read" });
  expect(output).toMatch(expected);
  expect(server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1, refresh: 0 });
});

it("the example for ai-sdk asks for more scope when the model calls a tool that needs it", async () => {
  const [output, server] = await run("ai-sdk", { toolScopes: { read_notes: "notes:read" } });
  expect(output).toContain("no notes");
  expect(server.counts.authorization).toBe(2);
});
