import type { AuthSession } from "../index.js";
import { createProviderBase } from "./provider-base.js";
import type { McpProviderBase, OAuthClientProviderOptions } from "./provider-base.js";

/** The `OAuthClientProvider` of the AI SDK. @public */
export interface AiSdkOAuthClientProvider extends McpProviderBase {
  /** Does nothing: the session binds tokens to their issuer. */
  saveAuthorizationServerInformation(): void;
}

/**
 * Makes the `OAuthClientProvider` of the AI SDK (`@ai-sdk/mcp`), an interface of its own, from a session. Prefer
 * `createAuthFetch` as the `fetch` of the transport: it has none of the limits.
 *
 * @remarks
 * As {@link createOAuthClientProvider}, and three more: before a login the AI SDK looks for the authorization server itself, and
 * fails where it does not find one in its own way; where the server's metadata is elsewhere than at its well-known URL, the
 * session does not learn of it; and a 403 for want of scope is an error of the AI SDK, without a login.
 *
 * @param session - whose tokens to send
 * @param options - how the user gets to a login, and where back to
 * @returns a frozen provider, which rejects as that of {@link createOAuthClientProvider} does
 * @throws `TypeError` when `onRedirect` is no function
 * @example
 * ```ts
 * const authProvider = createAiSdkAuthProvider(session, {
 *   redirectUrl: "https://app.example.com/callback",
 *   onRedirect: (url) => console.log(`Open ${url.href}`),
 * });
 * ```
 * @public
 */
export function createAiSdkAuthProvider(
  session: AuthSession,
  options: OAuthClientProviderOptions,
): AiSdkOAuthClientProvider {
  return Object.freeze<AiSdkOAuthClientProvider>({
    ...createProviderBase(session, options, () => ({ mayStepUp: false })),
    saveAuthorizationServerInformation: () => undefined,
  });
}
