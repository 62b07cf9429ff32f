import { join } from "node:path";
import { expect, it } from "vitest";
import { runFile } from "../support/run-file.ts";

const example = join(import.meta.dirname, "../../examples/dpop/main.ts");

it("the example of bound tokens shows that a thief can do nothing with one [spec-148]", async () => {
  const program = runFile(example);
  expect(await program.exited, program.output()).toBe(0);
  expect(program.output().match(/(?<=: )\d+$/gm)).toEqual(["200", "200", "401", "401", "401"]);
});
