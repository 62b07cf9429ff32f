import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { DiskReport } from "./support/on-a-small-disk.ts";

const run = promisify(execFile);
const program = join(import.meta.dirname, "support", "on-a-small-disk.ts");
const namespace = ["--map-root-user", "--mount"];

// where a program may not mount a disk of its own, CI fails and others go without
const canMount = process.env["CI"] === "true" || spawnSync("unshare", [...namespace, "true"]).status === 0;

it.skipIf(!canMount)("a session outlives a full disk and one that became read-only, without a login", async () => {
  const folder = mkdtempSync(join(tmpdir(), "small-disk-"));
  try {
    const { stdout } = await run("unshare", [...namespace, process.execPath, program, folder]);
    const reports = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as DiskReport);
    expect(reports.map(({ when, outcome, refreshes }) => [when, outcome, refreshes])).toEqual([
      ["at first", 200, 0],
      ["full", "store_failed", 0],
      ["free again", 200, 1],
      ["read-only, with a fresh token", 200, 1],
      ["read-only, after a restart", 200, 1],
      ["read-only, with an expired token", "store_failed", 1],
      ["writable again", 200, 2],
      ["read-only since the answer", "store_failed", 3],
      ["read-only still", "store_failed", 3],
      ["writable again", 200, 3],
    ]);
    expect(reports.map(({ logins }) => logins)).toEqual(reports.map(() => 1));
  } finally {
    rmdirSync(folder);
  }
});
