import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createCodeFolder, examples, root } from "../support/documents.ts";
import { adapters } from "./scenarios/adapters.ts";
import { clients } from "./scenarios/clients.ts";
import { grants } from "./scenarios/grants.ts";
import { hosts } from "./scenarios/hosts.ts";
import { migration } from "./scenarios/migration.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { security } from "./scenarios/security.ts";
import { stores } from "./scenarios/stores.ts";
import { testing } from "./scenarios/testing.ts";

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...hosts,
  ...adapters,
  ...clients,
  ...stores,
  ...grants,
  ...testing,
  ...migration,
  ...security,
};

/** What needs a service, with the test that has it. */
const WITH_SERVICES: Readonly<Record<string, string>> = {
  "docs/stores.md › In Redis": "test/services/documents.test.ts",
};

const modules = examples.filter(({ runs, source }) => !runs && source === undefined);

it("every example of the documents is run: as a program, as the file that it is, or by a scenario", () => {
  const known = [...Object.keys(SCENARIOS), ...Object.keys(WITH_SERVICES)];
  expect(known.sort()).toEqual(modules.map(({ name }) => name).sort());
  for (const [name, test] of Object.entries(WITH_SERVICES)) {
    expect(readFileSync(join(root, test), "utf8")).toContain(JSON.stringify(name));
  }
});

it.each(examples.flatMap((block) => (block.source === undefined ? [] : [{ ...block, source: block.source }])))(
  "the example at $place is $source",
  ({ code, source }) => {
    const [, text = ""] = /^(?:\/\/.*\n)*([^]*)$/.exec(readFileSync(join(root, source), "utf8")) ?? [];
    expect(code).toBe(text);
    expect(source).toMatch(/^examples\//);
  },
);

describe("an example that is no program", () => {
  const write = createCodeFolder();

  it.each(
    modules.flatMap((block) => ({ ...block, scenario: SCENARIOS[block.name] })).filter(({ scenario }) => scenario),
  )("does what it is for: $name", async ({ name, code, scenario }) => {
    let count = 0;
    await scenario?.(async <T>(replacements: Readonly<Record<string, string>> = {}) => {
      let text = code;
      for (const [from, to] of Object.entries(replacements)) {
        expect(text).toContain(from);
        text = text.replaceAll(from, to);
      }
      const file = write(`${name.replace(/\W+/g, "-")}-${(count += 1)}.ts`, text);
      return (await import(file)) as T;
    });
  });
});
