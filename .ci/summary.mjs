// summary.mjs FOLDER PASSED FAILED BROKEN: adds the checks of .ci/run to what the suites left in FOLDER (reports of vitest, or
// plain { passed, failed, skipped }) and prints the total. Fails when anything failed or, where CI is "true", was skipped.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, passed, failed, broken] = process.argv.slice(2);
const total = { passed: Number(passed), failed: Number(failed), skipped: 0 };
for (const name of readdirSync(folder)) {
  const report = JSON.parse(readFileSync(join(folder, name), "utf8"));
  total.passed += report.numPassedTests ?? report.passed;
  total.failed += report.numFailedTests ?? report.failed;
  total.skipped += "numPendingTests" in report ? report.numPendingTests + report.numTodoTests : report.skipped;
}
if (broken === "yes" && total.failed === 0) total.failed = 1; // something ended before it could count
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || (process.env.CI === "true" && total.skipped > 0) ? 1 : 0;
