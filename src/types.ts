import type { ServerAllowances } from "./profile-types.js";

/** A value, or a promise of it. Stores and host callbacks may answer either way. @public */
export type MaybePromise<T> = T | Promise<T>;

/** The part of `fetch` that the library calls: a URL and an init, never a `Request`. @public */
export type FetchLike = (input: string | URL, init?: RequestInit) => Promise<Response>;

/** What {@link createAuthFetch} returns; fits `typeof fetch` and the `fetch` option of the MCP SDK transports. @public */
export type AuthFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** What a URL that the library is about to request or to hand out is for. @public */
export type UrlPurpose =
  | "protected_resource_metadata"
  | "authorization_server_metadata"
  | "authorization_endpoint"
  | "token_endpoint"
  | "registration_endpoint"
  | "registration_client_uri"
  | "revocation_endpoint"
  | "device_authorization_endpoint"
  | "verification_uri"
  | "idp_token_endpoint";

/** Options of everything that uses the network. @public */
export interface HttpOptions {
  /** The `fetch` for every OAuth request (discovery, registration, token, revocation), for example one with a proxy or a private CA.
   * @defaultValue `globalThis.fetch`, looked up at each call */
  readonly fetch?: FetchLike | undefined;
  /** Ends the work; the promise rejects with `signal.reason`, unwrapped. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that each single request may take, its body included.
   * @defaultValue 10000 */
  readonly timeoutMs?: number | undefined;
  /** Policy of the host on every URL that a server named, and on every redirect hop: `false` refuses it with `insecure_url`.
   * It is the place for protection against server-side request forgery when the host itself runs on a server. */
  readonly allowUrl?: ((url: URL, context: UrlContext) => MaybePromise<boolean>) | undefined;
}

/** What {@link HttpOptions.allowUrl} is told beside the URL. @public */
export interface UrlContext {
  /** What the URL is for. */
  readonly purpose: UrlPurpose;
  /** The MCP server that the user chose and that led to this URL. */
  readonly serverUrl: URL;
}

/** Options of everything that reads the time. @public */
export interface ClockOptions {
  /** Milliseconds since the epoch.
   * @defaultValue `Date.now` */
  readonly now?: (() => number) | undefined;
}

/** Authorization server metadata as published (RFC 8414 §2, OpenID Connect Discovery), with the RFC's own member names.
 * Members that are `null` are absent here. @public */
export interface AuthorizationServerMetadata {
  /** The issuer identifier; compared as a string, never normalised. */
  readonly issuer: string;
  /** Where the user logs in; servers for machines have none. */
  readonly authorization_endpoint?: string;
  /** Where codes and refresh tokens become tokens. */
  readonly token_endpoint: string;
  /** Where clients register (RFC 7591). */
  readonly registration_endpoint?: string;
  /** Where tokens are revoked (RFC 7009). */
  readonly revocation_endpoint?: string;
  /** Where a user code is asked for (RFC 8628). */
  readonly device_authorization_endpoint?: string;
  /** Scopes the server knows; only `offline_access` is looked for. */
  readonly scopes_supported?: readonly string[];
  /** Must include `code` when present. */
  readonly response_types_supported?: readonly string[];
  /** Grants of the token endpoint. */
  readonly grant_types_supported?: readonly string[];
  /** How clients may authenticate; absent means `client_secret_basic`. */
  readonly token_endpoint_auth_methods_supported?: readonly string[];
  /** Algorithms of the assertions that clients authenticate with. */
  readonly token_endpoint_auth_signing_alg_values_supported?: readonly string[];
  /** PKCE methods; must include `S256`. */
  readonly code_challenge_methods_supported?: readonly string[];
  /** Whether callbacks carry `iss` (RFC 9207). */
  readonly authorization_response_iss_parameter_supported?: boolean;
  /** Whether a URL may serve as client id. */
  readonly client_id_metadata_document_supported?: boolean;
  /** Resources the server issues tokens for (RFC 9728 §4). */
  readonly protected_resources?: readonly string[];
  /** Further members, as published. */
  readonly [member: string]: unknown;
}

/** Protected resource metadata as published (RFC 9728 §2). Members that are `null` are absent here. @public */
export interface ProtectedResourceMetadata {
  /** The resource identifier, which covers the MCP server's URL. */
  readonly resource: string;
  /** Issuers that may issue tokens for it. */
  readonly authorization_servers?: readonly string[];
  /** Scopes to request when the challenge names none. */
  readonly scopes_supported?: readonly string[];
  /** Further members, as published. */
  readonly [member: string]: unknown;
}

/** Client metadata for registration (RFC 7591 §2) and for Client ID Metadata Documents. @public */
export interface ClientMetadata {
  /** Name that the user is shown at consent. */
  readonly client_name?: string;
  /** The client's home page. */
  readonly client_uri?: string;
  /** Image that the user may be shown at consent. */
  readonly logo_uri?: string;
  /** Redirect URIs to register; a session adds the one it uses. */
  readonly redirect_uris?: readonly string[];
  /** `native` for desktop, mobile and command-line hosts, `web` behind an https redirect URI; when absent, told from that URI. */
  readonly application_type?: "native" | "web";
  /** How the client wants to authenticate; when absent, chosen from what the server supports, `none` first. */
  readonly token_endpoint_auth_method?: string;
  /** When absent: `authorization_code` and `refresh_token`. */
  readonly grant_types?: readonly string[];
  /** When absent: `code`. */
  readonly response_types?: readonly string[];
  /** Scopes the client may ever request; best left out, as servers hold clients to it. */
  readonly scope?: string;
  /** Further members, sent as they are. */
  readonly [member: string]: unknown;
}

/** Where an MCP server's tokens come from: the outcome of {@link discoverAuthServer}. Plain JSON. @public */
export interface ServerMetadata {
  /** The MCP server, as the host gave it. */
  readonly serverUrl: string;
  /** The `resource` to ask tokens for (RFC 8707): the string of the protected resource metadata verbatim, else derived from `serverUrl`. */
  readonly resource: string;
  /** Issuer of `authorizationServer`, verbatim; everything issued there is bound to this string. */
  readonly issuer: string;
  /** What the issuer published, or the assumed endpoints of `origin_defaults`. */
  readonly authorizationServer: AuthorizationServerMetadata;
  /** What the MCP server published, when it did. */
  readonly protectedResource?: ProtectedResourceMetadata;
  /** Where `protectedResource` was found, when there is one. */
  readonly resourceMetadataUrl?: string;
  /** `protected_resource`: RFC 9728 was followed. `origin_metadata`: a server of MCP revision 2025-03-26 whose origin publishes
   * metadata. `origin_defaults`: one that publishes none, so that `/authorize`, `/token` and `/register` are assumed. */
  readonly source: "protected_resource" | "origin_metadata" | "origin_defaults";
  /** What a `ServerProfile` allows this authorization server, if there is one for it. */
  readonly allowances?: ServerAllowances | undefined;
}

/** How a client authenticates at the token endpoint. @public */
export type TokenEndpointAuthMethod = "none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt";

/** A client known to one issuer. Plain JSON; holds a secret when the authorization server gave one. @public */
export interface ClientRegistration {
  /** The issuer that knows this client; it is shown to no other. */
  readonly issuer: string;
  /** `client_id`, as the issuer gave it; the document's URL for a metadata document. */
  readonly clientId: string;
  /** Set only when `tokenEndpointAuthMethod` uses it. */
  readonly clientSecret?: string;
  /** Milliseconds since the epoch; absent when the secret does not expire. */
  readonly clientSecretExpiresAt?: number;
  /** How this client authenticates, as the authorization server decided. */
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  /** The redirect URIs as the authorization server registered them; empty when they are not known. */
  readonly redirectUris: readonly string[];
  /** How the client came to be known. */
  readonly source: "pre_registered" | "metadata_document" | "dynamic";
  /** The metadata the authorization server answered with, without its secrets; dynamic registrations only. */
  readonly metadata?: ClientMetadata;
  /** Token for managing the registration (RFC 7592); dynamic registrations only, where offered. */
  readonly registrationAccessToken?: string;
  /** Where the registration can be managed (RFC 7592). */
  readonly registrationClientUri?: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Tokens and what they are bound to. Plain JSON, secret. @public */
export interface TokenSet {
  /** What requests to the MCP server carry. */
  readonly accessToken: string;
  /** As the server said; a spelling of `Bearer`, or of `DPoP` when the tokens were asked for with a key. */
  readonly tokenType: string;
  /** Absent when the server issued none: the user logs in again when the access token ends. */
  readonly refreshToken?: string;
  /** As received; neither read nor validated. */
  readonly idToken?: string;
  /** What was granted: the `scope` of the token response, else what was requested; absent when neither was named. */
  readonly scope?: string;
  /** What was asked for in the authorization request. */
  readonly requestedScope?: string;
  /** Milliseconds since the epoch; absent when the server did not say, then the token is used until it is refused. */
  readonly expiresAt?: number;
  /** Milliseconds since the epoch, where the server says so. */
  readonly refreshTokenExpiresAt?: number;
  /** Milliseconds since the epoch at which the answer arrived. */
  readonly obtainedAt: number;
  /** Milliseconds that the authorization server's clock was ahead of the one which these times are of; absent when that is
   * less than half a minute or not known. Processes whose clocks differ find the same moment by it. */
  readonly clockSkew?: number;
  /** The only issuer that the refresh token is sent to. */
  readonly issuer: string;
  /** The token endpoint of that issuer. */
  readonly tokenEndpoint: string;
  /** The only resource these tokens are sent to. */
  readonly resource: string;
  /** The client these tokens were issued to. */
  readonly registration: ClientRegistration;
  /** Id of the grant they were obtained by; absent when a user logged in. */
  readonly grant?: string;
  /** The DPoP key they were asked for with, by its JWK thumbprint; a `tokenType` of `DPoP` says that they are bound to it. */
  readonly dpopKeyId?: string;
}

/** A login under way: what must survive until the callback arrives, in whichever process. Plain JSON, secret, single use. @public */
export interface PendingAuthorization {
  /** Ties the callback to this record. */
  readonly state: string;
  /** The PKCE secret of this login. */
  readonly codeVerifier: string;
  /** Sent again, byte for byte, with the code. */
  readonly redirectUri: string;
  /** What was requested; absent when the server chooses. */
  readonly scope?: string;
  /** Whose tokens these will be, in the host's own words. */
  readonly subject?: string;
  /** Sent again, byte for byte, with the code. */
  readonly resource: string;
  /** The server as it was when the login began; the callback is checked against this one. */
  readonly server: ServerMetadata;
  /** The client that the code will be issued to. */
  readonly registration: ClientRegistration;
  /** The DPoP key that code and tokens will be bound to, by its JWK thumbprint. */
  readonly dpopKeyId?: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Milliseconds since the epoch after which the callback is refused. */
  readonly expiresAt: number;
}

/** An authorization response as received. **Warning:** `error` and `errorDescription` are not authenticated until
 * `finishAuthorization` or `exchangeCallback` has accepted the response; do not show them before. @public */
export interface CallbackResult {
  /** The whole callback URL. */
  readonly url: string;
  /** `state` parameter. */
  readonly state?: string;
  /** `code` parameter. */
  readonly code?: string;
  /** `iss` parameter (RFC 9207). */
  readonly iss?: string;
  /** `error` parameter; see the warning above. */
  readonly error?: string;
  /** `error_description` parameter; see the warning above. */
  readonly errorDescription?: string;
}

/** An authorization response with all its parameters: the callback URL, its path and query (as in node:http), or its query. @public */
export type Callback = string | URL | URLSearchParams | CallbackResult;

/** What a `WWW-Authenticate` header asks for (RFC 6750 §3, RFC 9728 §5.1). Untrusted text of the resource server. @public */
export interface AuthChallenge {
  /** Authentication scheme in lower case, usually `bearer`. */
  readonly scheme: string;
  /** Where the protected resource metadata is. */
  readonly resourceMetadataUrl?: string;
  /** The scope that the request needs. */
  readonly scope?: string;
  /** `invalid_token`, `insufficient_scope` or `invalid_request` (RFC 6750 §3.1). */
  readonly error?: string;
  /** For developers, not for users. */
  readonly errorDescription?: string;
}

/** A client that the host registered by other means (spec: pre-registration). @public */
export interface PreRegisteredClient {
  /** The issuer that knows this client, exactly as its metadata write it, slashes included; it is used at this one only. */
  readonly issuer: string;
  /** The MCP server these credentials are meant for. When it is set and that server names another issuer,
   * a login fails with `client_issuer_mismatch` and does not fall back to another kind of registration. */
  readonly serverUrl?: string | undefined;
  /** `client_id` at that issuer. */
  readonly clientId: string;
  /** Absent for public clients. */
  readonly clientSecret?: string | undefined;
  /** How this client authenticates.
   * @defaultValue the first of `client_secret_basic`, `client_secret_post` that the server supports; `none` without a secret */
  readonly tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /** The registered redirect URIs; other ones are then refused before the user sees an error page. */
  readonly redirectUris?: readonly string[] | undefined;
}

/** A stored record, or a stored file, that the library could not use and left alone. @public */
export interface IgnoredRecord {
  /** Key of the record, the `state` of a pending login and the query of a URL left out. */
  readonly key: string;
  /** Why it was left alone. */
  readonly reason: string;
}
