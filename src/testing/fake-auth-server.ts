import { createAssertionLog } from "./assertion-log.js";
import type { AuthServerContext } from "./auth-server-context.js";
import { DEFAULT_SUBJECT, answerAuthorization } from "./authorization-endpoint.js";
import type { Decision } from "./authorization-endpoint.js";
import { answerClientConfiguration } from "./client-configuration-endpoint.js";
import { createClients } from "./clients.js";
import { answerDeviceAuthorization } from "./device-authorization-endpoint.js";
import { createDeviceCodes } from "./device-codes.js";
import type { DeviceDecision } from "./device-codes.js";
import { createDpopGuard } from "./dpop-guard.js";
import { scopesOf, toSettings } from "./fake-auth-server-options.js";
import type { FakeAuthServerOptions, Settings } from "./fake-auth-server-options.js";
import { createFaults } from "./faults.js";
import type { FakeFault, FakeFaults } from "./faults.js";
import { createGrants } from "./grants.js";
import { answerAuthorizationServerMetadata, answerProtectedResourceMetadata } from "./metadata-endpoints.js";
import { befall } from "./named-fault.js";
import { OAuthRefusal, notFound } from "./oauth-refusal.js";
import { createPersistence } from "./persistence.js";
import { answerIntrospection } from "./introspection-endpoint.js";
import { receiveRequest } from "./received-request.js";
import type { ReceivedRequest } from "./received-request.js";
import { answerRegistration } from "./registration-endpoint.js";
import { createRequestLog } from "./request-log.js";
import type { FakeEndpoint, FakeRequestCounts, RecordedRequest } from "./request-log.js";
import { answerResource } from "./resource-endpoint.js";
import { answerRevocation } from "./revocation-endpoint.js";
import { createSecrets } from "./secrets.js";
import { createSigningKey } from "./signing-key.js";
import { answerToken } from "./token-endpoint.js";
import { answerVerification } from "./verification-page.js";

/** What a user allows, and who it is. @public */
export interface FakeApproval {
  /** The scopes, space-separated, that are allowed of what was asked for; absent for all. */
  readonly scope?: string | undefined;
  /** The user.
   * @defaultValue `user` */
  readonly subject?: string | undefined;
}

/** An authorization server and the MCP server that it protects, in one function. Made by {@link createFakeAuthServer}. @public */
export interface FakeAuthServer {
  /** The MCP server, as it was given. */
  readonly serverUrl: string;
  /** The issuer, as it was given. */
  readonly issuer: string;
  /** The server: answers any request, without a network. Fits the `fetch` options of the library and of MCP transports.
   * Redirects are handed back, never followed. */
  readonly fetch: (input: Request | string | URL, init?: RequestInit) => Promise<Response>;
  /** The server's time in milliseconds since the epoch; give it to the client, so that both age together. */
  readonly now: () => number;
  /** Moves the server's time on. */
  advance(ms: number): void;

  /**
   * Opens an authorization URL as a user who allows everything, or of what was asked for the scopes in `scope`. Resolves to the
   * callback URL, which holds an `error` when the server refuses the request; rejects when the server shows an error page
   * instead, because it does not know the client or the redirect URI.
   */
  approve(authorizationUrl: string | URL, decision?: FakeApproval): Promise<URL>;
  /** Opens an authorization URL as a user who refuses. Resolves to the callback URL with `error`, `access_denied` unless told. */
  deny(authorizationUrl: string | URL, error?: string): Promise<URL>;

  /** Types a user code (RFC 8628) and allows what the device asks for, or of it the scopes in `scope`. Throws a `TypeError` when no
   * device waits for this code. */
  approveDevice(userCode: string, decision?: FakeApproval): void;
  /** Types a user code and refuses. */
  denyDevice(userCode: string): void;
  /** The public keys, as JWKs, of what the server signs: ID tokens and ID-JAGs. */
  readonly signingKeys: () => Promise<readonly object[]>;

  /** What was received, in order; of a server that runs for long, the last 1000 requests. */
  readonly requests: readonly RecordedRequest[];
  /** How many requests each part received. */
  readonly counts: FakeRequestCounts;
  /** The name under which {@link FakeAuthServer.requests} shows a code, a verifier, a token or a secret. */
  nameOf(secret: string): string;
  /** Makes requests fail. */
  readonly faults: FakeFaults;

  /** Ends the life of every access token issued so far, and leaves the refresh tokens. */
  expireAccessTokens(): void;
  /** Ends the grant that an access or refresh token belongs to, with all its tokens, as a user who takes consent back. */
  revokeGrant(token: string): void;
  /** Forgets a registered client, as servers do that tidy up: its authorization requests and its tokens' refreshes fail from now on. */
  forgetClient(clientId: string): void;
  /**
   * Moves the MCP server to another authorization server: whatever is not for this one's own endpoints and metadata is
   * answered by `other` from now on, and recorded there. Create `other` with the same `serverUrl` and another `issuer`.
   */
  moveTo(other: FakeAuthServer): void;
}

/**
 * Makes an authorization server and a protected MCP server for tests, in one `fetch` that needs no network. Hand it to the client
 * under test, let {@link FakeAuthServer.approve} play the user, then look at what was received.
 *
 * @remarks
 * It behaves as servers in the field do: RFC 9728 and RFC 8414 or OpenID Connect metadata, registration with validation, exact
 * redirect URIs, PKCE, single-use codes, rotating refresh tokens whose reuse ends the grant, tokens bound to their resource, 401 and
 * 403 challenges. Everything lives in memory; nothing is validated that is not written here, and nothing here is fit for production.
 *
 * @param options - what the server does and publishes; the defaults are a server that follows MCP's authorization specification
 * @throws `TypeError` when `serverUrl` or `issuer` is no URL
 * @example
 * ```ts
 * const server = createFakeAuthServer();
 * const client = createAuthClient({ clientMetadata: { client_name: "Test" }, fetch: server.fetch, now: server.now });
 * const session = client.session(server.serverUrl);
 * await session.authorize({
 *   redirectUri: "http://127.0.0.1:8976/callback",
 *   interact: (authorizationUrl) => server.approve(authorizationUrl),
 * });
 * const response = await createAuthFetch(session, { fetch: server.fetch })(server.serverUrl);
 * console.log(response.status, server.counts.token); // 200 1
 * ```
 * @public
 */
export function createFakeAuthServer(options: FakeAuthServerOptions = {}): FakeAuthServer {
  const settings = toSettings(options);
  const secrets = createSecrets((options.clients ?? []).flatMap(({ client_secret: secret }) => secret ?? []));
  let advancedMs = 0;
  const now = (): number => settings.now() + advancedMs;
  const persistence = createPersistence(options.store, settings.issuer);
  const clients = createClients(settings, persistence);
  const grants = createGrants(settings, secrets, persistence, now);
  const deviceCodes = createDeviceCodes(settings, secrets, grants, now);
  const signingKey = createSigningKey();
  const assertions = createAssertionLog(now);
  const dpop = createDpopGuard(settings, persistence, now);
  const context: AuthServerContext = {
    settings,
    clients,
    grants,
    deviceCodes,
    dpop,
    secrets,
    assertions,
    signingKey,
    now,
  };
  const log = createRequestLog(secrets);
  const faults = createFaults();
  let movedTo: FakeAuthServer | undefined;

  async function handle(request: Request, decision: Decision = {}): Promise<Response> {
    request.signal.throwIfAborted();
    const url = new URL(request.url);
    if (movedTo !== undefined && !isOwnAuthServerUrl(settings, url)) return movedTo.fetch(request);
    const received = await receiveRequest(request);
    const endpoint = endpointOf(settings, received);
    const entry = log.add(endpoint, received);
    const respondTo = async (changed: ReceivedRequest): Promise<Response> =>
      dpop.addNonce(endpoint, await respond(endpoint, changed, decision));
    const response = await befall(faults.take(entry), request, respondTo, {
      settings,
      now,
      forgetClient: (clientId) => void clients.forget(clientId),
    });
    await persistence.flush();
    entry.status = response.status;
    return response;
  }

  async function respond(endpoint: FakeEndpoint, received: ReceivedRequest, decision: Decision): Promise<Response> {
    try {
      switch (endpoint) {
        case "protectedResourceMetadata":
          return answerProtectedResourceMetadata(settings, received);
        case "authorizationServerMetadata":
          return await answerAuthorizationServerMetadata(context, received);
        case "registration":
          return await answerRegistration(context, received);
        case "clientConfiguration":
          return await answerClientConfiguration(context, received);
        case "authorization":
          return await answerAuthorization(context, received, decision);
        case "token":
        case "refresh":
          return await answerToken(context, received);
        case "revocation":
          return await answerRevocation(context, received);
        case "introspection":
          return await answerIntrospection(context, received);
        case "deviceAuthorization":
          return await answerDeviceAuthorization(context, received);
        case "verification":
          return answerVerification(context, received);
        case "resource":
          return await answerResource(context, received);
        case "unknown":
          return notFound();
      }
    } catch (refusal) {
      if (refusal instanceof OAuthRefusal) return refusal.toResponse();
      throw refusal;
    }
  }

  async function visit(authorizationUrl: string | URL, decision: Decision): Promise<URL> {
    const response = await handle(new Request(authorizationUrl), decision);
    const location = response.headers.get("location");
    if (location !== null) return new URL(location);
    throw new Error(`the authorization endpoint answered ${response.status}: ${await response.text()}`);
  }

  function decideOnDevice(userCode: string, decision: DeviceDecision): void {
    const code = deviceCodes.findPending(userCode);
    if (code === undefined) throw new TypeError('no device waits for this "userCode"');
    deviceCodes.decide(code, decision);
  }

  return Object.freeze({
    serverUrl: String(options.serverUrl ?? settings.serverUrl),
    issuer: settings.issuer,
    fetch: (input: Request | string | URL, init?: RequestInit) => handle(new Request(input, init)),
    now,
    advance(ms: number): void {
      advancedMs += ms;
    },
    approve: (authorizationUrl: string | URL, decision: FakeApproval = {}) => visit(authorizationUrl, decision),
    deny: (authorizationUrl: string | URL, error = "access_denied") => visit(authorizationUrl, { error }),
    approveDevice(userCode: string, { scope, subject = DEFAULT_SUBJECT }: FakeApproval = {}): void {
      decideOnDevice(userCode, { scope: scope === undefined ? undefined : scopesOf(scope), subject });
    },
    denyDevice(userCode: string): void {
      decideOnDevice(userCode, { denied: true });
    },
    signingKeys: () => signingKey.publicKeys(),
    requests: log.requests,
    counts: log.counts,
    nameOf: (secret: string) => secrets.nameOf(secret),
    faults: Object.freeze({ add: (fault: FakeFault) => faults.add(fault), clear: () => faults.clear() }),
    expireAccessTokens: () => grants.expireAccessTokens(),
    revokeGrant(token: string): void {
      const grant = grants.knownGrantOf(token);
      if (grant === undefined) throw new TypeError('"token" was not issued by this server');
      grants.revoke(grant);
    },
    forgetClient(clientId: string): void {
      if (!clients.forget(clientId) && options.store === undefined)
        throw new TypeError('"clientId" is not registered at this server');
    },
    moveTo(other: FakeAuthServer): void {
      movedTo = other;
    },
  });
}

function isOwnAuthServerUrl({ endpoints }: Settings, url: URL): boolean {
  const { protectedResourceMetadata: _, ...own } = endpoints;
  const here = url.origin + url.pathname;
  return Object.values(own).includes(here) || here.startsWith(`${own.registration}/`);
}

/** By the URL alone, whether or not there is something: a request for metadata that is elsewhere counts as one for metadata. */
function endpointOf({ endpoints, serverUrl, issuer }: Settings, { url, form }: ReceivedRequest): FakeEndpoint {
  const here = url.origin + url.pathname;
  if (here === endpoints.authorization) return "authorization";
  if (here === endpoints.token) return form.get("grant_type") === "refresh_token" ? "refresh" : "token";
  if (here === endpoints.registration) return "registration";
  if (here.startsWith(`${endpoints.registration}/`)) return "clientConfiguration";
  if (here === endpoints.introspection) return "introspection";
  if (here === endpoints.revocation) return "revocation";
  if (here === endpoints.deviceAuthorization) return "deviceAuthorization";
  if (here === endpoints.verification) return "verification";
  if (here === endpoints.keys) return "authorizationServerMetadata";
  const isOurs = url.origin === serverUrl.origin || url.origin === new URL(issuer).origin;
  if (url.href === endpoints.protectedResourceMetadata) return "protectedResourceMetadata";
  if (isOurs && /^\/\.well-known\/oauth-protected-resource(\/|$)/.test(url.pathname))
    return "protectedResourceMetadata";
  if (isOurs && /\/\.well-known\/(oauth-authorization-server|openid-configuration)(\/|$)/.test(url.pathname)) {
    return "authorizationServerMetadata";
  }
  const root = serverUrl.pathname.replace(/\/$/, "");
  const isInside = url.pathname === serverUrl.pathname || url.pathname === root || url.pathname.startsWith(`${root}/`);
  return url.origin === serverUrl.origin && isInside ? "resource" : "unknown";
}
