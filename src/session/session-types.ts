import type { AuthError } from "../errors.js";
import type { ClientAuthenticationOptions, Grant } from "../grant-types.js";
import type { DiscoverAuthServerOptions } from "../protocol/discover-auth-server.js";
import type { ServerProfile } from "../profile-types.js";
import type { KVStore, TokenStore } from "../store/kv-store.js";
import type {
  AuthChallenge,
  Callback,
  ClientMetadata,
  ClientRegistration,
  ClockOptions,
  HttpOptions,
  MaybePromise,
  PreRegisteredClient,
  ServerMetadata,
  TokenSet,
} from "../types.js";
import type { Dpop } from "../wire/dpop-connection.js";

/** Options of {@link createAuthClient}. @public */
export interface AuthClientOptions extends Omit<HttpOptions, "signal">, ClockOptions, ClientAuthenticationOptions {
  /** Who the host is, for dynamic registration (RFC 7591) and, with `clientMetadataUrl`, as published there. */
  readonly clientMetadata: ClientMetadata;
  /** URL of the host's Client ID Metadata Document: https, with a path. Used as client id where the authorization server
   * supports it; the document published there has to contain the redirect URIs that are used. */
  readonly clientMetadataUrl?: string | undefined;
  /** Clients that the host registered by other means, each for one issuer; or a function that looks one up.
   * They come before every other kind of registration. */
  readonly preRegistered?:
    | readonly PreRegisteredClient[]
    | ((server: ServerMetadata) => MaybePromise<PreRegisteredClient | undefined>)
    | undefined;
  /** Where everything is kept. Give one that all processes of the host share.
   * @defaultValue a memory store of this client's own */
  readonly store?: KVStore | undefined;
  /** Tables of the host's own for tokens and registrations; all other records and all locks stay in `store`.
   * @defaultValue `createTokenStore(store)` */
  readonly tokenStore?: TokenStore | undefined;
  /** Replaces {@link discoverAuthServer}, which it may wrap to pin or to correct what a server publishes. */
  readonly discover?: ((serverUrl: URL, options: DiscoverAuthServerOptions) => Promise<ServerMetadata>) | undefined;
  /** Chooses when a resource lists several authorization servers.
   * @defaultValue of the first ten the first that publishes usable metadata */
  readonly selectIssuer?: DiscoverAuthServerOptions["selectIssuer"];
  /** Whether servers of MCP revision 2025-03-26, which publish no protected resource metadata, are served.
   * @defaultValue true */
  readonly legacyFallback?: boolean | undefined;
  /** What is known of authorization servers that deviate, such as {@link knownServers}.
   * @defaultValue none: nothing is allowed to anybody */
  readonly profiles?: readonly ServerProfile[] | undefined;
  /** Binds tokens to keys (DPoP, RFC 9449) where the authorization server offers it: made by {@link createDpop}.
   * @defaultValue bearer tokens */
  readonly dpop?: Dpop | undefined;
  /** Hears what happens; never receives a secret: in place of the query of an MCP server's URL, which may be one, stands `?…`.
   * What it throws, or rejects with, is ignored. */
  readonly onEvent?: ((event: AuthEvent) => void) | undefined;
}

/** What {@link AuthClientOptions.onEvent} hears. @public */
export type AuthEvent =
  | { readonly type: "record_ignored"; readonly key: string; readonly reason: string }
  | { readonly type: "discovered"; readonly serverUrl: string; readonly issuer: string }
  | { readonly type: "registered"; readonly issuer: string; readonly source: ClientRegistration["source"] }
  | {
      readonly type: "authorization_started";
      readonly serverUrl: string;
      readonly subject?: string | undefined;
      readonly grant?: string | undefined;
    }
  | {
      readonly type: "authorized";
      readonly serverUrl: string;
      readonly subject?: string | undefined;
      readonly grant?: string | undefined;
      readonly scope?: string | undefined;
    }
  | {
      readonly type: "refreshed";
      readonly serverUrl: string;
      readonly subject?: string | undefined;
      readonly grant?: string | undefined;
    }
  | {
      readonly type: "refresh_adopted";
      readonly serverUrl: string;
      readonly subject?: string | undefined;
      readonly grant?: string | undefined;
    }
  | {
      readonly type: "refresh_failed";
      readonly serverUrl: string;
      readonly subject?: string | undefined;
      readonly grant?: string | undefined;
      readonly error: AuthError;
    }
  | {
      readonly type: "dpop_key_missing";
      readonly serverUrl: string;
      readonly subject?: string | undefined;
      readonly grant?: string | undefined;
    }
  | {
      readonly type: "signed_out";
      readonly serverUrl: string;
      readonly subject?: string | undefined;
      readonly grant?: string | undefined;
    };

/** One per host: the store, the client's identity and the policy, shared by all sessions. Frozen; its functions may be passed on. @public */
export interface AuthClient {
  /**
   * Hands out the session of one user at one MCP server. Costs nothing: no network, no store, no timer. Sessions of the same
   * server and subject share their state.
   *
   * @param serverUrl - the MCP endpoint as configured: https, or http on loopback
   * @param options - whose session
   */
  readonly session: (serverUrl: string | URL, options?: SessionOptions) => AuthSession;
  /**
   * Completes a login from its callback, in any process that shares the store, without knowing which server or user it was for.
   *
   * @param callback - the callback URL with all its parameters
   * @param options - who is completing it; a server with more than one user must give `state` and `subject`
   * @throws {@link AuthorizationError} `state_unknown` when no login with this state is waiting (a reload, yesterday's link, a
   * forgery), `state_expired`, `subject_mismatch`, `callback_issuer_mismatch`, `callback_invalid`, `authorization_denied`;
   * {@link TokenError} and {@link TransportError} of the token request; {@link StoreError} when tokens could not be saved
   */
  readonly finishAuthorization: (
    callback: Callback,
    options?: FinishAuthorizationOptions,
  ) => Promise<FinishedAuthorization>;
}

/** Options of {@link AuthClient.session}. @public */
export interface SessionOptions {
  /** The host's own id of the user or account whose tokens these are. Not empty.
   * @defaultValue the one user of a single-user host */
  readonly subject?: string | undefined;
  /** Gets the tokens without a user. Such a session cannot be logged in to; `onAuthorizationRequired` is not called for it.
   * @defaultValue a user logs in */
  readonly grant?: Grant | undefined;
}

/** Options of {@link AuthClient.finishAuthorization}. @public */
export interface FinishAuthorizationOptions {
  /** The user who is signed in to the host where the callback arrived. Required when the login was started for a subject. */
  readonly subject?: string | undefined;
  /** What `startAuthorization` returned to this very browser (kept in a `__Host-` cookie); a callback with another state is
   * refused and the login it belongs to goes on waiting. A browser that has none is refused as well: `undefined` is another state.
   * Leave the member out only where the browser is known to be the right one. */
  readonly state?: string | undefined;
  /** Ends the work; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Result of {@link AuthClient.finishAuthorization}. @public */
export interface FinishedAuthorization {
  /** The session that the login was for. */
  readonly session: AuthSession;
  /** What was granted; already stored. */
  readonly tokens: TokenSet;
}

/** A redirect URI whose port is chosen late, so that the port a client was registered with can be used again. @public */
export interface LateRedirectUri {
  /** The loopback redirect URI without a port, for example `http://127.0.0.1/callback`. */
  readonly base: string | URL;
  /** Called after discovery with the redirect URIs of the client known at that issuer, or with the one, without a port, that a profile
   * demands there; starts listening and returns the URI. */
  readonly listen: (registered: readonly string[]) => MaybePromise<string | URL>;
}

/** Options of {@link AuthSession.startAuthorization}. @public */
export interface StartAuthorizationOptions {
  /** Where the authorization server sends the user back to: https, http on loopback, or a private-use scheme such as
   * `com.example.app:/callback`. */
  readonly redirectUri: string | URL | LateRedirectUri;
  /** Space-separated scopes to request, exactly these.
   * @defaultValue as {@link selectScope} chooses from `challenge`, the protected resource metadata and earlier grants */
  readonly scope?: string | undefined;
  /** The challenge that made this login necessary, from `error.challenge` or `onAuthorizationRequired`. */
  readonly challenge?: AuthChallenge | undefined;
  /** More parameters for the authorization request, such as `prompt` or `login_hint`. An empty `prompt` sends none. */
  readonly extraParams?: Readonly<Record<string, string>> | undefined;
  /** Ends the work; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Result of {@link AuthSession.startAuthorization}. @public */
export interface StartedAuthorization {
  /** Where to send the user's browser. Its scheme has been checked: https, or http on loopback. */
  readonly authorizationUrl: URL;
  /** Ties the callback to this login; a web host keeps it in the browser (a `__Host-` cookie) and hands it to `finishAuthorization`. */
  readonly state: string;
  /** Milliseconds since the epoch after which the callback is refused. */
  readonly expiresAt: number;
}

/** What {@link AuthorizeOptions.interact} is told beside the URL. @public */
export interface InteractContext {
  /** The state to wait for. */
  readonly state: string;
  /** Aborted when the caller of `authorize` gives up. */
  readonly signal: AbortSignal | undefined;
}

/** Options of {@link AuthSession.authorize}. @public */
export interface AuthorizeOptions extends StartAuthorizationOptions {
  /** Shows the URL to the user and resolves with the callback; the seam for loopback, popup, device web view or test. */
  readonly interact: (authorizationUrl: URL, context: InteractContext) => Promise<Callback>;
  /** Log in even though another login has just succeeded.
   * @defaultValue false */
  readonly force?: boolean | undefined;
}

/** Options with a signal alone. @public */
export interface SignalOptions {
  /** Ends this caller's waiting; the promise rejects with `signal.reason`. Work that others share goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link AuthSession.handleChallenge}. @public */
export interface HandleChallengeOptions extends SignalOptions {
  /** The access token that the refused request carried, if it carried one. */
  readonly accessToken?: string | undefined;
}

/** Options of {@link AuthSession.finishAuthorization}. @public */
export type SessionFinishOptions = Omit<FinishAuthorizationOptions, "subject">;

/** Options of {@link AuthSession.signOut}. @public */
export interface SignOutOptions extends SignalOptions {
  /** Only forget the tokens; do not ask the server to revoke them.
   * @defaultValue false */
  readonly localOnly?: boolean | undefined;
  /** Also delete the client, if it was registered dynamically and the server offers that (RFC 7592), and forget it in any case.
   * **Warning:** it ends the sessions of all users and MCP servers that log in as the same client.
   * @defaultValue false */
  readonly unregister?: boolean | undefined;
}

/** Result of {@link AuthSession.signOut}. @public */
export interface SignOutResult {
  /** `yes`: the server revoked. `unsupported`: it has no revocation endpoint. `skipped`: there was nothing to revoke, or
   * `localOnly`. An error: it could not be revoked; the tokens are forgotten all the same. */
  readonly revoked: "yes" | "unsupported" | "skipped" | AuthError;
  /** Whether the client was deleted at the server; only where `unregister` asked for it. */
  readonly unregistered?: boolean;
}

/** One user at one MCP server. Frozen; holds no timer and no connection; make as many as you like. @public */
export interface AuthSession {
  /** The MCP server's URL, without a fragment; what to connect the transport to. */
  readonly serverUrl: string;
  /** Whose session; `undefined` for the only user of the host. */
  readonly subject: string | undefined;
  /** What is stored, expired or not. Never uses the network. */
  readonly getTokens: () => Promise<TokenSet | undefined>;
  /**
   * Resolves with an access token that can be used now, after a refresh if one is needed, or `undefined` when the user is needed.
   * All callers share one refresh.
   *
   * @throws {@link TransportError} when a refresh is needed and its server cannot be reached or is out of order: nothing is lost, try
   * again later; {@link StoreError}
   */
  readonly getAccessToken: (options?: SignalOptions) => Promise<string | undefined>;
  /**
   * Deals with a 401, or a 403 that asks for more scope. Resolves when the request is worth sending once more, with what
   * `getAccessToken` then returns. For adapters; {@link createAuthFetch} calls it by itself.
   *
   * @param response - the refused response; its body is not read
   * @throws {@link AuthorizationError} `authorization_required`, `insufficient_scope`; {@link TransportError}; {@link StoreError}
   */
  readonly handleChallenge: (response: Response, options?: HandleChallengeOptions) => Promise<void>;
  /**
   * Begins a login: discovers, finds or registers the client, stores what the callback will need and returns the URL for the browser.
   * A client that the server was not seen to know within the last hour is asked about, and replaced when it is forgotten or refused.
   *
   * @throws {@link DiscoveryError}, {@link RegistrationError}, {@link TransportError}, {@link StoreError}
   */
  readonly startAuthorization: (options: StartAuthorizationOptions) => Promise<StartedAuthorization>;
  /** As {@link AuthClient.finishAuthorization}, but the login must have been started for this server and subject. */
  readonly finishAuthorization: (callback: Callback, options?: SessionFinishOptions) => Promise<TokenSet>;
  /**
   * A whole login within this process. Callers at the same time lead to one login; the others get its tokens. A client that is
   * refused with the code is replaced, and `interact` called once more.
   *
   * @throws what `startAuthorization` and `finishAuthorization` throw, and what `interact` throws
   */
  readonly authorize: (options: AuthorizeOptions) => Promise<TokenSet>;
  /** Forgets the tokens, then asks the server to revoke them (RFC 7009). Never fails because of the network.
   * @throws {@link StoreError} when the tokens could not be deleted */
  readonly signOut: (options?: SignOutOptions) => Promise<SignOutResult>;
}
