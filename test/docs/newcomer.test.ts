import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { expect, it, onTestFinished } from "vitest";
import { sideOfDiff } from "../support/code-blocks.ts";
import { createCodeFolder, root } from "../support/documents.ts";
import { runFile } from "../support/run-file.ts";
import { serve } from "../support/serve.ts";
import { createNotesServer, startServedMcpServer } from "../support/served-mcp-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const read = (file: string): string => readFileSync(join(root, file), "utf8");
const write = createCodeFolder();
const [, before = ""] = /^(?:\/\/.*\n)*([^]*)$/.exec(read("examples/newcomer/before.ts")) ?? [];
const [, diff = ""] = /^```diff\n([^]*?)^```$/m.exec(read("README.md")) ?? [];

/** Runs the program with another server's URL in it, for a user whose files are in `home`. */
async function run(code: string, serverUrl: string, home = temporaryFolder()): Promise<readonly [unknown, string]> {
  const file = write(`${crypto.randomUUID()}.ts`, code.replace("https://mcp.example.com/mcp", serverUrl));
  const program = runFile(file, { env: { HOME: home } });
  onTestFinished(() => program.stop());
  return [await program.exited, program.output()];
}

it("the diff of the README changes ten lines at most, of a program that works where no login is needed", async () => {
  expect(sideOfDiff(diff, "+")).toBe(before);
  expect(diff.match(/^[+-]/gm)?.length).toBeLessThanOrEqual(10);

  const mcp = createMcpHandler(createNotesServer);
  const open = await serve(() => (request) => mcp.fetch(request));
  onTestFinished(() => open.close());
  expect(await run(before, `${open.origin}/mcp`)).toEqual([0, expect.stringContaining("no notes")]);
  const server = await startServedMcpServer();
  onTestFinished(() => server.close());
  expect(await run(before, server.serverUrl)).toEqual([1, expect.stringContaining("401")]);
});

it("the program of the diff logs in once, and renews what it has", async () => {
  const server = await startServedMcpServer();
  onTestFinished(() => server.close());
  const home = temporaryFolder();
  for (const [authorization, refresh] of [
    [1, 0],
    [1, 1],
  ]) {
    if (refresh === 1) server.expireAccessTokens();
    expect(await run(sideOfDiff(diff), server.serverUrl, home)).toEqual([0, expect.stringContaining("no notes")]);
    expect(server.counts).toMatchObject({ registration: 1, authorization, refresh });
  }
});
