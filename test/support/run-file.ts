import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/** A program in a process of its own, on a machine with nothing but Node and an opener for URLs that acts as browser and user. */
export interface RunningProgram {
  /** What it printed so far, both streams. */
  readonly output: () => string;
  /** Resolves with the first match in what it prints; rejects when it ends without. */
  waitFor(pattern: RegExp): Promise<string>;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  stop(): Promise<void>;
}

export interface RunOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the machine can open URLs. @defaultValue true */
  readonly opener?: boolean;
}

const opener = `#!${process.execPath}
fetch(process.argv[2]).then((response) => response.text());
`;

/** Runs a TypeScript or JavaScript file; its home and state directories are empty and go away with it unless `env` says otherwise. */
export function runFile(
  file: string,
  { args = [], env = {}, opener: hasOpener = true }: RunOptions = {},
): RunningProgram {
  const home = mkdtempSync(join(tmpdir(), "run-file-"));
  if (hasOpener) {
    for (const name of ["xdg-open", "open"]) {
      writeFileSync(join(home, name), opener);
      chmodSync(join(home, name), 0o755);
    }
  }
  const path = [home, dirname(process.execPath)].join(delimiter);
  const child = spawn(process.execPath, [file, ...args], {
    env: { PATH: path, HOME: home, XDG_STATE_HOME: join(home, "state"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  const exited = new Promise<number | string>((resolve) => {
    child.on("close", (code, signal) => {
      rmSync(home, { recursive: true, force: true });
      resolve(code ?? signal ?? -1);
    });
  });

  return {
    output: () => output,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const [match] = pattern.exec(output) ?? [];
          if (match === undefined) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        look();
        void exited.then((code) =>
          reject(new Error(`the program ended (${code}) without ${String(pattern)}:\n${output}`)),
        );
      }),
    exited,
    async stop() {
      child.kill();
      await exited;
    },
  };
}
