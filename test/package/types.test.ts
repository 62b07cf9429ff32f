import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, describe, expect, it, vi } from "vitest";

vi.setConfig({ testTimeout: 240_000 });

const root = join(import.meta.dirname, "..", "..");
mkdirSync(join(root, ".cache"), { recursive: true });
// inside the repository, so that the package is found by its own name
const folder = mkdtempSync(join(root, ".cache", "types-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: object };
const entries = Object.keys(exports).filter((name) => name !== "./package.json");

const LIBRARIES = [
  ["DOM alone", { lib: ["lib.es2022.d.ts", "lib.dom.d.ts"], types: [] }],
  ["@types/node alone", { lib: ["lib.es2022.d.ts"], types: ["node"] }],
] as const;
const RESOLUTIONS = [
  ["NodeNext", { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }],
  ["Bundler", { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
] as const;

/** What the compiler says about a program, as a user would compile it. */
function problemsIn(file: string, code: string, options: ts.CompilerOptions): readonly string[] {
  const path = join(folder, file);
  writeFileSync(path, code);
  const program = ts.createProgram([path], {
    target: ts.ScriptTarget.ES2022,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    typeRoots: [join(root, "node_modules", "@types")],
    ...options,
  });
  return ts.getPreEmitDiagnostics(program).map(({ file: place, messageText }) => {
    return `${place?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}

describe.each(LIBRARIES)("with %s", (_library, { lib, types }) => {
  describe.each(RESOLUTIONS)("and %s resolution", (_resolution, modules) => {
    const options = { ...modules, lib: [...lib], types: [...types] };

    it("the declarations of every entry compile, themselves included", () => {
      const names = entries.map((name) => name.replace(/^\./, "mcp-oauth-client"));
      const code = names.map((name, index) => `export * as e${index} from "${name}";`).join("\n");
      expect(problemsIn("entries.ts", code, options)).toEqual([]);
    });

    it("the adapters are what each framework takes, in the version that is installed", () => {
      const code = readFileSync(join(root, "test", "types", "adapters.ts"), "utf8")
        .replace("../../src/index.js", "mcp-oauth-client")
        .replace("../../src/index.js", "mcp-oauth-client")
        .replace("../../src/mcp-sdk.js", "mcp-oauth-client/mcp-sdk");
      expect(code).not.toContain("../src");
      // the frameworks' own declarations need more than that
      expect(problemsIn("adapters.ts", code, { ...options, skipLibCheck: true })).toEqual([]);
    });
  });
});
