import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { machineNode } from "../support/machine-node.ts";
import { createHome, type Home } from "./support/home.ts";
import { command, masked, startInTerminal } from "./support/terminal.ts";

const page = join(import.meta.dirname, "../../docs/command.md");
const RECORDED = "http://127.0.0.1:18080";

const BLOCK = /^```console\n([^]*?)^```$/gm;

/** The commands of the page's `console` blocks, each with what it printed. */
const recordedSteps = (text: string): readonly (readonly [line: string, printed: string])[] =>
  [...text.matchAll(BLOCK)].flatMap(([, block = ""]) =>
    block
      .split(/^\$ /m)
      .filter(Boolean)
      .map((step) => {
        const [line = "", ...printed] = step.split("\n");
        return [line, printed.join("\n").trim()] as const;
      }),
  );

/** A browser whose user allows everything, and the command by its name. */
function equip({ folder }: Home): void {
  const programs = {
    "mcp-oauth": `exec "${machineNode}" "${command}" "$@"`,
    "xdg-open": `"${machineNode}" -e 'fetch(process.argv[1])' "$1" &`,
  };
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, "bin", name), 0o755);
  }
}

const hasCurl = ["/bin", "/usr/bin"].some((folder) => existsSync(join(folder, "curl"))) || process.env["CI"] === "true";
const title = "the session of docs/command.md is what the command prints";

it.skipIf(!hasCurl)(hasCurl ? title : `${title}: curl is not installed`, async () => {
  const text = readFileSync(page, "utf8");
  const steps = recordedSteps(text);
  const home = createHome();
  equip(home);
  const server = startInTerminal(home, ["fake-server", "--no-consent", "--scope", "notes:read"]);
  const [, origin = ""] = await server.waitFor(/MCP server\s+(http:\/\/127\.0\.0\.1:\d+)\/mcp[^]*Ctrl-C/);
  const printed: string[] = [];
  for (const [line] of steps) {
    const terminal = startInTerminal(home, ["-c", line.replaceAll(RECORDED, origin)], { program: "/bin/bash" });
    await terminal.exited;
    printed.push(masked(terminal.screen()).trim().replaceAll("http://127.0.0.1:00000", RECORDED));
  }
  const now = steps.map(([line], index) => `$ ${line}\n${printed[index] ?? ""}`.trim());
  if (process.env["RECORD"] === "1") {
    const left = [...now];
    const rewritten = text.replace(BLOCK, (_, block: string) => {
      const own = left.splice(0, block.match(/^\$ /gm)?.length ?? 0);
      return `\`\`\`console\n${own.join("\n")}\n\`\`\``;
    });
    writeFileSync(page, rewritten);
  }
  expect(steps.length).toBeGreaterThan(6);
  expect(steps.map(([line, before]) => `$ ${line}\n${before}`.trim())).toEqual(now);
});
