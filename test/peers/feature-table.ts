import type { Reporter, TestCase, TestModule, Vitest } from "vitest/node";
import { FEATURES, PEERS, type Feature, type Peer } from "./features.ts";

/** Prints what each peer has of each feature, as the tests say. A run of all tests that leaves a cell open, or fills one in two ways, fails. */
export class FeatureTable implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const problems: string[] = [];
    const rows = FEATURES.map((feature) => [
      feature,
      ...PEERS.map((peer) => {
        // where a service is missing, and may be
        if (process.env["CI"] !== "true" && !tests.some((test) => test.meta().peer === peer)) return "not run";
        const [cell = "–", ...others] = cellsOf(tests, feature, peer);
        if (cell === "–") problems.push(`no test shows: ${feature}, ${peer}`);
        if (others.length > 0) problems.push(`tests differ: ${feature}, ${peer}: ${[cell, ...others].join(" | ")}`);
        return cell;
      }),
    ]);
    const table = [["", ...PEERS], ...rows];
    const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
    const lines = table.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
    process.stdout.write(`\n${lines.join("\n")}\n`);
    if (problems.length === 0 || !(await this.#isWhole(modules))) return;
    process.stdout.write(`${problems.join("\n")}\n`);
    process.exitCode = 1;
  }

  async #isWhole(modules: readonly TestModule[]): Promise<boolean> {
    const all = (await this.#vitest?.globTestSpecifications()) ?? [];
    return modules.length === all.length && this.#vitest?.config.testNamePattern === undefined;
  }
}

/** What the tests say of it, each thing once; `failed` and `skipped` come before. */
function cellsOf(tests: readonly TestCase[], feature: Feature, peer: Peer): readonly string[] {
  const said = tests.flatMap((test) => {
    const { shows, peer: own } = test.meta();
    const outcome = own === peer ? shows?.[feature] : undefined;
    const { state } = test.result();
    return outcome === undefined ? [] : [state === "passed" ? outcome : state];
  });
  for (const state of ["failed", "skipped"] as const) if (said.includes(state)) return [state];
  return [...new Set(said)];
}
