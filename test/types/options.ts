// Compiled, never run: with exactOptionalPropertyTypes, options may be handed on as they came, undefined or not.
import type {
  AuthClientOptions,
  AuthFetchOptions,
  AuthSession,
  ClientRegistration,
  DpopKeyStore,
  DpopOptions,
  StartAuthorizationOptions,
  TokenSet,
} from "../../src/index.js";
import type { IndexedDbKeyStoreOptions, IndexedDbStoreOptions } from "../../src/browser.js";
import type { FakeDpopOptions } from "../../src/testing.js";
import { createAuthClient, createAuthFetch, discoverAuthServer, startCallbackServer } from "../../src/index.js";

declare const session: AuthSession;
declare const signal: AbortSignal | undefined;
declare const text: string | undefined;
declare const count: number | undefined;

export const options: AuthClientOptions = {
  clientMetadata: {},
  clientMetadataUrl: text,
  preRegistered: undefined,
  store: undefined,
  tokenStore: undefined,
  discover: undefined,
  selectIssuer: undefined,
  dpop: undefined,
  legacyFallback: undefined,
  onEvent: undefined,
  fetch: undefined,
  timeoutMs: count,
  allowUrl: undefined,
  now: undefined,
};
export const fetchOptions: AuthFetchOptions = {
  fetch: undefined,
  includeUrl: undefined,
  onAuthorizationRequired: undefined,
};
export const start: StartAuthorizationOptions = {
  redirectUri: "https://app.example.com/callback",
  scope: text,
  challenge: undefined,
  extraParams: undefined,
  signal,
};

export async function handsOn(): Promise<void> {
  const client = createAuthClient(options);
  client.session("https://mcp.example.com/mcp", { subject: text });
  createAuthFetch(session, fetchOptions);
  await session.startAuthorization(start);
  await session.getAccessToken({ signal });
  await session.signOut({ localOnly: undefined, signal });
  await session.finishAuthorization("?code=1", { state: text, signal });
  await client.finishAuthorization("?code=1", { subject: text, state: text, signal });
  await session.handleChallenge(new Response(), { accessToken: text, signal });
  await discoverAuthServer("https://mcp.example.com/mcp", { signal, timeoutMs: count });
  await startCallbackServer({ port: count, path: text, signal });
}

// @ts-expect-error without clientMetadata nobody could be registered
createAuthClient({});

// records are plain and hold no undefined members
declare const registration: ClientRegistration;
// @ts-expect-error a member of a record is there or not
export const spoilt: ClientRegistration = { ...registration, clientSecret: undefined };
declare const tokens: TokenSet;
// @ts-expect-error records are not changed
tokens.accessToken = "other";

export const dpopOptions: DpopOptions = { keys: undefined, required: undefined, allowDowngrade: undefined };
export const dpopServer: FakeDpopOptions = { required: undefined, nonces: undefined };
export const keyStoreOptions: IndexedDbKeyStoreOptions = { name: text };
export const indexedDbStoreOptions: IndexedDbStoreOptions = { name: text, now: undefined };
// a host's own table of keys, typed with the runtime's keys
export const keys = new Map<string, { publicKey: CryptoKey; privateKey: CryptoKey }>();
export const ownKeys: DpopKeyStore = {
  get: (id) => keys.get(id),
  set: (id, pair) => keys.set(id, pair as { publicKey: CryptoKey; privateKey: CryptoKey }),
  delete: (id) => keys.delete(id),
};
