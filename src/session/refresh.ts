import { isAuthError } from "../errors.js";
import { refreshTokens } from "../protocol/refresh-tokens.js";
import { orAborted, sharesPromises } from "../platform.js";
import { withLock } from "../store/locks.js";
import type { AuthChallenge, AuthorizationServerMetadata, ServerMetadata, TokenSet } from "../types.js";
import { isSameIssuer } from "../wire/url-policy.js";
import type { ClientContext } from "./client-context.js";
import { discoverForSession } from "./discovery-cache.js";
import { forgetRegistration } from "./resolve-registration.js";
import { deleteTokens, readTokens, writeTokens } from "./stored-tokens.js";
import type { TokenCell } from "./token-cell.js";

const LOCK_WAIT_MS = 20_000;

/** Why the tokens at hand do not do. */
export interface Need {
  /** An access token that the MCP server refused. */
  readonly refused?: string | undefined;
  /** What the server said when it refused. */
  readonly challenge?: AuthChallenge | undefined;
}

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

async function obtainTokens(context: ClientContext, cell: TokenCell, need: Need): Promise<TokenSet | undefined> {
  const stored = await readTokens(context, cell);
  if (stored === undefined || isUsable(context, cell, stored, need)) return stored;
  if (stored.refreshToken === undefined && need.refused === undefined) return undefined;
  return await withLock(
    context.store,
    `refresh:${cell.name}`,
    async (lease) => {
      const current = await readTokens(context, cell);
      if (current === undefined) return undefined;
      if (isUsable(context, cell, current, need)) {
        context.emit({ type: "refresh_adopted", ...cell.key });
        return current;
      }
      if (current.refreshToken === undefined) {
        await deleteTokens(context, cell);
        return undefined;
      }
      lease.throwIfAborted();
      return await renew(context, cell, current, need);
    },
    { waitMs: LOCK_WAIT_MS },
  ).catch((error: unknown) => {
    if (isAuthError(error, "lock_timeout") && isAlive(context, stored, need)) return stored;
    throw error;
  });
}

/** Fresh, or the best there is, and not what the server has just refused. */
function isUsable({ now }: ClientContext, cell: TokenCell, tokens: TokenSet, { refused }: Need): boolean {
  return tokens.accessToken !== refused && now() < cell.freshUntil;
}

/** Not fresh any more, but good until a refresh succeeds. */
const isAlive = ({ now }: ClientContext, { accessToken, expiresAt = Infinity }: TokenSet, { refused }: Need): boolean =>
  accessToken !== refused && expiresAt > now();

async function renew(
  context: ClientContext,
  cell: TokenCell,
  tokens: TokenSet,
  need: Need,
): Promise<TokenSet | undefined> {
  // read while the refresh is under way; the refresh token goes to the issuer it came from, whatever the answer
  const moved = need.refused === undefined ? Promise.resolve(false) : hasMoved(context, cell, tokens, need.challenge);
  let renewed: TokenSet;
  try {
    renewed = await refreshTokens(stampedServer(cell, tokens), tokens, { ...context.http, now: context.now });
  } catch (error) {
    await moved;
    if (isAuthError(error)) context.emit({ type: "refresh_failed", ...cell.key, error });
    if (isAuthError(error, "refresh_rejected")) return await afterRejection(context, cell, tokens, need, error);
    if (isAuthError(error) && isAlive(context, tokens, need)) return tokens;
    throw error;
  }
  await writeTokens(context, cell, renewed);
  context.emit({ type: "refreshed", ...cell.key });
  if (!(await moved)) return renewed;
  await deleteTokens(context, cell);
  return undefined;
}

/** Another process may have used the refresh token first; what it stored is then the truth and must not be deleted. */
async function afterRejection(
  context: ClientContext,
  cell: TokenCell,
  tokens: TokenSet,
  need: Need,
  error: { readonly oauthError?: string },
): Promise<TokenSet | undefined> {
  const current = await readTokens(context, cell);
  if (current === undefined) return undefined;
  if (current.refreshToken !== tokens.refreshToken) {
    if (!isUsable(context, cell, current, need)) return undefined;
    context.emit({ type: "refresh_adopted", ...cell.key });
    return current;
  }
  await deleteTokens(context, cell);
  if (error.oauthError === "invalid_client") await forgetRegistration(context, tokens.registration);
  return undefined;
}

/** Whether the MCP server now names other authorization servers than the one these tokens are from. */
async function hasMoved(
  context: ClientContext,
  cell: TokenCell,
  { issuer }: TokenSet,
  challenge: AuthChallenge | undefined,
): Promise<boolean> {
  try {
    const server = await discoverForSession(context, cell, { challenge });
    const listed = server.protectedResource?.authorization_servers ?? [server.issuer];
    return !listed.some((candidate) => isSameIssuer(candidate, issuer));
  } catch {
    // metadata that cannot be read says nothing about a move
    return false;
  }
}

/** The server as the tokens are stamped, which is all a refresh needs and never leads elsewhere. */
export const stampedServer = (
  { serverUrl }: TokenCell,
  { issuer, resource, tokenEndpoint }: TokenSet,
  authorizationServer: AuthorizationServerMetadata = { issuer, token_endpoint: tokenEndpoint },
): ServerMetadata => ({
  serverUrl: serverUrl.href,
  resource,
  issuer,
  authorizationServer,
  source: "protected_resource",
});
