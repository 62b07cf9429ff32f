import { fork } from "node:child_process";
import { join } from "node:path";
import type { StoreSpec } from "./store-spec.ts";
import type { Answers, Report, Task } from "./tasks.ts";

/** A process of a host application. */
export interface HostProcess {
  /** Resolves with what the process answers; rejects when it fails, or ends before. */
  ask<T extends Task>(task: T): Promise<Answers[T["type"]]>;
  /** Resolves when the process has got the lock that it was told to take. */
  readonly held: Promise<void>;
  /** Sends a signal, such as SIGKILL. */
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<void>;
}

const program = join(import.meta.dirname, "worker.ts");

/** Starts a process, and resolves when it has opened its store. */
export async function startProcess(spec: StoreSpec, serverUrl: string): Promise<HostProcess> {
  const child = fork(program, [spec, serverUrl], { execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const ended = exited.then(() => {
    throw new Error(`the process ended (${child.exitCode ?? child.signalCode ?? ""}): ${stderr}`);
  });

  const report = <K extends string>(kind: K): Promise<Extract<Report, Record<K, unknown>>> =>
    new Promise((resolve, reject) => {
      const listen = (message: Report): void => {
        if ("error" in message) reject(new Error(message.error));
        else if (!(kind in message)) return;
        else resolve(message as Extract<Report, Record<K, unknown>>);
        child.off("message", listen);
      };
      child.on("message", listen);
    });
  const held = Promise.race([report("held"), ended]).then(() => undefined);
  // a process may end, and take no lock, when nobody waits for it
  for (const unheard of [ended, held]) unheard.catch(() => undefined);
  await Promise.race([report("ready"), ended]);

  return {
    async ask<T extends Task>(task: T) {
      const answered = report("answer");
      child.send(task);
      return (await Promise.race([answered, ended])).answer as Answers[T["type"]];
    },
    held,
    kill: (signal) => void child.kill(signal),
    exited,
  };
}

/** Runs `use` with a number of processes, which are gone afterwards. */
export async function withProcesses<T>(
  count: number,
  spec: StoreSpec,
  serverUrl: string,
  use: (processes: readonly HostProcess[]) => Promise<T>,
): Promise<T> {
  const processes = await Promise.all(Array.from({ length: count }, () => startProcess(spec, serverUrl)));
  try {
    return await use(processes);
  } finally {
    for (const one of processes) one.kill("SIGKILL");
    await Promise.all(processes.map(({ exited }) => exited));
  }
}
