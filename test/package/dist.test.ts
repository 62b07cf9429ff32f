import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import * as root from "mcp-oauth-client";
import { rolldown } from "rolldown";
import { describe, expect, it } from "vitest";

const dist = join(import.meta.dirname, "..", "..", "dist");

interface Imports {
  /** What has to be there before the entry runs. */
  readonly start: readonly string[];
  /** What is loaded by `import()`, and what that needs besides. */
  readonly late: readonly string[];
}

/** What an entry and the chunks behind it import from elsewhere. */
async function importsOf(entry: string): Promise<Imports> {
  const { metafile } = await build({
    entryPoints: [join(dist, `${entry}.js`)],
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "neutral",
    metafile: true,
    write: false,
    logLevel: "error",
  });
  const start = new Set<string>();
  const late = new Set<string>();
  const waiting = Object.entries(metafile.inputs).flatMap(([path, input]) =>
    path.endsWith(`/${entry}.js`) ? [input] : [],
  );
  expect(waiting).toHaveLength(1);
  for (const input of waiting) {
    for (const { path, external = false, kind } of input.imports) {
      if (external) (kind === "dynamic-import" ? late : start).add(path);
      const next = metafile.inputs[path];
      if (kind !== "dynamic-import" && next !== undefined && !waiting.includes(next)) waiting.push(next);
    }
  }
  const rest = Object.values(metafile.inputs).filter((input) => !waiting.includes(input));
  for (const { path, external = false } of rest.flatMap(({ imports }) => imports)) if (external) late.add(path);
  return { start: [...start].sort(), late: [...late].sort() };
}

interface Bundle {
  readonly code: string;
  readonly imports: readonly string[];
}

async function withEsbuild(contents: string): Promise<Bundle> {
  const options = { bundle: true, minify: true, format: "esm", platform: "browser" } as const;
  const program = { contents, resolveDir: dist };
  const result = await build({ ...options, stdin: program, metafile: true, write: false, logLevel: "silent" });
  const imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
  return { code: result.outputFiles[0]?.text ?? "", imports };
}

async function withRolldown(contents: string): Promise<Bundle> {
  const id = join(dist, "program.js");
  const program = { name: "program", load: (asked: string) => (asked === id ? contents : null) };
  const resolve = { ...program, resolveId: (asked: string) => (asked === id ? id : null) };
  const bundle = await rolldown({ input: id, platform: "browser", plugins: [resolve] });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  return output[0];
}

describe("what dist imports", () => {
  it.each(["index", "redis", "mcp-sdk", "browser", "testing"])(
    "%s: nothing at the start, and late the OAuth library, which only signatures need",
    async (entry) => {
      const { start, late } = await importsOf(entry);
      expect(start).toEqual([]);
      expect(["oauth4webapi"]).toEqual(expect.arrayContaining([...late]));
    },
  );
  it("node: the same, and Node modules by their `node:` names", async () => {
    const { start, late } = await importsOf("node");
    expect(start.filter((name) => !name.startsWith("node:") || !builtinModules.includes(name.slice(5)))).toEqual([]);
    expect(late).toEqual(["oauth4webapi"]);
  });
  it("cli: the OAuth library through the entries that are shipped, and Node modules", async () => {
    const { start, late } = await importsOf("cli");
    const packages = [...start, ...late].filter((name) => !name.startsWith("node:"));
    expect([...new Set(packages)]).toEqual(["oauth4webapi"]);
    expect(readFileSync(join(dist, "cli.js"), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  });
  it("types: the OAuth library shows in no declaration", () => {
    const named = readdirSync(dist)
      .filter((name) => name.endsWith(".d.ts"))
      .filter((name) => /from ["']oauth4webapi/.test(readFileSync(join(dist, name), "utf8")));
    expect(named).toEqual([]);
  });
});

describe.each([
  ["esbuild", withEsbuild],
  ["rolldown", withRolldown],
])("bundled by %s for the browser", (_name, bundle) => {
  const functions = Object.entries(root)
    .filter(([, value]) => typeof value === "function")
    .map(([name]) => name);

  it.each([
    "mcp-oauth-client",
    "mcp-oauth-client/redis",
    "mcp-oauth-client/mcp-sdk",
    "mcp-oauth-client/browser",
    "mcp-oauth-client/testing",
  ])("an import of %s for nothing leaves nothing", async (name) => {
    const { code } = await bundle(`import "${name}";`);
    expect(code.replace(/\/\/#.*/g, "").trim()).toBe("");
  });
  it.each(functions)("%s stands alone, without a Node module", async (name) => {
    const { code, imports } = await bundle(`import { ${name} } from "mcp-oauth-client"; console.log(${name});`);
    expect(imports).toEqual([]);
    expect(code.length).toBeGreaterThan(50);
  });
  it("the callback server brings nothing of OAuth along", async () => {
    const { code } = await bundle(`import { startCallbackServer as f } from "mcp-oauth-client"; console.log(f);`);
    expect(/urn:ietf:params:oauth|code_challenge/.exec(code)).toBeNull();
  });
});

it("refuses the entry for Node in a browser bundle", async () => {
  const program = `import { openBrowser } from "mcp-oauth-client/node"; console.log(openBrowser);`;
  await expect(withEsbuild(program)).rejects.toThrow('Could not resolve "mcp-oauth-client/node"');
});
