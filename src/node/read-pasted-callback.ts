import { AuthorizationError } from "../index.js";
import type { AuthorizeWithLoopbackOptions } from "./authorize-with-loopback.js";

/** In all: one who pastes by hand gets it right by then, and a program that cannot is not asked for ever. */
const TRIES = 3;

/** Asks again for what cannot be the callback of this login, before that login is used up by it. */
export async function readPastedCallback(
  read: NonNullable<AuthorizeWithLoopbackOptions["readCallbackUrl"]>,
  state: string,
  signal: AbortSignal,
  before: { readonly refused?: AuthorizationError; readonly tries: number } = { tries: 0 },
): Promise<string> {
  const pasted = (await read(signal, before.refused)).trim();
  const refused = findProblem(pasted, state);
  if (refused === undefined || signal.aborted) return pasted;
  const tries = before.tries + 1;
  if (tries === TRIES) throw refused;
  return await readPastedCallback(read, state, signal, { refused, tries });
}

function findProblem(pasted: string, state: string): AuthorizationError | undefined {
  const query = pasted.startsWith("?") ? pasted : URL.canParse(pasted) ? new URL(pasted).search : undefined;
  if (query === undefined) {
    return new AuthorizationError(
      "callback_invalid",
      "what was pasted is no URL: paste the whole address of the page that the browser ended at",
    );
  }
  const params = new URLSearchParams(query);
  if (!params.has("code") && !params.has("error")) {
    return new AuthorizationError(
      "callback_invalid",
      'the pasted URL has no "code": paste the address of the page that the browser ended at, after access was allowed',
    );
  }
  if (params.get("state") === state) return undefined;
  return new AuthorizationError(
    "state_unknown",
    "the pasted URL belongs to another login: paste the one that this login ended at",
  );
}
