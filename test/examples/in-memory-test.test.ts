import { join } from "node:path";
import { expect, it } from "vitest";
import { runFile } from "../support/run-file.ts";

const example = join(import.meta.dirname, "../../examples/in-memory-test/main.ts");

it("the example of a host's own tests passes", async () => {
  const program = runFile(example);
  expect(await program.exited, program.output()).toBe(0);
  expect(program.output()).toMatch(/pass 2\n.*fail 0\n/);
});
