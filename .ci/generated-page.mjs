// What the scripts that make a page of docs/ have in common.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";

/** The folder of the repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const inCell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "\\<");

/** Rewrites a page with --local, else compares it and fails when it is out of date. */
export async function keepPage(page, text, update) {
  const path = join(root, page);
  const wanted = await format(text, { ...(await resolveConfig(path)), filepath: path });
  if (process.argv.includes("--local")) writeFileSync(path, wanted);
  else if (readFileSync(path, "utf8") !== wanted) {
    console.error(`${page} is out of date: run "${update}" and commit it`);
    process.exitCode = 1;
  }
}
