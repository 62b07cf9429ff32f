// Checks (or, with --local, rewrites) docs/requirements.md: every requirement with the test that verifies it.
import { join } from "node:path";
import { requirements } from "../test/flows/requirements.ts";
import { citations } from "../test/support/citations.ts";
import { inCell, keepPage, root } from "./generated-page.mjs";

const cited = citations(join(root, "test"));

function verification(requirement) {
  if ("notOurs" in requirement) return `not ours: ${requirement.notOurs}`;
  const tests = cited.get(requirement.id) ?? [];
  const { file, title } = tests.find((test) => test.title !== "") ?? tests[0] ?? {};
  if (file === undefined) return "**no test**";
  const shown = title === "" ? file : inCell(title);
  return `[${shown}](../test/${file})${tests.length > 1 ? ` and ${tests.length - 1} more` : ""}`;
}

const tables = [
  ["spec", "The specification", "MCP's authorization specification of 2026-07-28, with what it takes from OAuth."],
  ["fact", "What servers send", "Where servers, or libraries, do otherwise than one expects."],
  [
    "pain",
    "What users of other clients report",
    "Numbers have gaps where a report is of something else than a client.",
  ],
].map(([kind, title, about]) => {
  const rows = requirements
    .filter(({ id }) => id.startsWith(`${kind}-`))
    .map((one) => `| ${one.id} | ${one.level} | ${inCell(one.text)} | ${one.source} | ${verification(one)} |`);
  return [
    `## ${title}`,
    about,
    ["| id | level | requirement | source | verified by |", "| - | - | - | - | - |", ...rows].join("\n"),
  ];
});
const binding = requirements.filter((requirement) => "binds" in requirement).length;
const text = [
  "# Requirements",
  `Made by \`npm run requirements:update\` from \`test/flows/requirements.ts\` and the titles of the tests; CI compares. ${binding} of ${requirements.length} bind this library; each of them is cited by a test, by its id at the end of the title.`,
  ...tables.flat(),
].join("\n\n");
await keepPage("docs/requirements.md", text, "npm run requirements:update");
