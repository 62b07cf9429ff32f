import { readFileSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import layers from "../../.ci/layers.json" with { type: "json" };

const root = join(import.meta.dirname, "..", "..", "src");
const allowed: Readonly<Record<string, readonly string[]>> = layers.imports;
const users: Readonly<Record<string, readonly string[]>> = layers.packages;

const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => ({ name: name.replaceAll("\\", "/"), code: readFileSync(join(root, name), "utf8") }))
  .map((file) => ({ ...file, bare: file.code.replace(/^\s*(?:\/\*|\*|\/\/).*$/gm, "") }));

/** The folder of a file of src, or the file itself at the top: what the layer table is about. */
const unitOf = (name: string): string => (name.includes("/") ? name.replace(/\/.*/, "/") : name);

const importsOf = (code: string): readonly string[] =>
  [...code.matchAll(/^(?:import|export)\b[^;]*?\bfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm)].map(
    ([, from, effect, dynamic]) => from ?? effect ?? dynamic ?? "",
  );

function mayImport(name: string, specifier: string): boolean {
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(name), specifier).replace(/\.js$/, ".ts");
    return unitOf(target) === unitOf(name) || (allowed[unitOf(name)] ?? []).includes(unitOf(target));
  }
  const row = users[specifier.startsWith("node:") ? "node:*" : specifier] ?? [];
  return row.includes(name) || row.includes(unitOf(name));
}

const paths = files.map(({ name }) => join(root, name));
const program = ts.createProgram(paths, {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  types: ["node"],
  strict: true,
});
const checker = program.getTypeChecker();

/** What a file takes from the runtime: names of the ambient list that nothing in src declares, and the clock and dice of others. */
function ambientIn(node: ts.Node): readonly string[] {
  const inner: string[] = [];
  ts.forEachChild(node, (child) => void inner.push(...ambientIn(child)));
  const text = ts.isPropertyAccessExpression(node) || ts.isNewExpression(node) ? node.getText() : "";
  if (["Date.now", "Math.random", "AbortSignal.timeout", "new Date()"].includes(text)) inner.push(text);
  if (!ts.isIdentifier(node) || !layers.ambient.includes(node.text)) return inner;
  if (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) return inner;
  const value = checker.getShorthandAssignmentValueSymbol(node.parent) ?? checker.getSymbolAtLocation(node);
  const declared = value?.declarations ?? [];
  return declared.some((declaration) => paths.includes(declaration.getSourceFile().fileName)) ? inner : [node.text];
}

it("finds the source files, each in a unit of the layer table", () => {
  expect(files.length).toBeGreaterThan(10);
  expect(files.map(({ name }) => unitOf(name)).filter((unit) => !(unit in allowed))).toEqual([]);
});

describe.each(files)("src/$name", ({ name, code, bare }) => {
  it("imports only from layers below it", () => {
    const refused = importsOf(code).filter((specifier) => !mayImport(name, specifier));
    const may = allowed[unitOf(name)]?.join(", ");
    expect(refused, `src/${unitOf(name)} may import ${may === "" ? "nothing" : may}: see .ci/layers.json`).toEqual([]);
  });
  it("writes relative imports with the extension of the output", () => {
    const refused = importsOf(code).filter((specifier) => specifier.startsWith(".") && !specifier.endsWith(".js"));
    expect(refused, "a relative import ends with .js").toEqual([]);
  });
  it("takes time, network, randomness and environment from platform.ts", () => {
    const source = name === "platform.ts" ? undefined : program.getSourceFile(join(root, name));
    const touched = source === undefined ? [] : ambientIn(source);
    expect(touched, `${name} touches what the runtime provides: let platform.ts do it`).toEqual([]);
  });
  it("names what it exports", () => {
    expect(code.match(/^export (?:\*|default).*$/gm), "export each thing by its name").toBeNull();
  });
  it("is short enough to be read at once", () => {
    expect(code.split("\n").length, "split the file: one idea each").toBeLessThanOrEqual(301);
  });
  it("re-exports and does nothing else if it is an entry", () => {
    const entry = ["index.ts", "node.ts", "redis.ts", "mcp-sdk.ts", "browser.ts", "testing.ts"].includes(name);
    const rest = entry ? bare.replace(/^export (?:type )?\{[^}]*\} from "[^"]+";$/gm, "").trim() : "";
    expect(rest, "an entry holds named re-exports only").toBe("");
  });
});

it("lets output.ts alone write to the terminal, and read from it", () => {
  const others = files.filter(({ name }) => name.startsWith("cli/") && name !== "cli/output.ts");
  const terminal = /\b(?:stdout|stderr|stdin|console)\b|from "node:(?:tty|readline)[^"]*"/;
  expect(others.length).toBeGreaterThan(10);
  expect(others.filter(({ bare }) => terminal.test(bare)).map(({ name }) => name)).toEqual([]);
});
