import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ACCIDENTS } from "../../src/testing/accidents.ts";
import { DISCOVERY_ODDITIES } from "../../src/testing/discovery-oddities.ts";
import type { Oddity } from "../../src/testing/named-fault.ts";
import { RESOURCE_ODDITIES } from "../../src/testing/resource-oddities.ts";
import { TOKEN_ODDITIES } from "../../src/testing/token-oddities.ts";

const text = readFileSync(join(import.meta.dirname, "../../docs/testing.md"), "utf8");

/** The cells of the table below a heading, without its head. */
const tableBelow = (heading: string): readonly (readonly string[])[] => {
  const [, section = ""] = new RegExp(`^### ${heading}$([^]*?)(?=^#|$(?![^]))`, "m").exec(text) ?? [];
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
};

it("docs/testing.md says what befalls an endpoint by each name", () => {
  expect(tableBelow("What can befall any endpoint")).toEqual(
    Object.entries(ACCIDENTS).map(([name, { what }]) => [`\`${name}\``, what]),
  );
});

it.each<[string, Readonly<Record<string, Oddity>>]>([
  ["Deviations of metadata and registration", DISCOVERY_ODDITIES],
  ["Deviations of logins and tokens", TOKEN_ODDITIES],
  ["Deviations of the MCP server", RESOURCE_ODDITIES],
])("docs/testing.md has the table of %s", (heading, oddities) => {
  expect(tableBelow(heading)).toEqual(
    Object.entries(oddities).map(([name, { what, at }]) => [`\`${name}\``, what, Object.keys(at).join(", ")]),
  );
});

it("docs/testing.md names every option", () => {
  const source = readFileSync(join(import.meta.dirname, "../../src/testing/fake-auth-server-options.ts"), "utf8");
  const [, body = ""] = /export interface FakeAuthServerOptions[^{]*\{([^]*?)\n\}/.exec(source) ?? [];
  const options = [...body.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name = ""]) => name);
  expect(options.length).toBeGreaterThan(30);
  expect(options.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});
