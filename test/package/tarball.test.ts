import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { machineNode } from "../support/machine-node.ts";

const repository = join(import.meta.dirname, "..", "..");
const scratch = mkdtempSync(join(tmpdir(), "mcp-oauth-client-"));
const installed = join(scratch, "node_modules", "mcp-oauth-client");

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: scratch, encoding: "utf8", shell: process.platform === "win32" });

beforeAll(() => {
  const pack = ["pack", repository, "--ignore-scripts", "--silent", "--pack-destination", scratch];
  run("npm", ...pack);
  const tarball = readdirSync(scratch).find((name) => name.endsWith(".tgz")) ?? "";
  mkdirSync(installed, { recursive: true });
  run("tar", "-xzf", tarball, "-C", installed, "--strip-components", "1");
  for (const name of ["oauth4webapi", "@types"]) {
    symlinkSync(join(repository, "node_modules", name), join(scratch, "node_modules", name), "junction");
  }
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

it("holds the build, the documents and nothing else", () => {
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  const documents = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "THIRD-PARTY-NOTICES",
    "package.json",
  ];
  const entries = ["index", "node", "redis", "mcp-sdk", "browser", "testing"].flatMap((name) => [
    `dist/${name}.js`,
    `dist/${name}.d.ts`,
  ]);
  expect(files).toEqual(expect.arrayContaining([...documents, ...entries]));
  expect(files).toContain("dist/cli.js");
  const built = /^dist(?:\/[\w-]+\.(?:js|js\.map|d\.ts))?$/;
  const read =
    /^(?:docs(?:\/images|\/migration|\/[\w-]+\.(?:md|png)|\/migration\/[\w-]+\.md|\/images\/[\w-]+\.png)?|examples(?:\/.*)?)$/;
  expect(files.filter((name) => !documents.includes(name) && !built.test(name) && !read.test(name))).toEqual([]);
});

it("holds what its pages link to, for who reads them where they are installed", () => {
  const pages = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md"));
  expect(pages.length).toBeGreaterThan(15);
  const missing = pages.flatMap((page) => {
    const text = readFileSync(join(installed, page), "utf8").replace(/^```[^]*?^```$/gm, "");
    const targets = [...text.matchAll(/\]\(((?!https?:)[^)#\s]+)/g)].map(([, target = ""]) => target);
    return targets
      .filter((target) => !existsSync(join(installed, dirname(page), target)))
      .map((to) => `${page}: ${to}`);
  });
  expect(missing).toEqual([]);
});

describe.each([
  "mcp-oauth-client",
  "mcp-oauth-client/node",
  "mcp-oauth-client/redis",
  "mcp-oauth-client/mcp-sdk",
  "mcp-oauth-client/browser",
  "mcp-oauth-client/testing",
])("%s", (entry) => {
  const report = `console.log(Object.keys(entry).length, process.version)`;

  it("is imported by name on the machine's own Node", () => {
    const printed = run(machineNode, "--input-type=module", "-e", `import * as entry from "${entry}"; ${report}`);
    expect(Number.parseInt(printed)).toBeGreaterThan(0);
  });
  it("is required by name, without a warning", () => {
    const code = `process.on("warning", (warning) => { throw warning }); const entry = require("${entry}"); ${report}`;
    expect(Number.parseInt(run(machineNode, "--input-type=commonjs", "-e", code))).toBeGreaterThan(0);
  });
});

describe.each([
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
])("a program in TypeScript (module %s, resolution %s)", (module, resolution) => {
  it("compiles against the declarations, which are themselves checked", () => {
    const program = join(scratch, "program.mts");
    const lines = ["", "/node", "/redis", "/mcp-sdk", "/browser", "/testing"].map(
      (path, index) => `export * as e${index} from "mcp-oauth-client${path}";`,
    );
    writeFileSync(program, lines.join("\n"));
    const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");
    const modules = ["--module", module, "--moduleResolution", resolution, "--target", "es2022", "--types", "node"];
    expect(run(process.execPath, tsc, "--noEmit", "--strict", ...modules, program)).toBe("");
  });
});

describe("the command", () => {
  it("runs from the tarball by npx, and from where it is installed", () => {
    // without a registry: the one dependency comes as a tarball too
    run("npm", "pack", join(repository, "node_modules", "oauth4webapi"), "--ignore-scripts", "--silent");
    const tarballs = readdirSync(scratch).filter((name) => name.endsWith(".tgz"));
    const packages = tarballs.flatMap((name) => ["--package", `./${name}`]);
    const npx = ["exec", "--yes", "--offline", "--cache", join(scratch, "cache"), ...packages, "--", "mcp-oauth"];
    const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { version: string };
    expect(run("npm", ...npx, "--version").trim()).toBe(version);
    expect(run(machineNode, join(installed, "dist", "cli.js"), "help")).toContain("Usage: mcp-oauth");
  });
});
