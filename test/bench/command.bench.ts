import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createTokenStore } from "mcp-oauth-client";
import { createFileStore } from "mcp-oauth-client/node";
import { test } from "vitest";
import { machineNode } from "../support/machine-node.ts";
import { interleave, median, printTable } from "./support.ts";

const ROUNDS = 25;
const run = promisify(execFile);
const command = join(import.meta.dirname, "../../dist/cli.js");

test("the command starts, beside Node that does nothing", { timeout: 300_000 }, async () => {
  const home = mkdtempSync(join(tmpdir(), "command-bench-"));
  const directory = join(home, "mcp-oauth");
  const store = createTokenStore(createFileStore({ directory }));
  const now = Date.now();
  for (const name of ["one", "two", "three"]) {
    const issuer = "https://auth.example.com";
    const serverUrl = `https://${name}.example.com/mcp`;
    await store.setTokens(
      { serverUrl },
      {
        accessToken: "0123456789abcdef",
        tokenType: "Bearer",
        obtainedAt: now,
        expiresAt: now + 3_600_000,
        issuer,
        tokenEndpoint: `${issuer}/token`,
        resource: serverUrl,
        registration: {
          issuer,
          clientId: "bench",
          tokenEndpointAuthMethod: "none",
          redirectUris: [],
          source: "dynamic",
          createdAt: now,
        },
      },
    );
  }
  writeFileSync(join(directory, "stores.json"), JSON.stringify({ v: 1, stores: ["file"] }));
  const starting =
    (node: string, ...args: readonly string[]) =>
    async () => {
      const start = performance.now();
      await run(node, args, { env: { PATH: "/usr/bin:/bin", HOME: home, XDG_STATE_HOME: home } });
      return performance.now() - start;
    };
  try {
    for (const [name, node] of [
      ["the Node of the machine", machineNode],
      ["the Node of the development tools", process.execPath],
    ] as const) {
      const { stdout } = await run(node, ["--version"]);
      const samples = await interleave(ROUNDS, {
        "node -e 0": starting(node, "-e", "0"),
        "mcp-oauth --version": starting(node, command, "--version"),
        "mcp-oauth status": starting(node, command, "status"),
        "mcp-oauth token": starting(node, command, "token", "https://one.example.com/mcp"),
      });
      const time = (contender: string): number => median(samples.get(contender) ?? []);
      const limits: Readonly<Record<string, number>> = { "mcp-oauth --version": 2, "mcp-oauth status": 3 };
      printTable(
        `Start of the command, ${name} (${stdout.trim()}), three logins in files, medians of ${ROUNDS}`,
        ["program", "ms", "× node -e 0", "at most"],
        [...samples.keys()].map((contender) => {
          const ratio = time(contender) / time("node -e 0");
          const limit = limits[contender];
          const verdict = limit === undefined ? "" : `${limit}${ratio <= limit ? "" : ", MISSED"}`;
          return [contender, time(contender).toFixed(1), ratio.toFixed(2), verdict];
        }),
      );
    }
  } finally {
    rmSync(home, { recursive: true });
  }
});
