import type {
  ClientRegistration,
  HttpOptions,
  MaybePromise,
  ServerMetadata,
  TokenEndpointAuthMethod,
  TokenSet,
} from "./types.js";

/** Options of everything that a client proves itself for. @public */
export interface ClientAuthenticationOptions {
  /** How clients prove themselves whose registration names one of its methods, such as `privateKeyJwt` for pre-registered
   * clients and Client ID Metadata Documents. All others use the secret of their registration, or none. */
  readonly clientAuthentication?: ClientAuthentication | undefined;
}

/** A way in which clients prove themselves, made by `privateKeyJwt`; or the host's own, where keys must be reached by
 * other means. @public */
export interface ClientAuthentication {
  /** The methods it is used for, the preferred one first. */
  readonly methods: readonly [TokenEndpointAuthMethod, ...TokenEndpointAuthMethod[]];
  /** Adds the client and its proof to a request. What it resolves with is a secret that the request now carries: it is kept out of
   * every message. */
  readonly authenticate: (request: AuthenticatedRequest) => MaybePromise<string | undefined>;
}

/** A request that a client is to prove itself in. @public */
export interface AuthenticatedRequest {
  /** Where it goes. */
  readonly server: ServerMetadata;
  /** Who sends it. */
  readonly registration: ClientRegistration;
  /** Its header fields, to be added to. */
  readonly headers: Headers;
  /** Its parameters, to be added to. */
  readonly body: URLSearchParams;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A way to get tokens without a user: `clientCredentials`, `enterpriseManaged`, `workloadIdentity`, or the
 * host's own. A session that has one gets its tokens by itself, and never asks for a login. @public */
export interface Grant {
  /** Names the grant and its client in the tokens' key: sessions of one server with different ids do not share tokens. Not `user`. */
  readonly id: string;
  /** The issuer at which it may be used; at any other nothing is sent, and the session fails with `client_issuer_mismatch`. */
  readonly issuer: string;
  /** The scope to begin with; a session widens it when the MCP server demands more.
   * @defaultValue what the MCP server asks for or lists */
  readonly scope?: string | undefined;
  /** How its client proves itself when the tokens are revoked. */
  readonly clientAuthentication?: ClientAuthentication | undefined;
  /** Asks for tokens. Called once at a time for all processes that share the store. What it rejects with reaches the caller, and
   * is followed by a pause. */
  readonly obtain: (context: GrantContext) => Promise<TokenSet>;
}

/** What {@link Grant.obtain} is given. @public */
export interface GrantContext {
  /** The MCP server and its authorization server, which has the issuer of the grant. */
  readonly server: ServerMetadata;
  /** What to ask for; absent when the authorization server decides. */
  readonly scope?: string | undefined;
  /** The tokens to be replaced. */
  readonly previous?: TokenSet | undefined;
  /** How requests are made; its `signal` ends them when they take too long. */
  readonly http: HttpOptions;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
