/** Breaks lines at spaces so that they fit; what is indented stays so, and a word that is too long stays whole. */
export function wrapText(text: string, columns: number): string {
  return text
    .split("\n")
    .flatMap((line) => wrapLine(line, columns))
    .join("\n");
}

function wrapLine(line: string, columns: number): readonly string[] {
  if (line.length <= columns) return [line];
  const indent = /^ */.exec(line)?.[0] ?? "";
  const lines: string[] = [];
  let current = indent;
  for (const word of line.trim().split(" ")) {
    const longer = current === indent ? current + word : `${current} ${word}`;
    if (longer.length <= columns || current === indent) current = longer;
    else {
      lines.push(current);
      current = indent + word;
    }
  }
  return [...lines, current];
}

const escaped = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16) ?? ""}}`;

/** What somebody else wrote, on one line: no character of it moves the cursor, sets a title, turns text around or makes up a line. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);

/** Text that goes to a terminal, whoever wrote it: it has lines and styles, and no other control characters. */
export const withoutControls = (text: string): string =>
  text.replace(/(\p{Cc}\[\d{1,2}m)|[^\P{Cc}\n\t]/gu, (found, style: string | undefined) =>
    style?.startsWith("\u001b") === true ? style : escaped(found) + found.slice(1),
  );

/** Cuts text that is too long, and says so. */
export const cutText = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;

/** Names and values below each other, the values aligned while there is room for them. */
export function layOutFacts(facts: readonly (readonly [string, string])[], columns: number): string {
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  return facts
    .map(([name, value]) => [name, printable(value)] as const)
    .map(([name, value]) =>
      columns - width < MIN_VALUE && value.length > columns - width - 2
        ? `  ${name}\n    ${value}`
        : wrapLine(`${" ".repeat(width + 2)}${value}`, columns)
            .join("\n")
            .replace(/^ +/, `  ${name.padEnd(width)}`),
    )
    .join("\n");
}

const MIN_VALUE = 40;
const GAP = 2;
const MIN_CELL = 8;

/** A table as wide as the terminal allows; `undefined` when there is no room for one. What does not fit is cut. */
export function layOutTable(
  head: readonly string[],
  remoteRows: readonly (readonly string[])[],
  columns: number,
): string | undefined {
  const rows = remoteRows.map((row) => row.map(printable));
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const total = (): number => widths.reduce((sum, width) => sum + width + GAP, -GAP);
  while (total() > columns) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= MIN_CELL) return undefined;
    widths[widest] = Math.max(MIN_CELL, (widths[widest] ?? 0) - 1);
  }
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cutText(cell, widths[column] ?? 0).padEnd(widths[column] ?? 0))
      .join(" ".repeat(GAP))
      .trimEnd();
  return [head, ...rows].map(line).join("\n");
}

const UNITS = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1_000, "second"],
] as const;

/** A span of time as people say it: "1 hour", but "90 minutes". */
export function describeSpan(ms: number): string {
  const [size, unit] = UNITS.find(([length]) => ms / length > 1.9 || Math.abs(ms / length - 1) < 0.03) ?? UNITS[3];
  const count = Math.max(0, Math.round(ms / size));
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
