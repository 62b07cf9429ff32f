import type { AuthSession } from "../index.js";
import { createBearerToken } from "./bearer-token.js";

/** What the transports of the MCP SDK, version 2, take as `authProvider`. @public */
export interface McpAuthProvider {
  /** The access token for the next request; `undefined` when the user is needed. */
  token(): Promise<string | undefined>;
  /** Deals with a 401; resolves when the request is worth sending once more. */
  onUnauthorized(context: { readonly response: Response }): Promise<void>;
}

/**
 * Makes the `AuthProvider` that transports of `@modelcontextprotocol/client` (the MCP SDK, version 2) take, from a session.
 * Prefer `createAuthFetch` where a transport takes a `fetch`: it can step up, and it sends tokens to the session's server only.
 *
 * @remarks
 * The session does all the work: a token is renewed before it runs out, and after a 401. A 403 that demands more scope does not
 * get here: the SDK throws its own `InsufficientScopeError`. The transport has to be for `session.serverUrl`, because it sends
 * the token wherever it connects to.
 *
 * @param session - whose tokens to send
 * @returns a frozen provider; keep one per transport. `token` rejects with `TransportError` when a refresh could not be made,
 * `onUnauthorized` with `AuthorizationError` `authorization_required` when the user has to log in: `session.authorize`,
 * then connect again. Both throw a `TypeError` for tokens that are bound to a key (DPoP)
 * @example
 * ```ts
 * const transport = new StreamableHTTPClientTransport(new URL(session.serverUrl), { authProvider: createAuthProvider(session) });
 * ```
 * @public
 */
export function createAuthProvider(session: AuthSession): McpAuthProvider {
  const bearer = createBearerToken(session);
  return Object.freeze<McpAuthProvider>({
    token: () => bearer.get(),
    async onUnauthorized({ response }) {
      const refused = bearer.refused();
      if (refused !== "overtaken") await session.handleChallenge(response, refused);
    },
  });
}
