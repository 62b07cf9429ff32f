export { createAiSdkAuthProvider } from "./mcp-sdk/ai-sdk-auth-provider.js";
export type { AiSdkOAuthClientProvider } from "./mcp-sdk/ai-sdk-auth-provider.js";
export { createAuthProvider } from "./mcp-sdk/auth-provider.js";
export type { McpAuthProvider } from "./mcp-sdk/auth-provider.js";
export { createOAuthClientProvider } from "./mcp-sdk/oauth-client-provider.js";
export type { McpDiscovered, McpDiscoveryState, McpOAuthClientProvider } from "./mcp-sdk/oauth-client-provider.js";
export type { McpOAuthTokens, McpProviderBase, OAuthClientProviderOptions } from "./mcp-sdk/provider-base.js";

export type {
  AuthChallenge,
  AuthError,
  AuthErrorCode,
  AuthorizationErrorCode,
  AuthorizeOptions,
  AuthSession,
  Callback,
  CallbackResult,
  CallbackServerErrorCode,
  ClientMetadata,
  ClientRegistration,
  ClockOptions,
  DiscoveryErrorCode,
  FinishAuthorizationOptions,
  HandleChallengeOptions,
  IgnoredRecord,
  InteractContext,
  KVSetOptions,
  KVStore,
  LateRedirectUri,
  LockOptions,
  MaybePromise,
  RegistrationErrorCode,
  SessionFinishOptions,
  SignalOptions,
  SignOutOptions,
  SignOutResult,
  StartAuthorizationOptions,
  StartedAuthorization,
  StoreError,
  StoreErrorCode,
  TokenEndpointAuthMethod,
  TokenErrorCode,
  TokenSet,
  TransportErrorCode,
} from "./index.js";
