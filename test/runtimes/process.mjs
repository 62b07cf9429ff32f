// The scenarios in Node, Bun and Deno: prints what came of them, and has to end by itself.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authorizeWithLoopback, createFileStore } from "mcp-oauth-client/node";
import { runScenarios } from "./portable.mjs";

const folder = mkdtempSync(join(tmpdir(), "mcp-oauth-client-runtime-"));
try {
  const stores = { file: (name) => createFileStore({ directory: join(folder, encodeURIComponent(name)) }) };
  console.log(JSON.stringify(await runScenarios({ loopbackLogin: authorizeWithLoopback, stores })));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
