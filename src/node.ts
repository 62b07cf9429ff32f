export { authorizeWithLoopback } from "./node/authorize-with-loopback.js";
export type { AuthorizeWithLoopbackOptions } from "./node/authorize-with-loopback.js";
export { createFileStore } from "./node/file-store.js";
export type { FileStoreOptions } from "./node/file-store.js";
export { createKeychainStore } from "./node/keychain-store.js";
export type { KeychainStoreOptions } from "./node/keychain-store.js";
export { openBrowser } from "./node/open-browser.js";

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
