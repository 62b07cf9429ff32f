import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { blocksOfSource, filesBelow, type CodeBlock } from "./code-blocks.ts";
import { root } from "./documents.ts";

const ENTRIES = ["index", "node", "redis", "mcp-sdk", "browser", "testing"] as const;

/** Imports everything that the entries export, each name once. */
function importAll(): string {
  const seen = new Set<string>();
  return ENTRIES.map((entry) => {
    const file = join(root, "src", `${entry}.ts`);
    const { statements } = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022);
    const names = statements.flatMap((statement) => {
      if (!ts.isExportDeclaration(statement) || !statement.exportClause || !ts.isNamedExports(statement.exportClause)) {
        return [];
      }
      const fresh = statement.exportClause.elements.map(({ name }) => name.text).filter((name) => !seen.has(name));
      for (const name of fresh) seen.add(name);
      return fresh.map((name) => (statement.isTypeOnly ? `type ${name}` : name));
    });
    return `import { ${names.join(", ")} } from "mcp-oauth-client${entry === "index" ? "" : `/${entry}`}";\n`;
  }).join("");
}

/** What the examples of docstrings take for granted, beside everything that the package exports; test/support/docstring-world.ts has it. */
const PRELUDE = `
import { readFile } from "node:fs/promises";
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
declare const test: (name: string, body: () => Promise<void>) => void;
declare const tokens: TokenSet;
`;

/** Writes every example of the docstrings as a function of a module: by the file, what it is of. */
export function writeDocstrings(write: (name: string, code: string) => string): ReadonlyMap<string, CodeBlock> {
  const prelude = importAll() + PRELUDE;
  const blocks = filesBelow("src", ".ts").flatMap(blocksOfSource);
  return new Map(
    blocks.map((block, index) => {
      const body = `export async function example(): Promise<void> {\n${block.code}}\n`;
      return [write(`docstring-${index}.ts`, prelude + body), block];
    }),
  );
}
