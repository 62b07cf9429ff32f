import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";
import { pages, root } from "../support/documents.ts";
import { runFile } from "../support/run-file.ts";

const read = (file: string): string => readFileSync(join(root, file), "utf8").replace(/^```[^]*?^```$/gm, "");

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}\s_-]/gu, "")
    .replaceAll(" ", "-");
const anchorsOf = (file: string): readonly string[] =>
  [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));

it.each(pages)("every link of %s leads somewhere", (page) => {
  const broken = [...read(page).matchAll(/\]\(((?!https?:)[^)\s]+)\)/g)].flatMap(([, link = ""]) => {
    const [path = "", anchor] = link.split("#");
    const file = path === "" ? page : relative(root, join(root, dirname(page), path));
    const leads = existsSync(join(root, file)) && (anchor === undefined || anchorsOf(file).includes(anchor));
    return leads ? [] : [link];
  });
  expect(broken).toEqual([]);
});

it.each(["docs/", "docs/decisions/"])("%sREADME.md names every page there", (folder) => {
  const index = read(`${folder}README.md`);
  const own = pages.filter(
    (page) => page.startsWith(folder) && /^\w[\w-]*(?:\/from-[\w-]+)?\.md$/.test(page.slice(folder.length)),
  );
  const missing = own
    .map((page) => page.slice(folder.length))
    .filter((page) => page !== "README.md" && !index.includes(page));
  expect(own.length).toBeGreaterThan(15);
  expect(missing).toEqual([]);
});

it("docs/adapters.md names the versions that are installed", () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    devDependencies: Readonly<Record<string, string>>;
  };
  const named = [...read("docs/adapters.md").matchAll(/`(@[\w-]+\/[\w-]+)` (\d+\.\d+)/g)];
  expect(named.length).toBe(5);
  for (const [, name = "", version = ""] of named) expect(devDependencies[name], name).toMatch(`${version}.`);
});

it("every command in the documents is one that mcp-oauth has, with flags that it has", async () => {
  const commands = new Map<string, Set<string>>();
  for (const page of pages) {
    for (const [, block = ""] of readFileSync(join(root, page), "utf8").matchAll(
      /^```(?:sh|console)\n([^]*?)^```$/gm,
    )) {
      for (const [, command = "", rest = ""] of block.matchAll(/\bmcp-oauth(?:-client)? ([a-z-]+)\b([^\n#|;)]*)/g)) {
        const flags = commands.get(command) ?? new Set();
        for (const [flag] of rest.matchAll(/--[\w-]+/g)) flags.add(flag);
        commands.set(command, flags);
      }
    }
  }
  expect([...commands.keys()]).toEqual(expect.arrayContaining(["login", "logout", "status", "token", "doctor"]));
  for (const [command, flags] of commands) {
    const help = runFile(join(root, "dist/cli.js"), { args: [command, "--help"] });
    expect(await help.exited, command).toBe(0);
    for (const flag of flags) expect(help.output(), command).toContain(flag);
  }
});

it("examples/README.md names every example", () => {
  const named = [...read("examples/README.md").matchAll(/^\| \[([\w-]+)\]/gm)].map(([, name]) => name);
  const folders = readdirSync(join(root, "examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(named.sort()).toEqual(folders.map(({ name }) => name).sort());
});

it.each(["cli", "desktop", "browsers", "web-servers", "serverless", "adapters", "testing"])(
  "docs/%s.md is for a kind of host: the README leads there, and it has a program, what goes wrong, and limits",
  (host) => {
    const page = `docs/${host}.md`;
    expect(read("README.md")).toContain(`(${page})`);
    const [, opening = ""] = /^# .*\n\n([^]*?)(?=^#)/m.exec(read(page)) ?? [];
    expect(opening).toMatch(/^For /);
    expect(anchorsOf(page)).toEqual(expect.arrayContaining(["the-smallest-program", "what-goes-wrong", "limits"]));
  },
);
