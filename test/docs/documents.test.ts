import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { CodeBlock } from "../support/code-blocks.ts";
import { problemsIn } from "../support/compile.ts";
import { writeDocstrings } from "../support/docstrings.ts";
import { createCodeFolder, examples, root } from "../support/documents.ts";
import { runFile } from "../support/run-file.ts";
import { startServedMcpServer } from "../support/served-mcp-server.ts";

const write = createCodeFolder();

it("every example of the documents and of the docstrings compiles", () => {
  expect(examples.length).toBeGreaterThan(40);
  const docstrings = writeDocstrings(write);
  expect(docstrings.size).toBeGreaterThan(40);
  const files = new Map<string, CodeBlock>(docstrings);
  for (const [index, block] of examples.entries()) {
    // a file of the repository is compiled with it
    if (block.source !== undefined) continue;
    files.set(write(`document-${index}.ts`, `${block.code}\nexport {};\n`), block);
    if (block.prelude !== "") files.set(write(`document-${index}-prelude.d.ts`, block.prelude), block);
  }
  expect(problemsIn(files)).toEqual([]);
});

it.each(examples.filter(({ runs }) => runs))("the example at $place runs", async ({ code, place }) => {
  const server = await startServedMcpServer();
  const own = code.replaceAll("https://mcp.example.com/mcp", server.serverUrl);
  const program = runFile(write(`${place.replace(/\W/g, "-")}.ts`, own));
  try {
    // a user at a machine without an opener opens what is printed
    program
      .waitFor(/(?<=Open )\S+(?=\n)/)
      .then(async (url) => (await fetch(url)).text())
      // it prints none, or was called by its opener before
      .catch(() => undefined);
    expect(await program.exited, program.output()).toBe(0);
    if (own !== code) expect(server.counts.token).toBe(1);
  } finally {
    await program.stop();
    await server.close();
  }
});

it("runs the quick start, and at least one example of each kind", () => {
  const running = examples.filter(({ runs }) => runs);
  expect(running[0]?.place).toMatch(/^README\.md:/);
  expect(running.length).toBeGreaterThanOrEqual(4);
});

it("docs/runtimes.md names the bundle budgets that are measured", () => {
  const budgets = readFileSync(join(root, "test/package/budgets.test.ts"), "utf8");
  const measured = [...budgets.matchAll(/limit: ([\d_]+)/g)].map(([, limit = ""]) => Number(limit.replaceAll("_", "")));
  const [, size = ""] = /^## Size$([^]*)/m.exec(readFileSync(join(root, "docs/runtimes.md"), "utf8")) ?? [];
  const named = [...size.matchAll(/\| +([\d,]+) +\|/g)].map(([, bytes = ""]) => Number(bytes.replaceAll(",", "")));
  const ascending = (one: number, other: number): number => one - other;
  expect(named.length).toBe(5);
  expect(named.sort(ascending)).toEqual(measured.sort(ascending));
});

it("README lists every error code", () => {
  const source = readFileSync(join(root, "src/error-codes.ts"), "utf8");
  const codes = [...source.matchAll(/^ +\| "(\w+)"/gm)].map(([, code = ""]) => code);
  expect(codes.length).toBeGreaterThan(30);
  const text = readFileSync(join(root, "README.md"), "utf8");
  expect(codes.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
});
