import { join } from "node:path";
import { expect, it } from "vitest";
import { requirements } from "../flows/requirements.js";
import { citations } from "../support/citations.js";

const cited = citations(join(import.meta.dirname, ".."));
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
  expect(unknown.map(([id, [test]]) => `${id} in ${test?.file}`)).toEqual([]);
});
