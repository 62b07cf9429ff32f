import { AuthorizationError, isAuthError } from "../index.js";
import type { AuthChallenge, AuthSession, MaybePromise } from "../index.js";
import { createBearerToken } from "./bearer-token.js";

/** Options of {@link createOAuthClientProvider} and {@link createAiSdkAuthProvider}. @public */
export interface OAuthClientProviderOptions {
  /** Where the authorization server sends the user back to: https, or http on loopback. What is there calls
   * `finishAuthorization` with the callback URL. */
  readonly redirectUrl: string | URL;
  /** Sends the user to the URL. Called when a request needs a login or more scope; that request then fails with the SDK's
   * `UnauthorizedError`. A web host keeps the URL's `state` parameter in the browser, for `finishAuthorization`. */
  readonly onRedirect: (authorizationUrl: URL) => MaybePromise<void>;
}

/** Tokens in the terms of the SDKs, without what only the session may use. @public */
export interface McpOAuthTokens {
  /** A usable access token. */
  access_token: string;
  /** Always `Bearer`. */
  token_type: string;
}

/** What the interfaces named `OAuthClientProvider` have in common. @public */
export interface McpProviderBase {
  /** As given. */
  readonly redirectUrl: string | URL;
  /** The redirect URL alone: the session registers with the client metadata of its client. */
  readonly clientMetadata: { redirect_uris: string[] };
  /** A stand-in, so that the SDK registers no client. */
  clientInformation(): { client_id: string };
  /** A usable access token, renewed if need be, without a refresh token; `undefined` when the user is needed. */
  tokens(): Promise<McpOAuthTokens | undefined>;
  /** Does nothing: the session stores its tokens. */
  saveTokens(): void;
  /** Starts a login of the session instead of the one whose URL is given, and hands its URL to `onRedirect`. */
  redirectToAuthorization(authorizationUrl: URL): Promise<void>;
  /** Does nothing: the session keeps its own verifier. */
  saveCodeVerifier(): void;
  /** Always throws: logins are finished with `finishAuthorization`. */
  codeVerifier(): string;
}

/** What an adapter knows of the response that made a login necessary. */
export interface Refusal {
  readonly resourceMetadataUrl?: string | undefined;
  /** Whether it may have been a 403 that wants `scope`, and not a 401. */
  readonly mayStepUp: boolean;
}

/**
 * A session in the shape of a provider. An SDK calls `tokens` before each request, and `redirectToAuthorization` after a 401, or
 * after a 403 for want of scope, without saying which.
 */
export function createProviderBase(
  session: AuthSession,
  { redirectUrl, onRedirect }: OAuthClientProviderOptions,
  refusalOf: (scope: string | undefined) => Refusal,
): McpProviderBase {
  if (typeof onRedirect !== "function") {
    throw new TypeError('"onRedirect" must be a function that sends the user to a URL');
  }
  const clientMetadata = { redirect_uris: [String(redirectUrl)] };
  const bearer = createBearerToken(session);
  let redirecting: Promise<void> | undefined;

  async function redirect(scope: string | undefined): Promise<void> {
    const { resourceMetadataUrl, mayStepUp } = refusalOf(scope);
    const challenge: AuthChallenge = {
      scheme: "bearer",
      ...(scope !== undefined && { scope }),
      ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
    };
    const wanting = mayStepUp && (await lacksScope(scope));
    if (!wanting && (await isRenewed(challenge))) {
      throw new AuthorizationError(
        "token_renewed",
        "the access token was refused and has been renewed, which the SDK cannot be told: make the request again",
      );
    }
    const { authorizationUrl } = await session.startAuthorization({
      redirectUri: redirectUrl,
      challenge: wanting ? { ...challenge, error: "insufficient_scope" } : challenge,
    });
    await onRedirect(authorizationUrl);
  }

  /** Whether it is more scope that is wanted, and not another token. */
  async function lacksScope(scope = ""): Promise<boolean> {
    const tokens = await session.getTokens();
    // what is not known to be granted is taken for not granted: a login mends either, a refresh only one
    const granted = tokens === undefined ? undefined : (tokens.scope ?? tokens.requestedScope ?? "").split(" ");
    return granted !== undefined && scope.split(" ").some((wanted) => wanted !== "" && !granted.includes(wanted));
  }

  async function isRenewed({ resourceMetadataUrl: url }: AuthChallenge): Promise<boolean> {
    const refused = bearer.refused();
    if (refused === "overtaken") return true;
    if (refused.accessToken === undefined) return false;
    const headers = { "www-authenticate": url === undefined ? "Bearer" : `Bearer resource_metadata="${url}"` };
    try {
      await session.handleChallenge(new Response(null, { status: 401, headers }), refused);
      return true;
    } catch (error) {
      if (isAuthError(error, "authorization_required")) return false;
      throw error;
    }
  }

  return {
    redirectUrl,
    clientMetadata,
    clientInformation: () => ({ client_id: "mcp-oauth-client" }),
    async tokens() {
      const accessToken = await bearer.get();
      return accessToken === undefined ? undefined : { access_token: accessToken, token_type: "Bearer" };
    },
    saveTokens: () => undefined,
    async redirectToAuthorization(authorizationUrl) {
      // requests that fail together send the user once
      redirecting ??= redirect(authorizationUrl.searchParams.get("scope") ?? undefined).finally(() => {
        redirecting = undefined;
      });
      await redirecting;
    },
    saveCodeVerifier: () => undefined,
    codeVerifier() {
      throw new TypeError(
        "this login was started by mcp-oauth-client: finish it with session.finishAuthorization(callbackUrl), not with the SDK's finishAuth",
      );
    },
  };
}
