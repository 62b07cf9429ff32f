import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const notices = readFileSync(join(root, "THIRD-PARTY-NOTICES"), "utf8");

it("the notices have the licence of every package that the command contains, and of no other", async () => {
  const { metafile } = await build({
    entryPoints: [join(root, "src/cli/main.ts")],
    bundle: true,
    format: "esm",
    platform: "node",
    splitting: true,
    outdir: "out",
    metafile: true,
    write: false,
    external: ["oauth4webapi"],
  });
  const names = Object.keys(metafile.inputs).flatMap(
    (input) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? [],
  );
  const contained = [...new Set(names)].sort();
  expect(contained).toContain("commander");
  expect([...notices.matchAll(/^={80}\n(\S+)\n={80}$/gm)].map(([, name]) => name)).toEqual(contained);
  for (const name of contained) {
    const folder = join(root, "node_modules", name);
    const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file)) ?? "";
    expect(notices, name).toContain(readFileSync(join(folder, licence), "utf8").trim());
  }
});
