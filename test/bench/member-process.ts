import { fork } from "node:child_process";
import { join } from "node:path";

/** One of several processes on one folder. */
interface MemberProcess {
  /** Resolves with the outcome of each call; the clock is `offsetMs` ahead. */
  call(calls: number, offsetMs: number): Promise<readonly string[]>;
  login(offsetMs: number): Promise<void>;
}

type Reply = { readonly outcomes: readonly string[] } | { readonly error: string };

const program = join(import.meta.dirname, "programs", "crowd-process.mjs");

/** Runs `use` with a number of processes of one client, which are gone afterwards. */
export async function withMembers<T>(
  count: number,
  args: readonly string[],
  use: (members: readonly MemberProcess[]) => Promise<T>,
): Promise<T> {
  const children = Array.from({ length: count }, () =>
    fork(program, args, { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] }),
  );
  const ended = children.map((child) => new Promise<void>((resolve) => child.once("exit", () => resolve())));
  const members = children.map((child) => {
    const reply = (): Promise<readonly string[]> =>
      new Promise((resolve, reject) => {
        const fail = (code: number | null): void => reject(new Error(`the process ended (${code ?? "by a signal"})`));
        child.once("exit", fail);
        child.once("message", (message: Reply) => {
          child.off("exit", fail);
          if ("error" in message) reject(new Error(message.error));
          else resolve(message.outcomes);
        });
      });
    const ask = (task: object): Promise<readonly string[]> => {
      const answered = reply();
      child.send(task);
      return answered;
    };
    return {
      ready: reply(),
      call: (calls: number, offsetMs: number) => ask({ calls, offsetMs }),
      login: async (offsetMs: number) => {
        await ask({ login: true, offsetMs });
      },
    };
  });
  try {
    await Promise.all(members.map(({ ready }) => ready));
    return await use(members);
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(ended);
  }
}
