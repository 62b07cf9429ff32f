import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";
import { pages, root } from "../support/documents.ts";

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

it("docs/README.md names every page of docs", () => {
  const index = read("docs/README.md");
  const missing = pages.filter((page) => /^docs\/(?!README)/.test(page) && !index.includes(`(${page.slice(5)})`));
  expect(missing).toEqual([]);
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
