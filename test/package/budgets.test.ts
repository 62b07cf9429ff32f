import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, expect, it } from "vitest";

/** In bytes: minified, compressed with gzip, all dependencies included. */
const budgets = [
  { program: "discovery", platform: "browser", limit: 9_000 },
  { program: "registration", platform: "browser", limit: 11_000 },
  { program: "full-flow", platform: "browser", limit: 20_000 },
  { program: "callback-server", platform: "browser", limit: 3_000 },
  { program: "login", platform: "node", limit: 25_000 },
] as const;

const rows: object[] = [];
afterAll(() => console.table(rows));

it.each(budgets)("the program $program stays within $limit bytes", async ({ program, platform, limit }) => {
  const { metafile, outputFiles } = await build({
    entryPoints: [`${import.meta.dirname}/programs/${program}.ts`],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform,
    metafile: true,
    write: false,
    logLevel: "error",
  });
  const [output] = Object.values(metafile.outputs);
  const minified = { ours: 0, oauth4webapi: 0 };
  for (const [input, { bytesInOutput }] of Object.entries(output?.inputs ?? {})) {
    minified[input.includes("node_modules/oauth4webapi/") ? "oauth4webapi" : "ours"] += bytesInOutput;
  }
  const bytes = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
  rows.push({
    program,
    "min + gzip": bytes,
    limit,
    "ours, min": minified.ours,
    "oauth4webapi, min": minified.oauth4webapi,
  });
  expect(minified.ours).toBeGreaterThan(500);
  expect(bytes).toBeLessThanOrEqual(limit);
});
