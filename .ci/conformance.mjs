// Runs the public MCP conformance suite against the built package, each scenario by itself (which is stricter than the suite's
// own --suite), and says for those in which the client has to refuse what it refused with.
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const suites = join(root, ".ci", "conformance");
const client = join(root, "test", "conformance", "client.ts");
const results = join(root, ".cache", "results");
const TIMEOUT_MS = 30_000;

/** Scored by the requirement sets of both revisions. */
const CORE = [
  "auth/metadata-default",
  "auth/metadata-var1",
  "auth/metadata-var2",
  "auth/metadata-var3",
  "auth/basic-cimd",
  "auth/scope-from-www-authenticate",
  "auth/scope-from-scopes-supported",
  "auth/scope-omitted-when-undefined",
  "auth/scope-step-up",
  "auth/scope-retry-limit",
  "auth/token-endpoint-auth-basic",
  "auth/token-endpoint-auth-post",
  "auth/token-endpoint-auth-none",
  "auth/pre-registration",
];
/** Scored by the requirement set of 2026-07-28 alone. */
const SINCE_2026 = [
  "auth/resource-mismatch",
  "auth/offline-access-scope",
  "auth/offline-access-not-supported",
  "auth/authorization-server-migration",
  "auth/iss-supported",
  "auth/iss-not-advertised",
  "auth/iss-supported-missing",
  "auth/iss-wrong-issuer",
  "auth/iss-unexpected",
  "auth/iss-normalized",
  "auth/metadata-issuer-mismatch",
];
/** The three of those that 0.1.16 has. */
const DRAFT = SINCE_2026.slice(0, 3);
/** In no requirement set: servers of revision 2025-03-26. */
const LEGACY = ["auth/2025-03-26-oauth-metadata-backcompat", "auth/2025-03-26-oauth-endpoint-fallback"];
/** An extension, in no requirement set: sender-constrained tokens (RFC 9449). */
const DPOP = ["auth/dpop", "auth/dpop-nonce"];

/** In no requirement set either: the extensions of the specification. */
const EXTENSIONS = [
  "auth/client-credentials-jwt",
  "auth/client-credentials-basic",
  "auth/enterprise-managed-authorization",
  "auth/wif-jwt-bearer",
];
/** As 0.1.16 has them. */
const EARLY_EXTENSIONS = [...EXTENSIONS.slice(0, 2), "auth/cross-app-access-complete-flow"];

const LEGS = [
  {
    name: "0.1.16",
    suite: "conformance-0.1.16",
    scenarios: [...CORE, ...DRAFT, ...LEGACY, ...EARLY_EXTENSIONS],
  },
  {
    name: "0.2.0-alpha.12",
    suite: "conformance-0.2",
    scenarios: [...CORE, ...SINCE_2026, ...LEGACY, ...EXTENSIONS, ...DPOP],
  },
  {
    name: "0.2.0-alpha.12 on 2026-07-28",
    suite: "conformance-0.2",
    scenarios: [...CORE, ...EXTENSIONS, ...DPOP],
    specVersion: "2026-07-28",
  },
];

/** Where the client has to refuse, and with which code. Any other crash would pass the suite as well. */
const REFUSALS = {
  "auth/scope-retry-limit": "insufficient_scope",
  "auth/resource-mismatch": "resource_mismatch",
  "auth/iss-supported-missing": "callback_issuer_mismatch",
  "auth/iss-wrong-issuer": "callback_issuer_mismatch",
  "auth/iss-unexpected": "callback_issuer_mismatch",
  "auth/iss-normalized": "callback_issuer_mismatch",
  "auth/metadata-issuer-mismatch": "metadata_issuer_mismatch",
};

/** Scenarios that a correct client fails: this mock publishes an issuer that breaks RFC 8414 §3.3; later versions repaired it. */
const EXPECTED_FAILURES = { "0.1.16 auth/2025-03-26-oauth-metadata-backcompat": "metadata_issuer_mismatch" };

function install() {
  if (existsSync(join(suites, "node_modules"))) return;
  const args = ["ci", "--prefix", suites, "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", args, { stdio: "inherit", shell: process.platform === "win32" });
}

const cli = (suite) => join(suites, "node_modules", suite, "dist", "index.js");

/** Our tables must be what the suite's requirement sets score, or a scenario would go unrun without a word. */
function checkTables() {
  for (const [revision, expected] of [
    ["2025-11-25", CORE],
    ["2026-07-28", [...CORE, ...SINCE_2026]],
  ]) {
    const args = [cli("conformance-0.2"), "list", "--client", "--requirements", revision];
    const [scored] = execFileSync(process.execPath, args, { encoding: "utf8" }).split(/^Run and reported/m);
    const listed = [...scored.matchAll(/^\s*- (auth\/\S+)/gm)].map(([, name]) => name);
    if (listed.sort().join() !== [...expected].sort().join()) {
      throw new Error(
        `the requirement set of ${revision} scores ${listed.join(", ")}: mend the tables of ${import.meta.filename}`,
      );
    }
  }
}

function run({ leg, scenario }, output) {
  const folder = mkdtempSync(join(output, "run-"));
  const args = [cli(leg.suite), "client", "--scenario", scenario, "-o", folder, "--timeout", String(TIMEOUT_MS)];
  // Without exec a client that hangs outlives the suite's timeout, which ends the shell alone.
  args.push("--command", `exec ${JSON.stringify(process.execPath)} ${JSON.stringify(client)}`);
  // an extension is on no wire by itself
  if (leg.specVersion) args.push("--spec-version", leg.specVersion, "--force");
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root, timeout: 2 * TIMEOUT_MS }, (error) => {
      const stdout = readOutput(folder, "stdout.txt");
      const outcome = /^outcome: (.*)$/m.exec(stdout)?.[1] ?? "no outcome";
      resolve({ leg, scenario, passed: !error, outcome, folder });
    });
  });
}

function readOutput(folder, name) {
  const file = readdirSync(folder, { recursive: true }).find((path) => path.endsWith(name));
  return file === undefined ? "" : readFileSync(join(folder, file), "utf8");
}

/** What is wrong with a result, if anything. */
function verdict({ leg, scenario, passed, outcome }) {
  const expectedFailure = EXPECTED_FAILURES[`${leg.name} ${scenario}`];
  if (expectedFailure) {
    if (passed) return "it passes now: strike it from the expected failures";
    return outcome === expectedFailure ? undefined : `expected to fail with ${expectedFailure}`;
  }
  if (!passed) return "the suite found a failure or a warning";
  const expected = REFUSALS[scenario] ?? "completed";
  return outcome === expected ? undefined : `expected ${expected}`;
}

function findings(folder) {
  const checks = JSON.parse(readOutput(folder, "checks.json") || "[]");
  const bad = checks.filter(({ status }) => status === "FAILURE" || status === "WARNING");
  const lines = bad.map(
    ({ status, id, description, errorMessage }) => `${status} ${id}: ${errorMessage ?? description}`,
  );
  return [...lines, ...readOutput(folder, "stderr.txt").split("\n").slice(0, 20)];
}

install();
checkTables();
const output = join(root, ".cache", "conformance");
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
mkdirSync(results, { recursive: true });

const wanted = process.argv.slice(2);
const jobs = LEGS.flatMap((leg) => leg.scenarios.map((scenario) => ({ leg, scenario }))).filter(
  ({ scenario }) => wanted.length === 0 || wanted.some((part) => scenario.includes(part)),
);
const done = [];
const queue = jobs.values();
const workers = Math.min(4, Math.max(2, availableParallelism()));
await Promise.all(
  Array.from({ length: workers }, async () => {
    for (const job of queue) done.push(await run(job, output));
  }),
);
done.sort((one, other) => jobs.findIndex(isJob(one)) - jobs.findIndex(isJob(other)));
function isJob({ leg, scenario }) {
  return (job) => job.leg === leg && job.scenario === scenario;
}

let passed = 0;
let failed = 0;
const failures = [];
let leg;
for (const result of done) {
  if (result.leg !== leg) console.log(`\n${(leg = result.leg).name}`);
  const problem = verdict(result);
  const remark = problem
    ? `  <- ${problem}`
    : result.passed
      ? ""
      : "  (the suite's mock is at fault: an expected failure)";
  console.log(`  ${problem ? "FAIL" : "ok  "} ${result.scenario.padEnd(46)} ${result.outcome}${remark}`);
  if (problem) {
    const found = findings(result.folder);
    for (const line of found) console.log(`         ${line}`);
    failures.push([`${leg.name} ${result.scenario}: ${result.outcome}, ${problem}`, ...found].join("\n"));
    failed += 1;
  } else passed += 1;
}
console.log(`\n${passed} passed, ${failed} failed, 0 skipped`);
writeFileSync(join(results, "conformance.json"), `${JSON.stringify({ passed, failed, skipped: 0, failures })}\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
