import type { ClientMetadata, ClockOptions, FetchLike, KVStore, MaybePromise } from "../index.js";
import { currentTime } from "../platform.js";
import type { FakeFault } from "./faults.js";
import type { FakeDeviceAuthorizationOptions, FakeIdJagOptions, FakeTrustedIssuer } from "./fake-grant-options.js";

/** A client that is registered when the server starts, in the terms of RFC 7591. Also what a dynamic registration becomes. @public */
export interface FakeClient extends ClientMetadata {
  /** Its id, a URL or any other string. */
  readonly client_id: string;
  /** Absent for a public client. */
  readonly client_secret?: string;
}

/** What {@link FakeAuthServerOptions.handleResource} learns about the access token. @public */
export interface FakeResourceContext {
  /** The user who gave it, as `approve` or the consent page named them; the client, where no user did. */
  readonly subject: string;
  /** The client that the token was issued to. */
  readonly clientId: string;
  /** The scope of the token, space-separated; empty when it has none. */
  readonly scope: string;
}

/** DPoP (RFC 9449) at the fake server, with proofs signed by ES256. @public */
export interface FakeDpopOptions {
  /** Whether nothing is issued or accepted without a proof. Otherwise clients that send none get bearer tokens.
   * @defaultValue false */
  readonly required?: boolean | undefined;
  /** Whether proofs need a nonce: those for one of the servers, or for both. Each has its own, a new one every five minutes of
   * the server's time, and says it in every answer.
   * @defaultValue false */
  readonly nonces?: boolean | "authorization_server" | "resource_server" | undefined;
}

/** RFC 9207 at the fake server. @public */
export interface FakeIssOptions {
  /** Whether `authorization_response_iss_parameter_supported` is published.
   * @defaultValue true */
  readonly advertised?: boolean | undefined;
  /** Whether callbacks carry `iss`; a string is sent instead of the issuer.
   * @defaultValue true */
  readonly sent?: boolean | string | undefined;
}

/** Options of {@link createFakeAuthServer}. Metadata says exactly what they switch on. @public */
export interface FakeAuthServerOptions extends ClockOptions {
  /** What is wrong with the server from the start, as if given to {@link FakeFaults.add} one by one. */
  readonly faults?: readonly FakeFault[] | undefined;

  /** The protected MCP server; requests to it and below it need a token.
   * @defaultValue `https://mcp.example.com/mcp` */
  readonly serverUrl?: string | URL | undefined;
  /** The issuer, also one with a path. Its endpoints are below it: `/authorize`, `/token`, `/register`, `/revoke`, `/introspect`,
   * `/device_authorization`, `/device`, `/consent` and `/jwks`.
   * @defaultValue `https://auth.example.com` */
  readonly issuer?: string | undefined;

  /** Whether the authorization endpoint asks the user with a page, as does the one for device codes. If not, it redirects at once, as
   * for a user who consented before. Scripts need no page: {@link FakeAuthServer.approve}.
   * @defaultValue true */
  readonly consentPage?: boolean | undefined;

  /** Milliseconds that an access token lives; clients are told whole seconds.
   * @defaultValue 86400000, a day */
  readonly accessTokenTtlMs?: number | undefined;
  /** Milliseconds that a refresh token lives; each rotation starts anew.
   * @defaultValue 2592000000, thirty days */
  readonly refreshTokenTtlMs?: number | undefined;
  /** Whether clients registered for the `refresh_token` grant get refresh tokens; `offline_access`: those that were
   * granted this scope, which is then published in the authorization server's `scopes_supported`.
   * @defaultValue true */
  readonly issueRefreshTokens?: boolean | "offline_access" | undefined;
  /** Whether a refresh token works once, and its answer holds the next one.
   * @defaultValue true */
  readonly rotateRefreshTokens?: boolean | undefined;
  /** Whether a refresh token that comes a second time ends every token of its grant (RFC 9700 §4.14.2).
   * @defaultValue true */
  readonly revokeOnReuse?: boolean | undefined;
  /** Milliseconds for which a refresh token that was used is taken again, each time for new tokens, so that a client may ask
   * twice whose answer was lost.
   * @defaultValue 0 */
  readonly reuseGraceMs?: number | undefined;

  /** Whether confidential clients get tokens of their own (RFC 6749 §4.4).
   * @defaultValue false */
  readonly clientCredentials?: boolean | undefined;
  /** The device code grant (RFC 8628); when given, it is offered. {@link FakeAuthServer.approveDevice} plays its user. */
  readonly deviceAuthorization?: FakeDeviceAuthorizationOptions | undefined;
  /** Identity providers whose ID-JAGs become tokens by the `jwt-bearer` grant; when given, it is offered. */
  readonly identityProviders?: readonly FakeTrustedIssuer[] | undefined;
  /** Whose assertions become tokens for their subject by the `jwt-bearer` grant, without any other client; when given, it is offered. */
  readonly workloadIssuers?: readonly FakeTrustedIssuer[] | undefined;
  /** Makes the server an identity provider that exchanges the proof of a login for an ID-JAG (RFC 8693). */
  readonly idJag?: FakeIdJagOptions | undefined;

  /** The scopes that exist: published as `scopes_supported` by both sides, and no other is granted. Absent: nothing is
   * published, and whatever is asked for is granted. */
  readonly scopes?: readonly string[] | undefined;
  /** What every request to the MCP server needs; named in the 401 challenge, and granted to clients that ask for none. */
  readonly requiredScope?: string | undefined;
  /** What requests to a path and below it need beside `requiredScope`, by path, for example `{ "/mcp/admin": "admin" }`. */
  readonly pathScopes?: Readonly<Record<string, string>> | undefined;
  /** What a JSON-RPC `tools/call` needs beside `requiredScope`, by the tool's name, for example `{ write_file: "files:write" }`. */
  readonly toolScopes?: Readonly<Record<string, string>> | undefined;
  /** Answers requests that carry a good token, for example with an MCP server of your own.
   * @defaultValue a small MCP server with the tool `whoami` and those of `toolScopes`, each of which answers with the client, the
   * scope and the user of the token. Requests that are not JSON-RPC get `{ "ok": true, "scope": "…" }` */
  readonly handleResource?: ((request: Request, context: FakeResourceContext) => MaybePromise<Response>) | undefined;

  /** Dynamic registration (RFC 7591): for everyone, for those with `initialAccessToken`, or not offered.
   * @defaultValue `open` */
  readonly registration?: "open" | "closed" | "none" | undefined;
  /** What a `closed` registration endpoint wants as bearer token. */
  readonly initialAccessToken?: string | undefined;
  /** Whether registration enforces OpenID Connect's rules: `web` (the default) takes https redirect URIs that are not
   * `localhost`, `native` takes loopback http and private-use schemes.
   * @defaultValue false */
  readonly applicationTypeRules?: boolean | undefined;
  /** Clients known from the start. `grant_types` defaults to all that are offered, `token_endpoint_auth_method` to
   * `client_secret_basic` with a secret, `private_key_jwt` with `jwks`, and `none` otherwise. */
  readonly clients?: readonly FakeClient[] | undefined;
  /** Whether clients may read, replace and delete their registrations (RFC 7592), and get a token for that.
   * @defaultValue false */
  readonly registrationManagement?: boolean | undefined;
  /** Whether the URL of a Client ID Metadata Document is a client id. The documents come through `fetch`.
   * @defaultValue false */
  readonly clientIdMetadataDocuments?: boolean | undefined;
  /** Gets Client ID Metadata Documents, and the keys behind a client's `jwks_uri`; without it there are none. The server itself
   * uses no network. */
  readonly fetch?: FetchLike | undefined;
  /** Where registrations, grants and tokens are kept, so that another server with the same store and issuer goes on with them, as
   * after a restart; codes are not. One server at a time: it holds what it knows in memory as well.
   * @defaultValue memory alone */
  readonly store?: KVStore | undefined;
  /** Whether the port of `http://127.0.0.1` and `http://[::1]` redirect URIs may differ from the registered one (RFC 8252
   * §7.3). Many servers in the field want it the same.
   * @defaultValue true */
  readonly anyLoopbackPort?: boolean | undefined;

  /** Where authorization server metadata is: RFC 8414; OpenID Connect Discovery; the latter with the well-known path
   * before the issuer's path; or nowhere, as a server of MCP revision 2025-03-26 may.
   * @defaultValue `oauth` */
  readonly metadataKind?: "oauth" | "openid" | "openid_inserted" | "none" | undefined;
  /** How clients find protected resource metadata: by the challenge and the well-known URL of the path; by the latter
   * alone; by the well-known URL of the origin alone, for the whole origin; or not at all, as before RFC 9728: then
   * `resource` parameters are ignored too.
   * @defaultValue `challenge` */
  readonly resourceMetadata?: "challenge" | "well_known" | "root" | "none" | undefined;
  /** Where protected resource metadata is instead of the well-known URL; clients learn it from the challenge alone. */
  readonly resourceMetadataUrl?: string | undefined;
  /** Members to change in the protected resource metadata; `undefined` removes one. A `resource` is what tokens must be for. */
  readonly protectedResourceMetadata?: Readonly<Record<string, unknown>> | undefined;
  /** Members to change in the authorization server metadata; `undefined` removes one. It changes what is said, not what is done. */
  readonly authorizationServerMetadata?: Readonly<Record<string, unknown>> | undefined;
  /** RFC 9207: `iss` in authorization responses. */
  readonly iss?: FakeIssOptions | undefined;
  /** How clients may authenticate at the token endpoint; `private_key_jwt` is known beside those of the default.
   * @defaultValue `none`, `client_secret_basic` and `client_secret_post` */
  readonly tokenEndpointAuthMethods?: readonly string[] | undefined;
  /** PKCE methods. One of them is required of every client; an empty list publishes none, and requires none.
   * @defaultValue `S256` */
  readonly codeChallengeMethods?: readonly ("S256" | "plain")[] | undefined;
  /** Offers access tokens that are bound to a key, and refresh tokens of public clients with them; `{}` will do. Codes are bound as
   * `dpop_jkt` says.
   * @defaultValue DPoP is not offered, and proofs are not looked at */
  readonly dpop?: FakeDpopOptions | undefined;
  /** Whether there is a revocation endpoint (RFC 7009).
   * @defaultValue true */
  readonly revocation?: boolean | undefined;
  /** What the introspection endpoint (RFC 7662) wants as bearer token; when given, there is one, for a resource server of your own. */
  readonly introspectionToken?: string | undefined;
}

/** The options with their defaults, and what follows from them. */
export type Settings = ReturnType<typeof toSettings>;

const DAY_MS = 86_400_000;

/** Scope strings as lists, without repetitions. */
export const scopesOf = (scope: string | undefined): string[] => [...new Set(scope?.split(" ").filter(Boolean))];

export function toSettings(options: FakeAuthServerOptions) {
  const serverUrl = new URL(options.serverUrl ?? "https://mcp.example.com/mcp");
  const issuer = options.issuer ?? "https://auth.example.com";
  const issuerUrl = new URL(issuer);
  const issuerPath = issuerUrl.pathname.replace(/\/$/, "");
  const base = issuerUrl.origin + issuerPath;
  const metadataKind = options.metadataKind ?? "oauth";
  const resourceMetadata = options.resourceMetadata ?? "challenge";
  const wellKnown = `${serverUrl.origin}/.well-known/oauth-protected-resource`;
  const path = `${serverUrl.pathname === "/" ? "" : serverUrl.pathname}${serverUrl.search}`;
  const resource =
    options.protectedResourceMetadata?.["resource"] ??
    (resourceMetadata === "root" ? serverUrl.origin : serverUrl.origin + path);
  if (typeof resource !== "string") throw new TypeError('"protectedResourceMetadata.resource" must be a string');

  return {
    ...options,
    serverUrl,
    issuer,
    now: options.now ?? currentTime,
    consentPage: options.consentPage ?? true,
    accessTokenTtlMs: options.accessTokenTtlMs ?? DAY_MS,
    refreshTokenTtlMs: options.refreshTokenTtlMs ?? 30 * DAY_MS,
    issueRefreshTokens: options.issueRefreshTokens ?? true,
    rotateRefreshTokens: options.rotateRefreshTokens ?? true,
    revokeOnReuse: options.revokeOnReuse ?? true,
    reuseGraceMs: options.reuseGraceMs ?? 0,
    requiredScopes: scopesOf(options.requiredScope),
    registration: options.registration ?? "open",
    registrationManagement: options.registrationManagement ?? false,
    clientIdMetadataDocuments: options.clientIdMetadataDocuments ?? false,
    anyLoopbackPort: options.anyLoopbackPort ?? true,
    metadataKind,
    resourceMetadata,
    iss: { advertised: options.iss?.advertised ?? true, sent: options.iss?.sent ?? true },
    tokenEndpointAuthMethods: options.tokenEndpointAuthMethods ?? ["none", "client_secret_basic", "client_secret_post"],
    codeChallengeMethods: options.codeChallengeMethods ?? (["S256"] as const),
    revocation: options.revocation ?? true,
    clientCredentials: options.clientCredentials ?? false,
    deviceAuthorization: options.deviceAuthorization && {
      ttlMs: options.deviceAuthorization.ttlMs ?? 600_000,
      intervalMs: options.deviceAuthorization.intervalMs ?? 5000,
    },
    /** What `resource` parameters and the audience of tokens are compared with. */
    resource,
    endpoints: {
      authorization: `${base}/authorize`,
      consent: `${base}/consent`,
      token: `${base}/token`,
      registration: `${base}/register`,
      revocation: `${base}/revoke`,
      introspection: `${base}/introspect`,
      deviceAuthorization: `${base}/device_authorization`,
      verification: `${base}/device`,
      keys: `${base}/jwks`,
      protectedResourceMetadata:
        options.resourceMetadataUrl ?? (resourceMetadata === "root" ? wellKnown : wellKnown + path),
      authorizationServerMetadata: {
        oauth: `${issuerUrl.origin}/.well-known/oauth-authorization-server${issuerPath}`,
        openid: `${base}/.well-known/openid-configuration`,
        openid_inserted: `${issuerUrl.origin}/.well-known/openid-configuration${issuerPath}`,
        none: undefined,
      }[metadataKind],
    },
  };
}

const isLoopback = (url: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);

/** The same server on another origin; what is on loopback already stays there. */
export function relocated(options: FakeAuthServerOptions, origin: string): FakeAuthServerOptions {
  const { serverUrl, issuer } = toSettings(options);
  const moved = (given: string | URL): string => {
    const url = new URL(given);
    if (isLoopback(url)) return String(given);
    const { pathname, search } = url;
    // without the slash of the root, unless it was given
    return origin + (pathname === "/" && !String(given).endsWith("/") ? "" : pathname) + search;
  };
  const metadataUrl = options.resourceMetadataUrl;
  const isOurs =
    metadataUrl !== undefined && [serverUrl.origin, new URL(issuer).origin].includes(new URL(metadataUrl).origin);
  return {
    ...options,
    serverUrl: moved(options.serverUrl ?? serverUrl),
    issuer: moved(issuer),
    ...(isOurs && { resourceMetadataUrl: moved(metadataUrl) }),
  };
}
