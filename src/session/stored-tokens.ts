import { isAuthError } from "../errors.js";
import { withLock } from "../store/locks.js";
import { callStore } from "../store/records.js";
import type { TokenSet } from "../types.js";
import type { ClientContext } from "./client-context.js";
import { remember, type TokenCell } from "./token-cell.js";

/** Reads what is stored now, which another process may have changed. */
export async function readTokens({ tokenStore }: ClientContext, cell: TokenCell): Promise<TokenSet | undefined> {
  if (cell.unsaved !== undefined) await writeTokens({ tokenStore }, cell, cell.unsaved);
  const tokens = (await callStore("read", cell.name, () => tokenStore.getTokens(cell.key))) ?? undefined;
  remember(cell, tokens);
  return tokens;
}

/**
 * Stores new tokens. The old refresh token may be dead already, so that a failure must not go unnoticed: it is tried twice, then
 * the tokens stay in memory to be written first on the next call.
 */
export async function writeTokens(
  { tokenStore }: Pick<ClientContext, "tokenStore">,
  cell: TokenCell,
  tokens: TokenSet,
): Promise<void> {
  const write = (): Promise<void> => callStore("write", cell.name, () => tokenStore.setTokens(cell.key, tokens));
  remember(cell, tokens);
  cell.unsaved = tokens;
  await write().catch(write);
  cell.unsaved = undefined;
}

/** Forgets the tokens, here and in the store. */
export async function deleteTokens({ tokenStore }: ClientContext, cell: TokenCell): Promise<void> {
  cell.unsaved = undefined;
  await callStore("delete", cell.name, () => tokenStore.deleteTokens(cell.key));
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
