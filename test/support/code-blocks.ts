import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** An example in a document or in a docstring. */
export interface CodeBlock {
  /** File and line of its fence, for messages. */
  readonly place: string;
  /** Document and heading above it, with a number from the second one below a heading on: what tests call it. */
  readonly name: string;
  readonly code: string;
  /** Whether the document says that it can be run: the fence is "```ts run". */
  readonly runs: boolean;
  /** Declarations that the document gives for it, in a comment `<!-- prelude … -->` before the fence. */
  readonly prelude: string;
  /** The file that it is, without the comment at its head, as a comment `<!-- from … -->` before the fence says. */
  readonly source?: string | undefined;
}

const root = join(import.meta.dirname, "..", "..");

/** The files below a folder whose name ends so, sorted. */
export const filesBelow = (folder: string, ending: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));

/** The lines of a diff as they are after it; as they were before it, without "+" in place of "-". */
export const sideOfDiff = (diff: string, without: "+" | "-" = "-"): string =>
  diff.replace(/^.*\n/gm, (line) => (line.startsWith(without) ? "" : line.replace(/^[ +-]/, "")));

/** Every ts block of a Markdown file, and what comes out of every diff, which is a program. */
export function blocksOfDocument(file: string): readonly CodeBlock[] {
  const text = readFileSync(join(root, file), "utf8");
  const names = new Map<string, number>();
  const blocks = text.matchAll(/(?:<!-- (prelude|from) ([^]*?)-->\s*)?^```(ts|diff)\b(.*)\n([^]*?)^```$/gm);
  return [...blocks].map(({ index, 0: whole, 1: kind, 2: comment = "", 3: language, 4: info = "", 5: code = "" }) => {
    const heading = `${file} › ${headingAbove(text.slice(0, index))}`;
    const count = (names.get(heading) ?? 0) + 1;
    names.set(heading, count);
    return {
      place: `${file}:${lineOf(text, index + whole.indexOf("```"))}`,
      name: count === 1 ? heading : `${heading} (${count})`,
      code: language === "diff" ? sideOfDiff(code) : code,
      prelude: kind === "prelude" ? comment : "",
      source: kind === "from" ? comment.trim() : undefined,
      runs: language === "diff" || info.trim() === "run",
    };
  });
}

const headingAbove = (text: string): string =>
  [...text.replace(/^```[^]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? "";

/** Every ts block of the docstrings of a source file. */
export function blocksOfSource(file: string): readonly CodeBlock[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/^ *\* ```ts\n([^]*?)^ *\* ```$/gm)].map(({ index, 1: lines = "" }) => ({
    place: `${relative(root, join(root, file))}:${lineOf(text, index)}`,
    name: `${file}:${lineOf(text, index)}`,
    code: lines.replace(/^ *\* ?/gm, ""),
    prelude: "",
    runs: false,
  }));
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;
