import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { requirements } from "../flows/requirements.js";

const tests = join(import.meta.dirname, "..");

/** The ids cited in titles, `[spec-82, fact-03]`, with the file of each. */
function citations(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const file of readdirSync(tests, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".test.ts") || file.endsWith("requirements.test.ts")) continue;
    const code = readFileSync(join(tests, file), "utf8").replace(/^\s*(?:\/\/|\/?\*).*$/gm, "");
    for (const [, list = ""] of code.matchAll(/\[((?:(?:spec|fact|pain)[ -][\w.-]+(?:, ?)?)+)\]/g)) {
      for (const id of list.split(/, ?/)) found.set(id.replace(" ", "-"), file);
    }
  }
  return found;
}

const cited = citations();
const known = new Map(requirements.map((requirement) => [requirement.id, requirement]));

it("lists every requirement once", () => {
  const numbered = Array.from({ length: 128 }, (_, index) => `spec-${index + 1}`);
  expect(requirements).toHaveLength(known.size);
  expect(numbered.filter((id) => !known.has(id))).toEqual([]);
});

it("has a test for every requirement that binds", () => {
  const uncited = requirements.filter((requirement) => "binds" in requirement && !cited.has(requirement.id));
  expect(uncited.map(({ id, text }) => `${id}: ${text}`)).toEqual([]);
});

it("cites only requirements that exist", () => {
  const unknown = [...cited].filter(([id]) => !known.has(id));
  expect(unknown.map(([id, file]) => `${id} in ${file}`)).toEqual([]);
});
