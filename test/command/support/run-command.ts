import { spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import { machineNode } from "../../support/machine-node.ts";
import type { Home } from "./home.ts";
import { command, LOGIN_URL } from "./terminal.ts";

/** The command as a script starts it, without a terminal. */
export interface RunningCommand {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves with the first match in stderr; rejects when the command ends without. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** The URL that a login asks to open, once it waits for what comes of it. */
  url(): Promise<string>;
  /** Writes to its stdin. */
  write(text: string): void;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** `open`: a pipe that the test writes to; `end`: one that is at its end; `closed`: no such descriptor at all.
   * @defaultValue "end" */
  readonly stdin?: "open" | "end" | "closed";
}

/** Starts the command, which ends with the test at the latest. */
export function startCommand(
  home: Home,
  args: readonly string[],
  { env = {}, stdin = "end" }: RunOptions = {},
): RunningCommand {
  const [program, words] =
    stdin === "closed"
      ? ["/bin/sh", ["-c", 'exec "$0" "$@" <&-', machineNode, command, ...args]]
      : [machineNode, [command, ...args]];
  const child = spawn(program, words, { cwd: home.folder, env: { ...home.env, ...env }, stdio: "pipe" });
  const texts = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      for (const listener of listeners) listener();
    });
  }
  if (stdin !== "open") child.stdin.end();
  let hasEnded = false;
  const exited = new Promise<number>((resolve) => {
    child.on("close", (code) => {
      hasEnded = true;
      resolve(code ?? -1);
      for (const listener of listeners) listener();
    });
  });
  onTestFinished(async () => {
    if (!hasEnded) child.kill("SIGKILL");
    await exited;
  });
  const waitFor: RunningCommand["waitFor"] = (pattern) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(texts.stderr);
        if (match !== null) {
          listeners.delete(look);
          resolve(match);
        } else if (hasEnded) {
          reject(new Error(`the command ended without ${String(pattern)}:\n${texts.stderr}${texts.stdout}`));
        }
      };
      listeners.add(look);
      look();
    });
  return {
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    waitFor,
    url: async () => (await waitFor(LOGIN_URL))[1] ?? "",
    write: (text) => {
      child.stdin.write(text);
    },
    kill: (signal) => {
      child.kill(signal);
    },
    exited,
  };
}

/** The command, run to its end. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runCommand(home: Home, args: readonly string[], options?: RunOptions): Promise<CommandResult> {
  const running = startCommand(home, args, options);
  const code = await running.exited;
  return { code, stdout: running.stdout(), stderr: running.stderr() };
}
