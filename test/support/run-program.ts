import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { Plugin } from "esbuild";

export interface ProgramResult {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const root = join(import.meta.dirname, "..", "..");

/** Native code cannot be bundled: it is imported from where it is. */
const native: Plugin = {
  name: "native",
  setup(bundler) {
    bundler.onResolve({ filter: /^@napi-rs\// }, ({ path }) => ({
      path: pathToFileURL(createRequire(import.meta.url).resolve(path)).href,
      external: true,
    }));
  },
};

/**
 * Bundles a program that imports from `./src/…` and runs it in a process of its own, until that ends by itself.
 *
 * @param onLine - hears what the program prints, while it runs
 */
export async function runProgram(source: string, onLine?: (line: string) => void): Promise<ProgramResult> {
  const folder = await mkdtemp(join(tmpdir(), "program-"));
  try {
    const file = join(folder, "program.mjs");
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: root, loader: "ts" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "es2022",
      write: false,
      plugins: [native],
    });
    await writeFile(file, outputFiles[0]?.contents ?? "");
    return await new Promise((resolve) => {
      const child = execFile(process.execPath, [file], { timeout: 20_000 }, (error, stdout, stderr) => {
        resolve({ code: error ? (error.code ?? error.signal ?? null) : 0, stdout, stderr });
      });
      if (onLine && child.stdout) createInterface(child.stdout).on("line", onLine);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
