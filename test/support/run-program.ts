import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";

export interface ProgramResult {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const root = join(import.meta.dirname, "..", "..");

/**
 * Bundles a program that imports from `./src/…` and runs it in a process of its own, until that ends by itself.
 *
 * @param onLine - hears what the program prints, while it runs
 */
export async function runProgram(source: string, onLine?: (line: string) => void): Promise<ProgramResult> {
  // inside the repository, so that packages are found by their names
  const cache = join(root, ".cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "program-"));
  try {
    const file = join(folder, "program.mjs");
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: root, loader: "ts" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "es2022",
      write: false,
      // native code cannot be bundled
      external: ["@napi-rs/*"],
    });
    await writeFile(file, outputFiles[0]?.contents ?? "");
    return await new Promise((resolve) => {
      const child = execFile(process.execPath, [file], { timeout: 100_000 }, (error, stdout, stderr) => {
        resolve({ code: error ? (error.code ?? error.signal ?? null) : 0, stdout, stderr });
      });
      if (onLine && child.stdout) createInterface(child.stdout).on("line", onLine);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
