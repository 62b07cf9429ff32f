import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** A test that cites a requirement at the end of its title, as `[spec-82, fact-03]`. */
export interface Citation {
  /** Below the folder of the tests, with `/`. */
  readonly file: string;
  /** Without the ids; empty where they stand apart, in a table of cases. */
  readonly title: string;
}

const CITED = /(["'`])((?:(?!\1)[^\n\\]|\\.)*?)\s*\[((?:(?:spec|fact|pain)[ -][\w.-]+(?:, ?)?)+)\]/g;

/** Who cites which requirement, by id and in the order of the files. */
export function citations(tests: string): ReadonlyMap<string, readonly Citation[]> {
  const found = new Map<string, Citation[]>();
  for (const name of readdirSync(tests, { recursive: true, encoding: "utf8" }).sort()) {
    const file = name.replaceAll("\\", "/");
    // also where tests are declared that several files have in common
    if (!/(?:\.test|\/describe-[\w-]+)\.ts$/.test(file) || file.endsWith("requirements.test.ts")) continue;
    const code = readFileSync(join(tests, name), "utf8").replace(/^\s*(?:\/\/|\/?\*).*$/gm, "");
    for (const [, , title = "", list = ""] of code.matchAll(CITED)) {
      for (const id of list.split(/, ?/)) {
        const key = id.replace(" ", "-");
        found.set(key, [...(found.get(key) ?? []), { file, title: title.replaceAll("\\", "") }]);
      }
    }
  }
  return found;
}
