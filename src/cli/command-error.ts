import { constants } from "node:os";

/** How the command ends, beside 0. 130 and 143 are those of a shell for Ctrl-C and `kill`. */
export const EXIT = { ok: 0, failed: 1, usage: 2, loginNeeded: 3 } as const;

/** A failure that the command itself finds: a sentence, and what to do. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** Stable, for programs that read `--json`. */
  readonly code: string;
  readonly exitCode: number;
  /** The next step, as a sentence. */
  readonly next: string | undefined;

  constructor(code: string, message: string, { exitCode = 1, next }: { exitCode?: number; next?: string } = {}) {
    super(message);
    this.code = code;
    this.exitCode = exitCode;
    this.next = next;
  }
}

/** The user, or the system, ended the command. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM" | "SIGHUP") {
    super(`ended by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}
