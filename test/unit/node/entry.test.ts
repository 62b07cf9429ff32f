import { expect, it } from "vitest";
import { runProgram } from "../../support/run-program.js";

it("starts nothing, reads nothing and prints nothing when it is imported", async () => {
  const program = `
    import { spawn } from "node:child_process";
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const before = process.getActiveResourcesInfo();
    const touched = [];
    for (const name of ["openSync", "mkdirSync", "readFileSync"]) {
      const real = fs[name];
      fs[name] = (...args) => (touched.push(name), real(...args));
    }
    syncBuiltinESMExports();
    const entry = await import("./src/node.js");
    console.log(Object.keys(entry).sort().join(), touched.length, process.getActiveResourcesInfo().length - before.length);
  `;
  expect(await runProgram(program)).toEqual({
    code: 0,
    stdout: "authorizeWithLoopback,createFileStore,createKeychainStore,openBrowser 0 0\n",
    stderr: "",
  });
});
