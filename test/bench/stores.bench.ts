import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { isLong, printTable, runBench } from "./support.ts";

type Column = "lookup" | "atomic" | "durable";
type Costs = Readonly<Record<Column, Readonly<Partial<Record<string, number>>>>>;

const BY_HAND = "one file per record, by hand";
const DURABLE_BY_HAND = "the same, folder synced too";
const OURS = "mcp-oauth-client";
const NAMES = [BY_HAND, DURABLE_BY_HAND, OURS, "one JSON file for all"];
/** A rename is durable when the folder is synced: docs/decisions/026-the-folder-is-synced-too.md. */
const FLOOR: Readonly<Record<Column, string>> = { lookup: BY_HAND, atomic: BY_HAND, durable: DURABLE_BY_HAND };
const MOST = 1.5;

test("stores on disk, by the number of entries", { timeout: 1_200_000 }, async () => {
  const costs = new Map<number, Costs>();
  for (const entries of [1, 1_000, 100_000, ...(isLong ? [1_000_000] : [])]) {
    const folder = mkdtempSync(join(tmpdir(), "stores-"));
    try {
      costs.set(entries, await runBench<Costs>("stores.mjs", [join(folder, "store"), String(entries)]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const cost = (column: Column, name: string, entries: number): number =>
    costs.get(entries)?.[column][name] ?? Number.NaN;
  const show = (value: number, digits: number): string => (Number.isNaN(value) ? "–" : value.toFixed(digits));
  const verdict = (value: number): string => `${value.toFixed(2)}${value <= MOST ? "" : ", MISSED"}`;
  const ratio = (column: Column, name: string, entries: number): string => {
    const value = cost(column, name, entries) / cost(column, FLOOR[column], entries);
    return name === OURS ? verdict(value) : show(value, 2);
  };
  printTable(
    `Stores: µs for one entry of 1 kB, medians; ours at most ${MOST} × by hand, with the same guarantees`,
    ["store", "entries", "cold lookup", "× by hand", "atomic write", "durable write", "× by hand"],
    NAMES.flatMap((name) =>
      [...costs.keys()].map((entries) => [
        name,
        String(entries),
        show(cost("lookup", name, entries), 1),
        ratio("lookup", name, entries),
        show(cost("atomic", name, entries), 0),
        show(cost("durable", name, entries), 0),
        ratio("durable", name, entries),
      ]),
    ),
  );
  const most = Math.max(...costs.keys());
  for (const [what, column] of [
    ["lookup", "lookup"],
    ["durable write", "durable"],
  ] as const) {
    const growth = (name: string): number => cost(column, name, most) / cost(column, name, 1);
    console.log(
      `${what} with ${most} entries × with 1: ours ${growth(OURS).toFixed(2)}, by hand ${growth(FLOOR[column]).toFixed(2)}; ` +
        `ours × by hand: ${verdict(growth(OURS) / growth(FLOOR[column]))}`,
    );
  }
});
