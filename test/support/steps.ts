import type {
  ClientMetadata,
  ClientRegistration,
  PendingAuthorization,
  ServerMetadata,
  TokenSet,
} from "../../src/index.js";
import { createAuthorizationRequest, discoverAuthServer, exchangeCallback, registerClient } from "../../src/index.js";
import type { FakeAuthServer } from "../../src/testing.js";
import { REDIRECT } from "./host.js";

/** A login by the functions of the protocol, up to where the user is sent away. */
export interface StartedLogin {
  readonly server: ServerMetadata;
  readonly registration: ClientRegistration;
  readonly authorizationUrl: URL;
  readonly pending: PendingAuthorization;
}

export interface ApprovedLogin extends StartedLogin {
  readonly callback: URL;
}

export interface FinishedLogin extends ApprovedLogin {
  readonly tokens: TokenSet;
}

export interface LoginOptions {
  readonly scope?: string;
  /** What the client registers, beside its redirect URI. */
  readonly clientMetadata?: ClientMetadata;
  /** A client that the server knows. */
  readonly registration?: Pick<ClientRegistration, "clientId" | "clientSecret" | "tokenEndpointAuthMethod">;
}

export const discover = ({ serverUrl, fetch }: FakeAuthServer): Promise<ServerMetadata> =>
  discoverAuthServer(serverUrl, { fetch });

export async function startLogin(fake: FakeAuthServer, options: LoginOptions = {}): Promise<StartedLogin> {
  const { fetch, now } = fake;
  const server = await discover(fake);
  const clientMetadata = { redirect_uris: [REDIRECT], ...options.clientMetadata };
  const registration: ClientRegistration = options.registration
    ? { issuer: server.issuer, redirectUris: [], source: "pre_registered", createdAt: now(), ...options.registration }
    : await registerClient(server, { clientMetadata, fetch, now });
  const { scope } = options;
  return {
    server,
    registration,
    ...(await createAuthorizationRequest(server, registration, { redirectUri: REDIRECT, scope, now })),
  };
}

/** A login that the user has allowed. */
export async function approveLogin(fake: FakeAuthServer, options?: LoginOptions): Promise<ApprovedLogin> {
  const login = await startLogin(fake, options);
  return { ...login, callback: await fake.approve(login.authorizationUrl) };
}

export async function logIn(fake: FakeAuthServer, options?: LoginOptions): Promise<FinishedLogin> {
  const login = await approveLogin(fake, options);
  const { fetch, now } = fake;
  return { ...login, tokens: await exchangeCallback(login.pending, login.callback, { fetch, now }) };
}
