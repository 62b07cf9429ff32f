import { isAuthError } from "../errors.js";
import { orAborted, sharesPromises } from "../platform.js";
import { withLock } from "../store/locks.js";
import type { AuthorizationServerMetadata, TokenSet } from "../types.js";
import type { ClientContext } from "./client-context.js";
import type { RefreshOutcome } from "./refresh-transaction.js";
import { transact } from "./refresh-transaction.js";
import { changeTokens, deleteTokens, readTokens } from "./stored-tokens.js";
import type { Need, TokenCell } from "./token-cell.js";
import { isAlive, isUsable } from "./token-cell.js";
import { findMovedEndpoint, isGone } from "./token-issuer.js";

/** Tokens that can be used now, renewed if need be; `undefined` when the user is needed. All callers share one refresh. */
export async function usableTokens(
  context: ClientContext,
  cell: TokenCell,
  need: Need = {},
  signal?: AbortSignal,
): Promise<TokenSet | undefined> {
  signal?.throwIfAborted();
  if (!sharesPromises()) return await obtainTokens(context, cell, need);
  for (;;) {
    const joined = cell.refreshing;
    const work = joined ?? obtainTokens(context, cell, need);
    if (joined === undefined) {
      const clear = (): void => {
        cell.refreshing = undefined;
      };
      cell.refreshing = work;
      work.then(clear, clear);
    }
    const tokens = await orAborted(work, signal);
    // a refresh that began before this token was refused may have found it still good
    if (joined === undefined || need.refused === undefined || tokens?.accessToken !== need.refused) return tokens;
  }
}

async function obtainTokens(
  context: ClientContext,
  cell: TokenCell,
  need: Need,
  metadata?: AuthorizationServerMetadata,
): Promise<TokenSet | undefined> {
  const { store, now } = context;
  let stored: TokenSet | undefined;
  let outcome: RefreshOutcome;
  try {
    stored = await readTokens(context, cell);
    if (stored ? isUsable(cell, need, now()) : !cell.grant) return stored;
    if (!(stored?.refreshToken ?? cell.grant ?? need.refused)) return undefined;
    const job = { context, cell, need, metadata };
    outcome = await withLock(store, `refresh:${cell.name}`, (lease) => transact(job, lease));
  } catch (error) {
    if (!isAuthError(error)) throw error;
    if (!context.unsaved.has(cell) && isAlive(cell, need, now())) return cell.tokens;
    const newer =
      stored && metadata === undefined && isGone(error) ? await findMovedEndpoint(context, cell, stored) : undefined;
    if (newer === undefined) throw error;
    return await obtainTokens(context, cell, need, newer);
  }
  const { tokens, again, moved } = outcome;
  if (again) return await obtainTokens(context, cell, need, metadata);
  if (tokens === undefined || !(await moved)) return tokens;
  await changeTokens(context, cell, async () => {
    if ((await readTokens(context, cell))?.accessToken === tokens.accessToken) await deleteTokens(context, cell);
  });
  return undefined;
}
