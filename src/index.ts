export type {
  AuthChallenge,
  AuthFetch,
  AuthorizationServerMetadata,
  Callback,
  CallbackResult,
  ClientMetadata,
  ClientRegistration,
  ClockOptions,
  FetchLike,
  HttpOptions,
  IgnoredRecord,
  MaybePromise,
  PendingAuthorization,
  PreRegisteredClient,
  ProtectedResourceMetadata,
  ServerMetadata,
  TokenEndpointAuthMethod,
  TokenSet,
  UrlContext,
  UrlPurpose,
} from "./types.js";
export type { AuthenticatedRequest, ClientAuthentication, ClientAuthenticationOptions, Grant } from "./grant-types.js";

export {
  AuthError,
  AuthorizationError,
  CallbackServerError,
  DiscoveryError,
  isAuthError,
  RegistrationError,
  StoreError,
  TokenError,
  TransportError,
} from "./errors.js";
export type { AnyAuthError, DiscoveryAttempt, OAuthErrorDetails } from "./errors.js";
export type {
  AuthErrorCode,
  AuthorizationErrorCode,
  CallbackServerErrorCode,
  DiscoveryErrorCode,
  RegistrationErrorCode,
  StoreErrorCode,
  TokenErrorCode,
  TransportErrorCode,
} from "./error-codes.js";

export { discoverAuthServer } from "./protocol/discover-auth-server.js";
export type { DiscoverAuthServerOptions } from "./protocol/discover-auth-server.js";
export type { DiscoveryStep } from "./protocol/metadata-lookup.js";
export { createClientMetadataDocument } from "./protocol/create-client-metadata-document.js";
export type { ClientMetadataDocument } from "./protocol/create-client-metadata-document.js";
export { deleteClientRegistration } from "./protocol/delete-client-registration.js";
export type { DeleteClientRegistrationOptions } from "./protocol/delete-client-registration.js";
export { registerClient } from "./protocol/register-client.js";
export type { RegisterClientOptions } from "./protocol/register-client.js";
export { updateClientRegistration } from "./protocol/update-client-registration.js";
export type { UpdateClientRegistrationOptions } from "./protocol/update-client-registration.js";
export { createAuthorizationRequest } from "./protocol/create-authorization-request.js";
export type {
  AuthorizationRequest,
  CreateAuthorizationRequestOptions,
} from "./protocol/create-authorization-request.js";
export { exchangeCallback } from "./protocol/exchange-callback.js";
export type { ExchangeCallbackOptions } from "./protocol/exchange-callback.js";
export { requirementsOf } from "./protocol/requirements-of.js";
export { refreshTokens } from "./protocol/refresh-tokens.js";
export type { RefreshTokensOptions } from "./protocol/refresh-tokens.js";
export { revokeTokens } from "./protocol/revoke-tokens.js";
export type { RevokeTokensOptions } from "./protocol/revoke-tokens.js";
export { selectScope } from "./protocol/scope.js";
export type { SelectScopeOptions } from "./protocol/scope.js";
export { createDpop } from "./dpop/create-dpop.js";
export type { DpopOptions } from "./dpop/create-dpop.js";
export type { DpopKeyPair, DpopKeyStore } from "./dpop/dpop-key-store.js";
export type { Dpop } from "./wire/dpop-connection.js";
export { parseAuthChallenge } from "./wire/challenge.js";

export type { ServerAllowances, ServerProfile } from "./profile-types.js";
export { knownServers } from "./profiles/known-servers.js";

export { startCallbackServer } from "./callback-server/start-callback-server.js";
export type {
  CallbackServer,
  StartCallbackServerOptions,
  WaitForCallbackOptions,
} from "./callback-server/start-callback-server.js";

export { createEncryptedStore } from "./store/encrypted-store.js";
export type { CryptoKeyLike, EncryptedStoreOptions } from "./store/encrypted-store.js";
export { createKeyvStore } from "./store/keyv-store.js";
export type { KeyvLike } from "./store/keyv-store.js";
export type { KVSetOptions, KVStore, LockOptions, RegistrationKey, TokenKey, TokenStore } from "./store/kv-store.js";
export { listSessions } from "./store/list-sessions.js";
export { createMemoryStore } from "./store/memory-store.js";
export { createTokenStore } from "./store/token-store.js";
export type { TokenStoreOptions } from "./store/token-store.js";
export { createWebStorageStore } from "./store/web-storage-store.js";
export type { WebStorageLike, WebStorageStoreOptions } from "./store/web-storage-store.js";

export { createAuthClient } from "./session/auth-client.js";
export { createAuthFetch } from "./session/auth-fetch.js";
export type { AuthFetchOptions, AuthorizationRequiredContext } from "./session/auth-fetch.js";
export type {
  AuthClient,
  AuthClientOptions,
  AuthEvent,
  AuthorizeOptions,
  AuthSession,
  FinishAuthorizationOptions,
  FinishedAuthorization,
  HandleChallengeOptions,
  InteractContext,
  LateRedirectUri,
  SessionFinishOptions,
  SessionOptions,
  SignalOptions,
  SignOutOptions,
  SignOutResult,
  StartAuthorizationOptions,
  StartedAuthorization,
} from "./session/session-types.js";

export { authorizeWithDeviceCode } from "./grants/authorize-with-device-code.js";
export type { DeviceCodeOptions, UserCodePrompt } from "./grants/authorize-with-device-code.js";
export { clientCredentials } from "./grants/client-credentials.js";
export type { ClientCredentialsOptions } from "./grants/client-credentials.js";
export { createGrant } from "./grants/create-grant.js";
export type { GrantContext, GrantDefinition } from "./grants/create-grant.js";
export { enterpriseManaged } from "./grants/enterprise-managed.js";
export type {
  EnterpriseManagedOptions,
  IdentityProvider,
  SubjectToken,
  SubjectTokenContext,
  SubjectTokenType,
} from "./grants/enterprise-managed.js";
export type { GrantClient } from "./grants/grant-client.js";
export { privateKeyJwt } from "./grants/private-key-jwt.js";
export type { PrivateKeyJwtOptions } from "./grants/private-key-jwt.js";
export { workloadIdentity } from "./grants/workload-identity.js";
export type { AssertionContext, WorkloadIdentityOptions } from "./grants/workload-identity.js";
