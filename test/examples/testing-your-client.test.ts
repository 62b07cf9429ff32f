import { join } from "node:path";
import { expect, it } from "vitest";
import { runFile } from "../support/run-file.ts";

const root = join(import.meta.dirname, "../..");

it("the example of a foreign client's tests passes, in vitest and with msw", async () => {
  const program = runFile(join(root, "node_modules/vitest/vitest.mjs"), {
    args: ["run", "--root", join(root, "examples/testing-your-client"), "--no-color", "--testTimeout=120000"],
  });
  expect(await program.exited, program.output()).toBe(0);
  expect(program.output()).toMatch(/Tests +4 passed/);
});
