import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** An example in a document or in a docstring. */
export interface CodeBlock {
  /** File and line of its fence, for messages. */
  readonly place: string;
  readonly code: string;
  /** Whether the document says that it can be run: the fence is "```ts run". */
  readonly runs: boolean;
  /** Declarations that the document gives for it, in a comment `<!-- prelude … -->` before the fence. */
  readonly prelude: string;
}

const root = join(import.meta.dirname, "..", "..");

/** The files below a folder whose name ends so, sorted. */
export const filesBelow = (folder: string, ending: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(folder, name));

/** Every ts block of a Markdown file. */
export function blocksOfDocument(file: string): readonly CodeBlock[] {
  const text = readFileSync(join(root, file), "utf8");
  const blocks = text.matchAll(/(?:<!-- prelude ([^]*?)-->\s*)?^```(?:ts|typescript)\b(.*)\n([^]*?)^```$/gm);
  return [...blocks].map(({ index, 0: whole, 1: prelude = "", 2: info = "", 3: code = "" }) => ({
    place: `${file}:${lineOf(text, index + whole.indexOf("```"))}`,
    code,
    prelude,
    runs: info.trim() === "run",
  }));
}

/** Every ts block of the docstrings of a source file. */
export function blocksOfSource(file: string): readonly CodeBlock[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/^ *\* ```ts\n([^]*?)^ *\* ```$/gm)].map(({ index, 1: lines = "" }) => ({
    place: `${relative(root, join(root, file))}:${lineOf(text, index)}`,
    code: lines.replace(/^ *\* ?/gm, ""),
    prelude: "",
    runs: false,
  }));
}

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;
