import { expect, it } from "vitest";
import { createHome } from "./support/home.ts";
import { runCommand } from "./support/run-command.ts";

const COMMANDS = ["login", "logout", "status", "token", "doctor", "fake-server", "completion"];

it("the help of each command fits into 80 columns, and tells all of its flags", async () => {
  const home = createHome();
  const texts = await Promise.all(
    [["help"], ...COMMANDS.map((name) => ["help", name])].map(async (args) => {
      const { code, stdout, stderr } = await runCommand(home, args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
      return stdout;
    }),
  );
  await expect(texts.join(`\n${"-".repeat(80)}\n`)).toMatchFileSnapshot("screens/help.txt");
  expect((await runCommand(home, ["login", "--help"])).stdout).toBe(texts[1]);
});

it("prints its version, as the package has it", async () => {
  const home = createHome();
  for (const flag of ["--version", "-V"]) {
    expect((await runCommand(home, [flag])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  }
});

it.each(["bash", "zsh", "fish"])("prints a script for %s with all commands and flags", async (shell) => {
  const { code, stdout } = await runCommand(createHome(), ["completion", shell]);
  expect(code).toBe(0);
  for (const name of COMMANDS) expect(stdout).toContain(name);
  await expect(stdout).toMatchFileSnapshot(`screens/completion.${shell}`);
});
