import { isAuthError } from "../errors.js";
import { withLock } from "../store/locks.js";
import { callStore, checkRecord } from "../store/records.js";
import type { TokenSet } from "../types.js";
import { isBound } from "../wire/dpop-connection.js";
import type { ClientContext } from "./client-context.js";
import { forgetState, markOf, readState } from "./refresh-state.js";
import { remember, type TokenCell } from "./token-cell.js";

/** Reads what is stored now, which another process may have changed. */
export async function readTokens(context: ClientContext, cell: TokenCell): Promise<TokenSet | undefined> {
  const { key, name } = cell;
  const stored = await callStore("read", name, () => context.tokenStore.getTokens(key));
  // a table of the host's own may not tell grants apart
  let tokens =
    stored && stored.grant === key.grant ? checkRecord("tokens", name, stored, context.onIgnored) : undefined;
  const unsaved = context.unsaved.get(cell);
  // unless a login or a sign-out elsewhere has made them old
  if (unsaved && tokens?.accessToken === cell.stored?.accessToken) await writeTokens(context, cell, (tokens = unsaved));
  context.unsaved.delete(cell);
  cell.stored = tokens;
  // what can be renewed is forgiven; what cannot would be sent in vain after every start
  if (tokens && !tokens.refreshToken) {
    const { refusedAccess } = await readState(context, cell);
    if (refusedAccess && refusedAccess === (await markOf(tokens))) tokens = undefined;
  }
  const { dpop } = context.http;
  // what cannot be used as it is meant must not be used at all
  if (tokens && !(dpop ? await dpop.canUse(tokens, key) : !isBound(tokens))) tokens = undefined;
  remember(cell, tokens);
  return tokens;
}

/**
 * Stores new tokens. The old refresh token may be dead already, so that a failure must not go unnoticed: it is tried twice, then
 * the tokens stay in memory to be written first on the next call.
 */
export async function writeTokens(context: ClientContext, cell: TokenCell, tokens: TokenSet): Promise<void> {
  const write = (): Promise<void> =>
    callStore("write", cell.name, () => context.tokenStore.setTokens(cell.key, tokens));
  context.unsaved.set(cell, tokens);
  cell.clockSkew = tokens.clockSkew ?? 0;
  remember(cell, tokens);
  // on a full disk there is room where the state was
  await write().catch(() => forgetState(context, cell).then(write));
  context.unsaved.delete(cell);
}

/** Forgets the tokens, here and in the store. */
export async function deleteTokens({ unsaved, tokenStore, http }: ClientContext, cell: TokenCell): Promise<void> {
  unsaved.delete(cell);
  await callStore("delete", cell.name, () => tokenStore.deleteTokens(cell.key));
  await http.dpop?.forget(cell.stored);
  remember(cell, undefined);
}

const LOCK_WAIT_MS = 10_000;

/** Replaces or forgets tokens while nobody refreshes them; a refresh that does not end must not keep a user out, or signed in. */
export async function changeTokens<T>(
  { store }: ClientContext,
  cell: TokenCell,
  change: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return await withLock(store, `refresh:${cell.name}`, change, { signal, waitMs: LOCK_WAIT_MS }).catch(
    (error: unknown) => {
      if (isAuthError(error, "lock_timeout")) return change();
      throw error;
    },
  );
}
