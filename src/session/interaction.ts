import { orAborted } from "../platform.js";
import type { TokenCell } from "./token-cell.js";

const STEP_UPS_PER_SCOPE = 2;
const FORGET_STEP_UPS_MS = 600_000;

/**
 * Asks the user once for all who need it: callers that come meanwhile wait for the same answer. `ask` is aborted when every
 * one of them has given up.
 */
export async function interactOnce(
  cell: TokenCell,
  ask: (signal: AbortSignal) => Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const interaction = (cell.interaction ??= begin(cell, ask));
  interaction.waiters += 1;
  try {
    await orAborted(interaction.done, signal);
  } finally {
    interaction.waiters -= 1;
    if (interaction.waiters === 0 && cell.interaction === interaction) {
      cell.interaction = undefined;
      interaction.abort.abort(signal?.reason);
    }
  }
}

function begin(cell: TokenCell, ask: (signal: AbortSignal) => Promise<unknown>): NonNullable<TokenCell["interaction"]> {
  const abort = new AbortController();
  // not before it is known to the cell that there is one
  const done = Promise.resolve().then(() => ask(abort.signal));
  const interaction = { abort, done, before: cell.tokens?.accessToken, waiters: 0 };
  const clear = (): void => {
    if (cell.interaction === interaction) cell.interaction = undefined;
  };
  done.then(clear, clear);
  return interaction;
}

/** Counts a step-up; `false` when this scope was asked for often enough and the server still wants more. */
export function mayStepUp(cell: TokenCell, scope: string, now: number): boolean {
  const { stepUps } = cell;
  const key = scope.split(" ").sort().join(" ");
  for (const [one, { forgetAt }] of stepUps) if (forgetAt <= now) stepUps.delete(one);
  const count = (stepUps.get(key)?.count ?? 0) + 1;
  if (count > STEP_UPS_PER_SCOPE) return false;
  stepUps.set(key, { count, forgetAt: now + FORGET_STEP_UPS_MS });
  return true;
}
