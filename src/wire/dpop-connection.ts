import type { AuthChallenge, FetchLike, MaybePromise, ServerMetadata, TokenSet } from "../types.js";

/** Sender-constrained tokens for the clients that it is handed to; made by {@link createDpop}. @public */
export interface Dpop {
  /** For the library alone. */
  readonly connect: (host: never) => unknown;
}

/** What a client brings. */
export interface DpopHost {
  /** Where keys are kept unless they have a store of their own. */
  readonly store: {
    get(key: string): MaybePromise<string | null | undefined>;
    set(key: string, value: string, options?: { readonly expiresAt?: number | undefined }): unknown;
    delete(key: string): unknown;
  };
  readonly now: () => number;
  readonly emit: (event: { readonly type: "dpop_key_missing" } & DpopTokenKey) => void;
}

/** Whose tokens they are, as events say it. */
export interface DpopTokenKey {
  readonly serverUrl: string;
  readonly subject?: string | undefined;
}

/** How an access token is sent. */
export interface Credentials {
  /** The header of that name. */
  readonly authorization: string;
  /** Sends requests, and adds what they need beside that header. */
  readonly via: FetchLike;
}

/** The part of a token endpoint's answer that is looked at. */
export interface DpopTokenAnswer {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly error: string | undefined;
  readonly description: string | undefined;
  readonly document: Readonly<Record<string, unknown>> | undefined;
  readonly receivedAt: number;
}

/** DPoP as one client uses it. The client knows this shape alone, so that it costs nothing where nobody wants it. */
export interface DpopConnection {
  /**
   * The id of a key for tokens of this server, which is also the key's thumbprint: a new one, or that of the tokens that are to be
   * replaced. `undefined` where bearer tokens will do.
   */
  readonly chooseKey: (
    server: ServerMetadata,
    challenge?: AuthChallenge,
    previous?: TokenSet,
  ) => Promise<string | undefined>;
  /** The types of tokens that are taken after a proof. */
  readonly tokenType: RegExp;
  /** Sends a token request with a proof; once more, with another one, when the server wants a nonce. */
  readonly requestTokens: <A extends DpopTokenAnswer>(
    keyId: string,
    endpoint: string,
    send: (proof: string) => Promise<A>,
  ) => Promise<A>;
  /** Whether the tokens may be used, and can be: a missing key is reported. */
  readonly canUse: (tokens: TokenSet, key: DpopTokenKey) => Promise<boolean>;
  /** How tokens are sent. Refusals that are about the proof, and not about the token, are added to `unrelated`. */
  readonly credentialsOf: (tokens: TokenSet, send: FetchLike, unrelated: WeakSet<Response>) => Credentials;
  /** Deletes the key of tokens that are not used any more. */
  readonly forget: (tokens: TokenSet | undefined) => Promise<void>;
}

/** Whether an access token is worth nothing without a proof, and must not be sent without one. */
export const isBound = ({ tokenType }: TokenSet): boolean => tokenType.toLowerCase() === "dpop";
