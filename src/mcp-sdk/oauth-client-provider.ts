import type { AuthSession } from "../index.js";
import { createProviderBase } from "./provider-base.js";
import type { McpOAuthTokens, McpProviderBase, OAuthClientProviderOptions } from "./provider-base.js";

/** What an SDK is told of the authorization server, which the session finds by itself. @public */
export interface McpDiscoveryState {
  /** A name that does not resolve. */
  authorizationServerUrl: string;
  /** Enough for the SDK to make an authorization URL, which is then thrown away. */
  authorizationServerMetadata: {
    issuer: string;
    authorization_endpoint: string;
    token_endpoint: string;
    response_types_supported: string[];
    code_challenge_methods_supported: string[];
  };
}

/** The `OAuthClientProvider` of the MCP SDK, version 1 and version 2. @public */
export interface McpOAuthClientProvider extends McpProviderBase {
  /** A stand-in, so that the SDK registers no client; `issuer` as in `discoveryState`. */
  clientInformation(): { client_id: string; issuer: string };
  /** A usable access token, renewed if need be, without a refresh token; `issuer` as in `discoveryState`. */
  tokens(): Promise<(McpOAuthTokens & { issuer: string }) | undefined>;
  /** Keeps the SDK from looking for an authorization server. */
  discoveryState(): McpDiscoveryState;
  /** Notes where the server's metadata is, and which scopes it lists. */
  saveDiscoveryState(state: McpDiscovered): void;
}

/** What an SDK found out about the MCP server. @public */
export interface McpDiscovered {
  /** Where the challenge said that the protected resource metadata is. */
  readonly resourceMetadataUrl?: string | undefined;
  /** The document itself. */
  readonly resourceMetadata?: { readonly scopes_supported?: readonly string[] | undefined } | undefined;
}

// reserved: whatever an SDK does with it, no request gets anywhere (RFC 6761 §6.4)
const NOWHERE = "https://mcp-oauth-client.invalid";

/**
 * Makes an `OAuthClientProvider` of the MCP SDK, version 1 or version 2, from a session: for LangChain, and whatever else takes
 * only that. Prefer `createAuthFetch` where a `fetch` can be given, then {@link createAuthProvider}.
 *
 * @remarks
 * The SDK's own flow becomes a shell: the session discovers, registers, stores and renews, the SDK gets access tokens, and its
 * authorization URL is thrown away. So a login is finished with `finishAuthorization` of the session or its client, never with
 * `transport.finishAuth`. The interface cannot say "renewed, try again": when the server refuses a token before its time, the
 * request fails with `token_renewed` and has to be made again. The transport has to be for `session.serverUrl`, because it
 * sends the token wherever it connects to.
 *
 * @param session - whose tokens to send
 * @param options - how the user gets to a login, and where back to
 * @returns a frozen provider; keep one per session, as frameworks tell connections apart by it. Its functions reject with what
 * the session's `getAccessToken`, `handleChallenge` and `startAuthorization` reject with; with `AuthorizationError`
 * `token_renewed`; and with a `TypeError` for tokens that are bound to a key (DPoP)
 * @throws `TypeError` when `onRedirect` is no function
 * @example
 * ```ts
 * const authProvider = createOAuthClientProvider(session, {
 *   redirectUrl: "https://app.example.com/callback",
 *   onRedirect: (url) => console.log(`Open ${url.href}`),
 * });
 * ```
 * @public
 */
export function createOAuthClientProvider(
  session: AuthSession,
  options: OAuthClientProviderOptions,
): McpOAuthClientProvider {
  let discovered: McpDiscovered = {};
  const base = createProviderBase(session, options, (scope) => ({
    resourceMetadataUrl: discovered.resourceMetadataUrl,
    // without a challenge that says what is wanted, the SDK takes all that there is
    mayStepUp: scope !== discovered.resourceMetadata?.scopes_supported?.join(" "),
  }));
  return Object.freeze<McpOAuthClientProvider>({
    ...base,
    clientInformation: () => ({ ...base.clientInformation(), issuer: NOWHERE }),
    async tokens() {
      const tokens = await base.tokens();
      return tokens && { ...tokens, issuer: NOWHERE };
    },
    discoveryState: () => ({
      authorizationServerUrl: NOWHERE,
      authorizationServerMetadata: {
        issuer: NOWHERE,
        authorization_endpoint: `${NOWHERE}/authorize`,
        token_endpoint: `${NOWHERE}/token`,
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
      },
    }),
    saveDiscoveryState(state) {
      discovered = state;
    },
  });
}
