import type { Output } from "./output.js";

/** What every command is given. */
export interface CommandContext {
  readonly output: Output;
  /** Aborted with an `Interrupted` when the user or the system ends the command. */
  readonly signal: AbortSignal;
  /** Ends the command as Ctrl-C does. */
  readonly interrupt: () => void;
}
