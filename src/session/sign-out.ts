import { isAuthError } from "../errors.js";
import { deleteClientRegistration } from "../protocol/delete-client-registration.js";
import { revokeTokens } from "../protocol/revoke-tokens.js";
import type { ServerMetadata, TokenSet } from "../types.js";
import type { ClientContext } from "./client-context.js";
import { discoverForSession } from "./discovery-cache.js";
import type { SignOutOptions, SignOutResult } from "./session-types.js";
import { forgetRegistration } from "./resolve-registration.js";
import { forgetState } from "./refresh-state.js";
import { changeTokens, deleteTokens, readTokens } from "./stored-tokens.js";
import type { TokenCell } from "./token-cell.js";
import { stampedServer } from "./token-issuer.js";

export async function signOut(
  context: ClientContext,
  cell: TokenCell,
  { localOnly = false, unregister = false, signal }: SignOutOptions,
): Promise<SignOutResult> {
  signal?.throwIfAborted();
  const forget = async (): Promise<TokenSet | undefined> => {
    await readTokens(context, cell);
    // also what could not be used here
    const { stored } = cell;
    await deleteTokens(context, cell);
    await forgetState(context, cell);
    return stored;
  };
  const tokens = await changeTokens(context, cell, forget, signal);
  cell.stepUps.clear();
  cell.scope = undefined;
  context.emit({ type: "signed_out", ...cell.key });
  let revoked: SignOutResult["revoked"] = "skipped";
  let unregistered = false;
  // a grant has an authentication of its own
  const ask = { ...context.http, ...cell.grant, signal };
  if (tokens !== undefined && !localOnly) {
    try {
      const server = await serverOf(context, cell, tokens, signal);
      revoked = server !== undefined && (await revokeTokens(server, tokens, ask)) ? "yes" : "unsupported";
    } catch (error) {
      if (!isAuthError(error)) throw error;
      revoked = error;
    }
    if (unregister) {
      const { registration } = tokens;
      const deletion = deleteClientRegistration(stampedServer(context, cell, tokens), registration, ask);
      unregistered = await deletion.catch((error: unknown) => {
        if (isAuthError(error)) return false;
        throw error;
      });
      await forgetRegistration(context, registration);
    }
  }
  return { revoked, ...(unregister && { unregistered }) };
}

/** The metadata of the issuer that the tokens are from, and of no other. */
async function serverOf(
  context: ClientContext,
  cell: TokenCell,
  tokens: TokenSet,
  signal: AbortSignal | undefined,
): Promise<ServerMetadata | undefined> {
  const stored = await context.records.get("issuer", tokens.issuer);
  if (stored !== undefined) return stampedServer(context, cell, tokens, stored.authorizationServer);
  const server = await discoverForSession(context, cell, { signal });
  return server.issuer === tokens.issuer ? server : undefined;
}
