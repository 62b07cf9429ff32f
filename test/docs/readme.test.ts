import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, expect, it } from "vitest";
import { blocksOfDocument, blocksOfSource, filesBelow, type CodeBlock } from "../support/code-blocks.ts";
import { runFile } from "../support/run-file.ts";
import { startServedMcpServer } from "../support/served-mcp-server.ts";

const root = join(import.meta.dirname, "..", "..");
mkdirSync(join(root, ".cache"), { recursive: true });
// inside the repository, so that the package is found by its own name
const folder = mkdtempSync(join(root, ".cache", "docs-"));
afterAll(() => rmSync(folder, { recursive: true }));

// the API reports are lists of signatures, not examples
const pages = filesBelow("docs", ".md").filter((file) => !file.endsWith(".api.md"));
const documents = ["README.md", "SECURITY.md", ...pages].flatMap(blocksOfDocument);
const docstrings = filesBelow("src", ".ts").flatMap(blocksOfSource);

function write(name: string, code: string): string {
  const file = join(folder, name);
  writeFileSync(file, code);
  return file;
}

/** What the compiler says, each with the place of the block that it is about. */
function problemsIn(files: ReadonlyMap<string, CodeBlock>): readonly string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  const program = ts.createProgram([...files.keys()], { ...options, noEmit: true });
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const place = (file && files.get(file.fileName))?.place ?? file?.fileName ?? "";
    return `${place}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}

it("every example of the documents compiles", { timeout: 60_000 }, () => {
  expect(documents.length).toBeGreaterThan(8);
  const files = new Map<string, CodeBlock>();
  for (const [index, block] of documents.entries()) {
    files.set(write(`document-${index}.ts`, `${block.code}\nexport {};\n`), block);
    if (block.prelude !== "") files.set(write(`document-${index}-prelude.d.ts`, block.prelude), block);
  }
  expect(problemsIn(files)).toEqual([]);
});

/** Imports everything that an entry exports by name, save what another entry has already. */
function importAll(entry: string, specifier: string, seen: Set<string>): string {
  const source = ts.createSourceFile(entry, readFileSync(join(root, entry), "utf8"), ts.ScriptTarget.ES2022);
  const names = source.statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement) || !statement.exportClause || !ts.isNamedExports(statement.exportClause)) {
      return [];
    }
    const fresh = statement.exportClause.elements.map(({ name }) => name.text).filter((name) => !seen.has(name));
    for (const name of fresh) seen.add(name);
    return fresh.map((name) => (statement.isTypeOnly ? `type ${name}` : name));
  });
  return `import { ${names.join(", ")} } from "${specifier}";\n`;
}

/** What the examples of docstrings take for granted, beside everything that the package exports. */
const PRELUDE = `
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { homedir } from "node:os";
import { http } from "msw";
import { setupServer } from "msw/node";
import { join } from "node:path";
import Keyv from "keyv";
import { createClient } from "redis";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
declare const authorizationUrl: URL;
declare const button: HTMLElement;
declare const pending: PendingAuthorization;
declare const registration: ClientRegistration;
declare const response: Response;
declare const server: ServerMetadata;
declare const session: AuthSession;
declare const store: KVStore;
declare const tokens: TokenSet;
`;

it("every example of the docstrings compiles", { timeout: 60_000 }, () => {
  expect(docstrings.length).toBeGreaterThan(15);
  const seen = new Set<string>();
  const prelude =
    importAll("src/index.ts", "mcp-oauth-client", seen) +
    importAll("src/node.ts", "mcp-oauth-client/node", seen) +
    importAll("src/redis.ts", "mcp-oauth-client/redis", seen) +
    importAll("src/mcp-sdk.ts", "mcp-oauth-client/mcp-sdk", seen) +
    importAll("src/browser.ts", "mcp-oauth-client/browser", seen) +
    importAll("src/testing.ts", "mcp-oauth-client/testing", seen) +
    PRELUDE;
  const files = new Map<string, CodeBlock>();
  for (const [index, block] of docstrings.entries()) {
    const body = `export async function example(): Promise<void> {\n${block.code}}\n`;
    files.set(write(`docstring-${index}.ts`, prelude + body), block);
  }
  expect(problemsIn(files)).toEqual([]);
});

it.each(documents.filter(({ runs }) => runs).map((block) => ({ ...block, name: block.place })))(
  "the example at $name runs",
  { timeout: 30_000 },
  async ({ code, place }) => {
    const server = await startServedMcpServer();
    const own = code.replaceAll("https://mcp.example.com/mcp", server.serverUrl);
    const program = runFile(write(`${place.replace(/\W/g, "-")}.ts`, own));
    try {
      // a user at a machine without an opener opens what is printed
      program.waitFor(/(?<=Open )\S+(?=\n)/).then(
        async (url) => (await fetch(url)).text(),
        () => undefined,
      );
      expect(await program.exited, program.output()).toBe(0);
      if (own !== code) expect(server.counts.token).toBe(1);
    } finally {
      await program.stop();
      await server.close();
    }
  },
);

it("runs the quick start, and at least one example of each kind", () => {
  const running = documents.filter(({ runs }) => runs);
  expect(running[0]?.place).toMatch(/^README\.md:/);
  expect(running.length).toBeGreaterThanOrEqual(4);
});

it("the README names the bundle budgets that are measured", () => {
  const budgets = readFileSync(join(root, "test/package/budgets.test.ts"), "utf8");
  const measured = [...budgets.matchAll(/limit: ([\d_]+)/g)].map(([, limit = ""]) => Number(limit.replaceAll("_", "")));
  const [, size = ""] = /^## Size$([^]*?)^## /m.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
  const named = [...size.matchAll(/\| +([\d,]+) +\|/g)].map(([, bytes = ""]) => Number(bytes.replaceAll(",", "")));
  const ascending = (one: number, other: number): number => one - other;
  expect(named.length).toBe(5);
  expect(named.sort(ascending)).toEqual(measured.sort(ascending));
});

it("README and docs/errors.md explain every error code", () => {
  const unions = readFileSync(join(root, "src/errors.ts"), "utf8").matchAll(/type \w+ErrorCode =\s([^;]*);/g);
  const codes = [...unions].flatMap(([, union = ""]) => union.match(/(?<=")\w+(?=")/g) ?? []);
  expect(codes.length).toBeGreaterThan(25);
  for (const document of ["README.md", "docs/errors.md"]) {
    const text = readFileSync(join(root, document), "utf8");
    expect(
      codes.filter((code) => !text.includes(`\`${code}\``)),
      document,
    ).toEqual([]);
  }
});
