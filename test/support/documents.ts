import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "vitest";
import { blocksOfDocument, filesBelow } from "./code-blocks.ts";

export const root = join(import.meta.dirname, "..", "..");

/** Every page that people read; the reports of the API are lists of signatures. */
export const pages: readonly string[] = [
  "README.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "examples/README.md",
  ...filesBelow("docs", ".md").filter((file) => !file.endsWith(".api.md")),
];

/** Every example of these pages. */
export const examples = pages.flatMap(blocksOfDocument);

/** Makes a folder inside the repository, so that the package is found by its own name; it goes when the tests of the file are over. */
export function createCodeFolder(): (name: string, code: string) => string {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache", "docs-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return (name, code) => {
    const file = join(folder, name);
    writeFileSync(file, code);
    return file;
  };
}
