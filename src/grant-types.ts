import type { ClientRegistration, MaybePromise, ServerMetadata, TokenEndpointAuthMethod, TokenSet } from "./types.js";

/** Options of everything that a client proves itself for. @public */
export interface ClientAuthenticationOptions {
  /** How clients prove themselves whose registration names one of its methods, such as {@link privateKeyJwt} for pre-registered
   * clients and Client ID Metadata Documents. All others use the secret of their registration, or none. */
  readonly clientAuthentication?: ClientAuthentication | undefined;
}

/** A way in which clients prove themselves, made by {@link privateKeyJwt}; or the host's own, where keys must be reached by
 * other means. @public */
export interface ClientAuthentication {
  /** The methods it is used for, the preferred one first. */
  readonly methods: readonly [TokenEndpointAuthMethod, ...TokenEndpointAuthMethod[]];
  /** Adds the client and its proof to a request. What it resolves with is a secret that the request now carries: it is kept out of
   * every message. What it throws reaches the caller as it is, and the next call tries again; a refresh waits for it for 20 seconds. */
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

/** A way to get tokens without a user, made by {@link clientCredentials}, {@link enterpriseManaged}, {@link workloadIdentity} or
 * {@link createGrant}. A session that has one gets its tokens by itself, and never asks for a login. @public */
export interface Grant {
  /** Names the grant and its client in the tokens' key. */
  readonly id: string;
  /** The only issuer at which it is used. */
  readonly issuer: string;
  /** How its client proves itself when the tokens are revoked. */
  readonly clientAuthentication?: ClientAuthentication | undefined;
  /** For the library alone: tokens in place of those that will not do. */
  readonly renew: (job: never, previous: TokenSet | undefined, http: never) => Promise<TokenSet>;
  /** For the library alone: a grant has no user who could log in. */
  readonly refuseLogin: () => never;
  /** For the library alone: tokens of more scope. */
  readonly widen: (context: never, cell: never, need: never, signal?: AbortSignal) => Promise<TokenSet | undefined>;
}
