import { createAssertionLog } from "./assertion-log.js";
import type { AuthServerContext } from "./auth-server-context.js";
import { answerAuthorization, answerConsent } from "./authorization-endpoint.js";
import { answerClientConfiguration } from "./client-configuration-endpoint.js";
import { createClients } from "./clients.js";
import type { Decision } from "./consent-form.js";
import { answerPreflight, forScripts } from "./cors.js";
import { answerDeviceAuthorization } from "./device-authorization-endpoint.js";
import type { DeviceCode } from "./device-codes.js";
import { createDeviceCodes } from "./device-codes.js";
import { createDpopGuard } from "./dpop-guard.js";
import { endpointOf, isOwnAuthServerUrl } from "./endpoint-of.js";
import { relocated, toSettings } from "./fake-auth-server-options.js";
import type { FakeAuthServerOptions } from "./fake-auth-server-options.js";
import { createFaults } from "./faults.js";
import type { FakeFault, FakeFaults } from "./faults.js";
import { createGrants } from "./grants.js";
import { listenOnLoopback } from "./listen.js";
import type { FakeListener } from "./listen.js";
import { answerAuthorizationServerMetadata, answerProtectedResourceMetadata } from "./metadata-endpoints.js";
import { befall, withHeaders } from "./named-fault.js";
import { OAuthRefusal, notFound } from "./oauth-refusal.js";
import { createPersistence } from "./persistence.js";
import { answerIntrospection } from "./introspection-endpoint.js";
import { refusalFor } from "./refusal-page.js";
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
import { answerVerification, decideOnDevice } from "./verification-page.js";

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
  /** The MCP server, as it was given; on the port of {@link FakeAuthServer.listen} once that was called. */
  readonly serverUrl: string;
  /** The issuer, likewise. */
  readonly issuer: string;
  /** The server: answers any request, without a network. Fits the `fetch` options of the library and of MCP transports.
   * Redirects are handed back, never followed. */
  readonly fetch: (input: Request | string | URL, init?: RequestInit) => Promise<Response>;
  /**
   * Listens on 127.0.0.1, for browsers and for clients in processes of their own; needs Node, Bun or Deno. From then on
   * {@link FakeAuthServer.serverUrl}, {@link FakeAuthServer.issuer} and all endpoints are on that port, so call it first. Addresses
   * that were given on loopback stay as they are.
   *
   * @param options - `port`: a free one unless given
   * @throws `CallbackServerError` `port_unavailable`; `unsupported_runtime` in browsers and workers
   */
  listen(options?: { readonly port?: number | undefined }): Promise<FakeListener>;
  /** The server's time in milliseconds since the epoch, which the `Date` of its answers says; give it to the client, so that both
   * age together, or another one to a client whose clock is wrong. */
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
  /** Throws an error that names them if there were requests for what this server does not have: other URLs, endpoints that are switched
   * off, wrong methods. To look for metadata where there is none is expected of every client. */
  expectNoUnexpectedRequests(): void;
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
  const faults = createFaults(options.faults);
  let movedTo: FakeAuthServer | undefined;
  let givenServerUrl = String(options.serverUrl ?? settings.serverUrl);

  async function handle(request: Request, decision?: Decision): Promise<Response> {
    request.signal.throwIfAborted();
    const url = new URL(request.url);
    if (movedTo !== undefined && !isOwnAuthServerUrl(settings, url)) return movedTo.fetch(request);
    const preflight = answerPreflight(request);
    if (preflight !== undefined) return preflight;
    const received = await receiveRequest(request);
    const endpoint = endpointOf(settings, received);
    const entry = log.add(endpoint, received);
    const answer = async (changed: ReceivedRequest): Promise<Response> => {
      const response = dpop.addNonce(endpoint, await respond(endpoint, changed, decision));
      log.judge(entry, response.status);
      return response;
    };
    const { accidents, oddities } = faults.take(entry);
    // a server deviates in what it answers to an accident, too
    const response = await befall([...accidents, forScripts(endpoint), ...oddities], request, answer, {
      settings,
      now,
      forgetClient: (clientId) => void clients.forget(clientId),
    });
    await persistence.flush();
    entry.status = response.status;
    // RFC 9110 §6.6.1
    return response.type === "error" || response.headers.has("date")
      ? response
      : withHeaders(response, (headers) => headers.set("date", new Date(now()).toUTCString()));
  }

  async function respond(endpoint: FakeEndpoint, received: ReceivedRequest, decision?: Decision): Promise<Response> {
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
        case "consent":
          return await answerConsent(context, received);
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
          return await answerVerification(context, received);
        case "resource":
          return await answerResource(context, received);
        case "unknown":
          return notFound();
      }
    } catch (refusal) {
      if (!(refusal instanceof OAuthRefusal)) throw refusal;
      return refusalFor(endpoint, received.request, refusal);
    }
  }

  async function visit(authorizationUrl: string | URL, decision: Decision): Promise<URL> {
    const response = await handle(new Request(authorizationUrl), decision);
    const location = response.headers.get("location");
    if (location !== null) return new URL(location);
    throw new Error(`the authorization endpoint answered ${response.status}: ${await response.text()}`);
  }

  function pendingDevice(userCode: string): DeviceCode {
    const code = deviceCodes.findPending(userCode);
    if (code === undefined) throw new TypeError('no device waits for this "userCode"');
    return code;
  }

  return Object.freeze({
    get serverUrl() {
      return givenServerUrl;
    },
    get issuer() {
      return settings.issuer;
    },
    fetch: (input: Request | string | URL, init?: RequestInit) => handle(new Request(input, init)),
    async listen({ port = 0 }: { readonly port?: number | undefined } = {}): Promise<FakeListener> {
      const listener = await listenOnLoopback(port, handle);
      const there = relocated(options, listener.origin);
      Object.assign(settings, toSettings(there));
      givenServerUrl = String(there.serverUrl);
      return listener;
    },
    now,
    advance(ms: number): void {
      advancedMs += ms;
    },
    approve: (authorizationUrl: string | URL, decision: FakeApproval = {}) => visit(authorizationUrl, decision),
    deny: (authorizationUrl: string | URL, error = "access_denied") => visit(authorizationUrl, { error }),
    approveDevice: (userCode: string, decision: FakeApproval = {}) => {
      decideOnDevice(context, pendingDevice(userCode), decision);
    },
    denyDevice: (userCode: string) => {
      decideOnDevice(context, pendingDevice(userCode), { error: "access_denied" });
    },
    signingKeys: () => signingKey.publicKeys(),
    requests: log.requests,
    counts: log.counts,
    expectNoUnexpectedRequests: () => {
      log.expectNoUnexpected();
    },
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
