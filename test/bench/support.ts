import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Whether to measure also what takes minutes. */
export const isLong = process.env["LONG"] === "1";

/** Runs one of the programs in a fresh process and resolves with what it prints as JSON. */
export async function runBench<T>(program: string, args: readonly string[], flags: readonly string[] = []): Promise<T> {
  const file = join(import.meta.dirname, "programs", program);
  const { stdout } = await run(process.execPath, [...flags, file, ...args]);
  return JSON.parse(stdout) as T;
}

/** Runs every contender once a round, so that whatever else the machine does meets all alike, and collects what they return. */
export async function interleave<T>(
  rounds: number,
  contenders: Readonly<Record<string, () => Promise<T>>>,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const samples = new Map<string, T[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, contender] of Object.entries(contenders)) samples.get(name)?.push(await contender());
  }
  return samples;
}

export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;

/** A table in plain text, numbers to the right. */
export function printTable(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ");
  console.log(
    ["", title, line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line), ""].join("\n"),
  );
}
