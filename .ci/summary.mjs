// summary.mjs FOLDER PASSED FAILED BROKEN: adds the checks of .ci/run to what the suites left in FOLDER (reports of vitest, or
// plain { passed, failed, skipped, failures }) and prints what failed and why, and the total. Fails when anything failed or, where CI
// is "true", was skipped.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";

const [folder, passed, failed, broken] = process.argv.slice(2);
/** The name of each failure, and what was said of it. */
const failuresIn = ({ failures = [], testResults = [] }) => [
  ...failures,
  ...testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (failed.length === 0 && status === "failed") return [`${file}\n${message}`];
    return failed.map((test) => `${file} > ${test.fullName}\n${test.failureMessages.join("\n")}`);
  }),
];
const MOST_LINES = 30;
const isOurs = (line) => !/^ +at .*(?:node_modules|node:|<anonymous>)/.test(line);
const shortened = (text) => text.split("\n").filter(isOurs).slice(0, MOST_LINES).join("\n  ");

const total = { passed: Number(passed), failed: Number(failed), skipped: 0 };
for (const name of readdirSync(folder)) {
  const report = JSON.parse(readFileSync(join(folder, name), "utf8"));
  total.passed += report.numPassedTests ?? report.passed;
  total.failed += report.numFailedTests ?? report.failed;
  for (const failure of failuresIn(report)) console.log(`FAILED: ${name}: ${shortened(failure)}\n`);
  total.skipped += "numPendingTests" in report ? report.numPendingTests + report.numTodoTests : report.skipped;
}
if (broken === "yes" && total.failed === 0) total.failed = 1; // something ended before it could count
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || (process.env.CI === "true" && total.skipped > 0) ? 1 : 0;
