#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { nodeProcess } from "./builtins.js";
import { createOutput } from "./output.js";

/** The version of the package, whose manifest is beside the folder of the build. */
function packageVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

const words = nodeProcess.argv.slice(2);
const output = createOutput();
if (words.length === 1 && ["--version", "-V", "-v"].includes(words[0] ?? "")) output.print(packageVersion());
else {
  // everything else is loaded when it is needed: scripts start this command often
  const { runProgram } = await import("./program.js");
  await runProgram(words, packageVersion(), output);
}
