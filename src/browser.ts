export { authorizeWithPopup } from "./browser/authorize-with-popup.js";
export type { AuthorizeWithPopupOptions } from "./browser/authorize-with-popup.js";
export { completePopup } from "./browser/complete-popup.js";
export { createIndexedDbKeyStore } from "./browser/indexed-db-key-store.js";
export type { IndexedDbKeyStoreOptions } from "./browser/indexed-db-key-store.js";
export { createIndexedDbStore } from "./browser/indexed-db-store.js";
export type { IndexedDbStoreOptions } from "./browser/indexed-db-store.js";

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
  DpopKeyPair,
  DpopKeyStore,
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
