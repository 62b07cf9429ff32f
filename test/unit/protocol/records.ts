import type {
  AuthorizationServerMetadata,
  ClientRegistration,
  FetchLike,
  PendingAuthorization,
  ServerMetadata,
  TokenSet,
} from "../../../src/types.js";

export const ISSUER = "https://as.example";
export const RESOURCE = "https://mcp.example/mcp";
export const NOW = 1_800_000_000_000;

export function serverMetadata(
  authorizationServer: Partial<AuthorizationServerMetadata> = {},
  server: Partial<ServerMetadata> = {},
): ServerMetadata {
  return {
    serverUrl: RESOURCE,
    resource: RESOURCE,
    issuer: ISSUER,
    source: "protected_resource",
    authorizationServer: {
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: `${ISSUER}/token`,
      registration_endpoint: `${ISSUER}/register`,
      revocation_endpoint: `${ISSUER}/revoke`,
      code_challenge_methods_supported: ["S256"],
      ...authorizationServer,
    },
    ...server,
  };
}

export function clientRegistration(members: Partial<ClientRegistration> = {}): ClientRegistration {
  return {
    issuer: ISSUER,
    clientId: "client-1",
    tokenEndpointAuthMethod: "none",
    redirectUris: ["http://127.0.0.1/callback"],
    source: "dynamic",
    createdAt: NOW,
    ...members,
  };
}

export function tokenSet(members: Partial<TokenSet> = {}): TokenSet {
  return {
    accessToken: "access-1",
    tokenType: "Bearer",
    refreshToken: "refresh-1",
    obtainedAt: NOW - 3_600_000,
    issuer: ISSUER,
    tokenEndpoint: `${ISSUER}/token`,
    resource: RESOURCE,
    registration: clientRegistration(),
    ...members,
  };
}

export function pendingAuthorization(members: Partial<PendingAuthorization> = {}): PendingAuthorization {
  return {
    state: "state-1",
    codeVerifier: "verifier-1",
    redirectUri: "http://127.0.0.1:4321/callback",
    resource: RESOURCE,
    server: serverMetadata(),
    registration: clientRegistration(),
    createdAt: NOW,
    expiresAt: NOW + 600_000,
    ...members,
  };
}

export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
  /** The body as a form. */
  readonly params: Readonly<Record<string, string>>;
}

/** A fetch that records what it is asked and answers with `answer`. */
export function recordingFetch(answer: (request: SentRequest, count: number) => Response): {
  readonly fetch: FetchLike;
  readonly requests: readonly SentRequest[];
} {
  const requests: SentRequest[] = [];
  const fetch: FetchLike = async (input, init = {}) => {
    const body = init.body instanceof URLSearchParams ? init.body.toString() : ((init.body ?? "") as string);
    const request = {
      method: init.method ?? "GET",
      url: String(input),
      // what a fetch adds by itself included
      headers: new Request(String(input), init).headers,
      body,
      params: Object.fromEntries(new URLSearchParams(body)),
    };
    return answer(request, requests.push(request));
  };
  return { fetch, requests };
}

export function json(body: object, init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers);
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return new Response(JSON.stringify(body), { ...init, headers });
}

/** What a promise rejected with; a promise that resolved fails the test. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Record<string, unknown>;
  }
  throw new Error("the promise resolved");
}
