// Checks (or, with --local, rewrites) the tables of docs/errors.md, from the comments of src/error-codes.ts and src/errors.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inCell, keepPage, root } from "./generated-page.mjs";

const PAGE = "docs/errors.md";
const MARK = "<!-- from here on made by npm run errors:update -->";

const read = (file) => readFileSync(join(root, file), "utf8");
const codesSource = read("src/error-codes.ts");
const classesSource = read("src/errors.ts");

/** The text of a comment, as one line for each of its paragraphs and items. */
const linesOf = (comment) =>
  comment
    .replace(/^ *\* ?/gm, "")
    .replace(/\n *(?=[^-\s@])/g, " ")
    .replace(/\{@link (\w+)\}/g, "`$1`")
    // links from the sources are relative to the repository, links here to this folder
    .replace(/docs\/([\w-]+\.md)/g, "[$1]($1)")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("@"));

function codesOf(name) {
  const union = codesSource.split("export type ").find((text) => text.startsWith(`${name}Code =`)) ?? "";
  const codes = [...union.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*\| "(\w+)"/g)];
  if (codes.length === 0 || codes.length !== union.match(/^ +\| "/gm)?.length) {
    throw new Error(`every code of ${name}Code in src/error-codes.ts needs a comment`);
  }
  return codes.map(([, comment, code]) => {
    const [what, fault, next] = linesOf(comment);
    const [party, step] = [fault?.replace(/^- At fault: /, ""), next?.replace(/^- Next: /, "")];
    if (party === fault || step === next) throw new Error(`"${code}" has to say "At fault" and "Next"`);
    return `| \`${code}\` | ${[party, what, step].map((cell) => inCell(cell.replace(/\.$/, ""))).join(" | ")} |`;
  });
}

const classes = [...classesSource.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\nexport class (\w+) [^]*?\n}\n/g)];
const sections = classes.flatMap(([whole, comment, name]) => {
  const members = [...whole.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*declare readonly (\w+)/g)];
  return [
    `## ${name}`,
    linesOf(comment.replace(/@public/, "")).join("\n\n"),
    members.map(([, about, member]) => `- \`${member}\`: ${linesOf(about).join(" ")}`).join("\n"),
    ["| code | at fault | what happened | next |", "| - | - | - | - |", ...codesOf(name)].join("\n"),
  ];
});
if (sections.length !== 7 * 4) throw new Error("the classes of src/errors.ts were not found");

const [head, rest] = read(PAGE).split(MARK);
if (rest === undefined) throw new Error(`${PAGE} lacks "${MARK}"`);
await keepPage(PAGE, [head.trim(), MARK, ...sections].join("\n\n"), "npm run errors:update");
