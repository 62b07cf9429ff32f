import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { machineNode } from "../support/machine-node.ts";
import { createHome, type Home } from "./support/home.ts";
import { command, startInTerminal, type Terminal } from "./support/terminal.ts";

const SHELLS = [
  ["bash", ["--norc", "--noprofile", "-i"], 'eval "$(mcp-oauth completion bash)"'],
  ["zsh", ["-f", "-i"], 'autoload -Uz compinit && compinit -u -D && eval "$(mcp-oauth completion zsh)"'],
  ["fish", ["--no-config", "-i"], "mcp-oauth completion fish | source"],
] as const;

const pathOf = (program: string): string | undefined =>
  ["/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));

/** A shell in which the command is installed, and its script loaded as the first lines of it say. */
async function startShell(home: Home, program: string, args: readonly string[], setup: string): Promise<Terminal> {
  const link = join(home.folder, "bin", "mcp-oauth");
  writeFileSync(link, `#!/bin/sh\nexec "${machineNode}" "${command}" "$@"\n`);
  chmodSync(link, 0o755);
  const shell = startInTerminal(home, args, { program, columns: 120 });
  shell.type(`${setup}\r`);
  shell.type("echo rea''dy\r");
  await shell.waitFor(/^ready$/m);
  return shell;
}

for (const [name, args, setup] of SHELLS) {
  const program = pathOf(name);
  const isMissing = program === undefined && process.env["CI"] !== "true";
  const title = `completes commands, flags and values in ${name} at the Tab key`;
  it.skipIf(isMissing)(isMissing ? `${title}: ${name} is not installed` : title, async () => {
    const shell = await startShell(createHome(), program ?? name, args, setup);
    shell.type("mcp-oauth logo\t");
    await shell.waitFor(/mcp-oauth logout/);
    shell.type("--a\t");
    await shell.waitFor(/mcp-oauth logout --all/);
    shell.type("\r");
    await shell.waitFor(/There are no logins/);

    shell.type("mcp-oauth help doc\t");
    await shell.waitFor(/mcp-oauth help doctor/);
    shell.type("\r");
    await shell.waitFor(/Usage: mcp-oauth doctor/);

    shell.type("mcp-oauth status --sto\t");
    await shell.waitFor(/mcp-oauth status --store/);
    shell.type("fi\t");
    await shell.waitFor(/mcp-oauth status --store file/);
    shell.type("\r");
    await shell.waitFor(/Begin with: mcp-oauth login/);

    shell.type("mcp-oauth completion z\t");
    await shell.waitFor(/mcp-oauth completion zsh/);
    shell.type("\rexit\r");
    expect(await shell.exited, shell.screen()).toBe(0);
  });
}
