import { join } from "node:path";
import { expect, it } from "vitest";
import { writeDocstrings } from "../support/docstrings.ts";
import { createCodeFolder, root } from "../support/documents.ts";
import { runFile } from "../support/run-file.ts";

const docstrings = writeDocstrings(createCodeFolder());

it("every example of the docstrings runs, that of Redis apart", async () => {
  const program = runFile(join(root, "test/support/docstring-world.ts"), {
    args: [...docstrings.keys()],
    env: { STORE_KEY: Buffer.alloc(32, 1).toString("base64") },
  });
  try {
    expect(await program.exited, program.output()).toBe(0);
    const outcomes = new Map(
      [...program.output().matchAll(/^(passed|failed) (\S+)(.*)$/gm)].map(([, outcome, file, why]) => [
        file,
        `${outcome}${why}`,
      ]),
    );
    const failures = [...docstrings].flatMap(([file, { place }]) =>
      outcomes.get(file) === "passed" ? [] : [`${place} ${outcomes.get(file)}`],
    );
    expect(failures).toEqual([expect.stringMatching(/^src\/redis\/redis-store\.ts:.*ECONNREFUSED/)]);
  } finally {
    await program.stop();
  }
});
