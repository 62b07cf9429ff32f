// Runs test/runtimes on the packed package in every runtime, prints a table, and compares it with docs/runtimes.md (--write writes it).
// The runtimes are those of .ci/runtimes (npm ci --prefix .ci/runtimes), the Node of .ci/node, workerd of miniflare, and CHROMIUM.
import { execFile, execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const document = join(root, "docs", "runtimes.md");
const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), "mcp-oauth-client-runtimes-"));

/** The package as users get it, with its dependency and the scenarios beside it. */
function install() {
  const installed = join(scratch, "node_modules", "mcp-oauth-client");
  execFileSync("npm", ["pack", root, "--ignore-scripts", "--silent", "--pack-destination", scratch], { cwd: scratch });
  const tarball = readdirSync(scratch).find((name) => name.endsWith(".tgz"));
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "-C", installed, "--strip-components", "1"], { cwd: scratch });
  cpSync(join(root, "node_modules", "oauth4webapi"), join(scratch, "node_modules", "oauth4webapi"), {
    recursive: true,
  });
  cpSync(join(root, "test", "runtimes"), scratch, { recursive: true });
  writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
}

const inProcess = (program, ...args) => ({
  isThere: () => existsSync(program),
  async run() {
    const { stdout } = await run(program, [...args, "process.mjs"], { cwd: scratch, timeout: 120_000 });
    return JSON.parse(stdout);
  },
});

const workerd = {
  isThere: () => true,
  async run() {
    const { outputFiles } = await build({
      entryPoints: [join(scratch, "worker.mjs")],
      bundle: true,
      format: "esm",
      platform: "neutral",
      conditions: ["workerd", "worker", "browser"],
      target: "es2022",
      logLevel: "error",
      write: false,
    });
    const script = outputFiles[0].text;
    const miniflare = new Miniflare({ cf: false, modules: true, script, compatibilityDate: "2026-07-01" });
    try {
      return await (await miniflare.dispatchFetch("https://worker.example.com/")).json();
    } finally {
      await miniflare.dispose();
    }
  },
};

/** Unbundled, as a browser takes modules: by an import map. */
const page = {
  isThere: () => existsSync(process.env.CHROMIUM ?? ""),
  async run() {
    const imports = {
      "mcp-oauth-client": "/node_modules/mcp-oauth-client/dist/index.js",
      "mcp-oauth-client/browser": "/node_modules/mcp-oauth-client/dist/browser.js",
      "mcp-oauth-client/testing": "/node_modules/mcp-oauth-client/dist/testing.js",
      oauth4webapi: "/node_modules/oauth4webapi/build/index.js",
    };
    const html = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script><script type="module" src="/page.mjs"></script>`;
    const site = createServer(({ url }, response) => {
      const file = join(scratch, new URL(url, "http://localhost").pathname);
      const isScript = [".js", ".mjs"].includes(extname(file)) && existsSync(file);
      response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
      response.end(isScript ? readFileSync(file) : html);
    });
    await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
    try {
      const tab = await browser.newPage();
      // a module that cannot be loaded
      const failed = new Promise((_, reject) => tab.on("pageerror", reject));
      const outcomes = async () => {
        await tab.goto(`http://127.0.0.1:${site.address().port}/`);
        await tab.waitForFunction(() => "outcomes" in globalThis, undefined, { timeout: 120_000 });
        return await tab.evaluate(() => globalThis.outcomes);
      };
      return await Promise.race([failed, outcomes()]);
    } finally {
      await browser.close();
      site.close();
    }
  },
};

const runtimes = join(root, ".ci", "runtimes", "node_modules");
const RUNTIMES = {
  "Node 20": inProcess(join(runtimes, "node20", "bin", "node")),
  "Node 22": inProcess(join(runtimes, "node22", "bin", "node")),
  "Node 24": inProcess(join(runtimes, "node24", "bin", "node")),
  "Node 26": inProcess(process.execPath),
  Bun: inProcess(join(runtimes, "@oven", "bun-linux-x64", "bin", "bun"), "run"),
  Deno: inProcess(join(runtimes, "@deno", "linux-x64-glibc", "deno"), "run", "--no-remote", "--no-prompt", "-A"),
  workerd,
  "Chromium, headless": page,
};

const total = { passed: 0, failed: 0, skipped: 0, failures: [] };
function report(failure) {
  total.failures.push(failure);
  console.error(failure);
}
const rows = [];
let columns = [];
try {
  install();
  for (const [name, runtime] of Object.entries(RUNTIMES)) {
    if (!runtime.isThere()) {
      total.skipped += 1;
      console.error(`${name} is skipped: it is not installed`);
      continue;
    }
    const outcomes = await runtime.run().catch((error) => ({ start: String(error.stderr || error) }));
    for (const [scenario, outcome] of Object.entries(outcomes)) {
      const isGood = ["passed", "typed error", "–"].includes(outcome);
      total[isGood ? "passed" : "failed"] += outcome === "–" ? 0 : 1;
      if (!isGood) report(`${name}, ${scenario}: ${outcome}`);
    }
    if (!("start" in outcomes)) columns = Object.keys(outcomes);
    rows.push([name, ...Object.values(outcomes).map((outcome) => (outcome.length > 20 ? "FAILED" : outcome))]);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

const cells = [["runtime", ...columns], ...rows];
const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
const rule = widths.map((width) => "-".repeat(width));
const table = [cells[0], rule, ...rows].map(line).join("\n");
console.log(table);
mkdirSync(join(root, ".cache", "results"), { recursive: true });

const [before, after] = ["<!-- table -->\n\n", "\n\n<!-- end of table -->"];
const text = readFileSync(document, "utf8");
const [head, tail] = [text.slice(0, text.indexOf(before) + before.length), text.slice(text.indexOf(after))];
if (process.argv.includes("--write")) writeFileSync(document, head + table + tail);
else if (total.skipped === 0 && text !== head + table + tail) {
  total.failed += 1;
  report('docs/runtimes.md is out of date: run "npm run test:runtimes -- --write" and commit it');
}
writeFileSync(join(root, ".cache", "results", "runtimes.json"), JSON.stringify(total));
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
