import type { AuthChallenge, ServerMetadata, TokenSet } from "../types.js";

/** Options of {@link selectScope}. @public */
export interface SelectScopeOptions {
  /** What the MCP server demanded, from {@link parseAuthChallenge}. */
  readonly challenge?: AuthChallenge | undefined;
  /** Asks for `offline_access`, and so for a refresh token, where the authorization server lists that scope.
   * @defaultValue true */
  readonly offlineAccess?: boolean | undefined;
  /** The tokens to be replaced; what was requested and granted before is requested again. */
  readonly previous?: Pick<TokenSet, "scope" | "requestedScope"> | undefined;
}

/**
 * Selects the `scope` to request: the challenge's, else all that the protected resource metadata lists, else none. Call it
 * before {@link createAuthorizationRequest} when no session does it for you.
 *
 * @param server - from {@link discoverAuthServer}
 * @param options - with `previous`, the answer widens those tokens (step-up) and never loses a scope
 * @returns the `scope` parameter; undefined means: leave it out
 * @example
 * ```ts
 * const scope = selectScope(server, { challenge: parseAuthChallenge(response) });
 * ```
 * @see {@link https://modelcontextprotocol.io/specification/draft/basic/authorization | MCP authorization, scope selection}
 * @public
 */
export function selectScope(
  { protectedResource, authorizationServer }: ServerMetadata,
  { challenge, offlineAccess = true, previous }: SelectScopeOptions = {},
): string | undefined {
  const base = unionScopes(challenge?.scope) ?? protectedResource?.scopes_supported?.join(" ");
  const scope = unionScopes(previous?.requestedScope, previous?.scope, base);
  const offline = offlineAccess && authorizationServer.scopes_supported?.includes("offline_access");
  // Alone it would replace the server's default scope instead of adding to it.
  return scope !== undefined && offline ? unionScopes(scope, "offline_access") : scope;
}

const scopeTokens = (scope: string | undefined): string[] => scope?.split(" ").filter(Boolean) ?? [];

/** All scope tokens in the order they first appear; undefined when there is none. */
export const unionScopes = (...scopes: readonly (string | undefined)[]): string | undefined =>
  [...new Set(scopes.flatMap(scopeTokens))].join(" ") || undefined;

/** Whether every wanted scope token was granted. Nothing is known of a hierarchy among scopes. */
export function coversScope(granted: string | undefined, wanted: string | undefined): boolean {
  const tokens = scopeTokens(granted);
  return scopeTokens(wanted).every((token) => tokens.includes(token));
}
