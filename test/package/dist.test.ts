import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import * as root from "mcp-oauth-client";
import { rolldown } from "rolldown";
import { describe, expect, it } from "vitest";

const dist = join(import.meta.dirname, "..", "..", "dist");

/** What an entry and the chunks behind it import from elsewhere: at the start, or late, by `import()`. */
async function importsOf(entry: string, isLate = false): Promise<readonly string[]> {
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
  const all = Object.values(metafile.inputs).flatMap((input) => input.imports);
  const external = all.filter((found) => found.external && (found.kind === "dynamic-import") === isLate);
  return [...new Set(external.map((found) => found.path))].sort();
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
    "%s: the OAuth library and no Node module",
    async (entry) => {
      expect(["oauth4webapi"]).toEqual(expect.arrayContaining([...(await importsOf(entry))]));
    },
  );
  it("node: the same, and Node modules by their `node:` names", async () => {
    const others = (await importsOf("node")).filter((name) => name !== "oauth4webapi");
    expect(others.filter((name) => !name.startsWith("node:") || !builtinModules.includes(name.slice(5)))).toEqual([]);
  });
  it("cli: the OAuth library through the entries that are shipped, and Node modules", async () => {
    const [start, late] = [await importsOf("cli"), await importsOf("cli", true)];
    const packages = [...start, ...late].filter((name) => !name.startsWith("node:"));
    expect([...new Set(packages)]).toEqual(["oauth4webapi"]);
    expect(readFileSync(join(dist, "cli.js"), "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  });
  it.each(["index", "node", "redis", "mcp-sdk", "browser", "testing"])(
    "%s: late, nothing that a bundler would take in",
    async (entry) => {
      expect(await importsOf(entry, true)).toEqual([]);
    },
  );
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
