// The tests, all of them: sources, the built package, the command, real servers, real services, crowds of processes. A failure does not keep the
// others from being run.
import { spawnSync } from "node:child_process";
import process from "node:process";

const run = (script) =>
  spawnSync("npm", ["run", "-s", script], { stdio: "inherit", shell: process.platform === "win32" }).status === 0;

if (!run("build")) process.exit(1);
const failed = [
  "test:unit",
  "test:package",
  "test:command",
  "test:peers",
  "test:services",
  "test:processes",
  "test:browser",
].filter((script) => !run(script));
if (failed.length > 0) console.error(`FAILED: ${failed.join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;
