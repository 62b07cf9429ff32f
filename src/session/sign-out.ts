import { isAuthError } from "../errors.js";
import { revokeTokens } from "../protocol/revoke-tokens.js";
import { recordKeys } from "../store/records.js";
import type { ServerMetadata, TokenSet } from "../types.js";
import type { ClientContext } from "./client-context.js";
import { discoverForSession } from "./discovery-cache.js";
import type { SignOutOptions, SignOutResult } from "./session-types.js";
import { forgetState } from "./refresh-state.js";
import { changeTokens, deleteTokens, readTokens } from "./stored-tokens.js";
import type { TokenCell } from "./token-cell.js";
import { stampedServer } from "./token-issuer.js";

export async function signOut(
  context: ClientContext,
  cell: TokenCell,
  { localOnly = false, signal }: SignOutOptions,
): Promise<SignOutResult> {
  signal?.throwIfAborted();
  const forget = async (): Promise<TokenSet | undefined> => {
    const stored = await readTokens(context, cell);
    await deleteTokens(context, cell);
    await forgetState(context, cell);
    return stored;
  };
  const tokens = await changeTokens(context, cell, forget, signal);
  cell.stepUps.clear();
  context.emit({ type: "signed_out", ...cell.key });
  if (tokens === undefined || localOnly) return { revoked: "skipped" };
  try {
    const server = await serverOf(context, cell, tokens, signal);
    if (server === undefined) return { revoked: "unsupported" };
    return { revoked: (await revokeTokens(server, tokens, { ...context.http, signal })) ? "yes" : "unsupported" };
  } catch (error) {
    if (isAuthError(error)) return { revoked: error };
    throw error;
  }
}

/** The metadata of the issuer that the tokens are from, and of no other. */
async function serverOf(
  context: ClientContext,
  cell: TokenCell,
  tokens: TokenSet,
  signal: AbortSignal | undefined,
): Promise<ServerMetadata | undefined> {
  const stored = await context.records.get("issuer", recordKeys.issuer(tokens.issuer));
  if (stored !== undefined) return stampedServer(context, cell, tokens, stored.authorizationServer);
  const server = await discoverForSession(context, cell, { signal });
  return server.issuer === tokens.issuer ? server : undefined;
}
