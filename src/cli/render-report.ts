import type { Check, DoctorReport, Mark, Party } from "./doctor-report.js";
import type { Output, Style } from "./output.js";
import { printable, wrapText } from "./text-layout.js";

const MARKS: Readonly<Record<Mark, readonly [sign: string, style: Style]>> = {
  ok: ["✓", "green"],
  warning: ["!", "yellow"],
  error: ["✗", "red"],
  info: ["·", "dim"],
};

/** How a report ends that names a fault, and whose it is, where somebody can mend it. */
const ENDS: Readonly<Record<Party, readonly [word: string, party?: string]>> = {
  mcp_server: ["It is broken", "the MCP server"],
  authorization_server: ["It is broken", "the authorization server"],
  network: ["It could not be reached"],
  user: ["The login was not completed"],
};

/** Prints a report as a tree, and the verdict below it. */
export function renderReport(report: DoctorReport, output: Output): void {
  const write = (text: string): void => {
    output.print(wrapText(text, output.columns()));
  };
  for (const { title, checks } of report.sections) {
    output.print(output.style("bold", wrapText(title, output.columns())));
    for (const check of checks) renderCheck(check, output, write);
    output.print("");
  }
  renderLinks(report, output, write);
  const [word, mark] = verdictOf(report);
  const [sign, style] = MARKS[mark];
  output.print(output.style(style, `${sign} ${word}`));
  write(`  ${printable(sentence(report.summary))}`);
  const [, party] = report.fault === null ? [] : ENDS[report.fault];
  if (party !== undefined) write(`  At fault: ${party}.`);
  if (report.needs.includes("client_id")) write("  Register a client there by hand, and log in with --client-id.");
}

function renderCheck(check: Check, output: Output, write: (text: string) => void): void {
  const [sign, style] = MARKS[check.mark];
  const ids = isFine(check) ? check.requirements.map(({ id }) => id).join(", ") : "";
  const lines = wrapText(`    ${printable(check.found)}${ids && ` (${ids})`}`, output.columns()).split("\n");
  output.print([`  ${output.style(style, sign)} ${lines[0]?.trimStart() ?? ""}`, ...lines.slice(1)].join("\n"));
  if (check.url !== undefined) {
    write(`    ${printable([check.method, check.url, check.status].filter((part) => part !== undefined).join(" "))}`);
  }
  if (check.client !== undefined) write(`    A client: ${printable(check.client)}`);
  if (isFine(check)) return;
  for (const { id, text, url } of check.requirements) {
    write(`    ${id}: ${text}`);
    output.print(output.style("dim", `      ${url}`));
  }
}

/** What is as it has to be needs no explanation beside it. */
const isFine = ({ mark }: Check): boolean => mark === "ok" || mark === "info";

/** Where the requirements of all that is fine are to be read, each place once. */
function renderLinks({ sections }: DoctorReport, output: Output, write: (text: string) => void): void {
  const places = new Map<string, Set<string>>();
  for (const { id, url } of sections.flatMap(({ checks }) =>
    checks.filter(isFine).flatMap((one) => one.requirements),
  )) {
    places.set(url, (places.get(url) ?? new Set()).add(id));
  }
  if (places.size === 0) return;
  output.print(output.style("bold", "Requirements"));
  for (const [url, ids] of places) {
    write(`  ${[...ids].join(", ")}`);
    output.print(output.style("dim", `    ${url}`));
  }
  output.print("");
}

function verdictOf({ verdict, profile, fault }: DoctorReport): readonly [string, Mark] {
  if (verdict === "works") return ["It works", "ok"];
  if (fault !== null) return [ENDS[fault][0], "error"];
  return [`It works with the profile ${profile?.allow.join(", ") ?? ""}`, "warning"];
}

/** URLs and names of hosts keep their first letter. */
const sentence = (text: string): string =>
  `${text.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase()).replace(/\.$/, "")}.`;
