import type {
  AuthErrorCode,
  AuthorizationErrorCode,
  CallbackServerErrorCode,
  DiscoveryErrorCode,
  RegistrationErrorCode,
  StoreErrorCode,
  TokenErrorCode,
  TransportErrorCode,
} from "./error-codes.js";
import type { AuthChallenge } from "./types.js";

/** One metadata URL that was tried, and what came of it. @public */
export interface DiscoveryAttempt {
  /** Origin and path that were asked. */
  readonly url: string;
  /** HTTP status, when there was an answer. */
  readonly status?: number;
  /** What came of it, as part of a sentence. */
  readonly reason: string;
}

/** What a refusing OAuth endpoint said (RFC 6749 §5.2, RFC 7591 §3.2.2). @public */
export interface OAuthErrorDetails {
  /** The `error` member. */
  readonly oauthError?: string | undefined;
  /** Untrusted text of the server. */
  readonly oauthErrorDescription?: string | undefined;
}

const BRAND = /* @__PURE__ */ Symbol.for("mcp-oauth-client.error");

/**
 * Base of every error that the library makes, wrong arguments (`TypeError`) and aborts (`signal.reason`) aside.
 * Branch on `code`; test with {@link isAuthError} rather than `instanceof`, which fails across duplicate copies of the package.
 *
 * @public
 */
export abstract class AuthError<
  Code extends AuthErrorCode = AuthErrorCode,
  Data extends object = object,
> extends Error {
  /** The class, also where class names are minified. */
  abstract override readonly name: string;
  /** What happened; stable, to branch on. */
  readonly code: Code;

  constructor(code: Code, message: string, details?: Data & { readonly cause?: unknown }) {
    super(message);
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    for (const [member, value] of Object.entries(details ?? {})) {
      // as Error itself does it: a cause is not enumerable, and what compares errors may take a member away
      if (value === undefined) continue;
      Object.defineProperty(this, member, { value, enumerable: member !== "cause", configurable: true });
    }
  }

  /** What may be logged: name, code and message. */
  toJSON(): { readonly name: string; readonly code: Code; readonly message: string } {
    return { name: this.name, code: this.code, message: this.message };
  }
}

/**
 * The MCP server's authorization server could not be found or must not be used. The resource server's or the
 * authorization server's operator is at fault; `attempts` says what each URL answered.
 *
 * @public
 */
export class DiscoveryError extends AuthError<DiscoveryErrorCode, { readonly attempts?: readonly DiscoveryAttempt[] }> {
  /** `DiscoveryError` */
  override readonly name = "DiscoveryError";
  /** Every metadata URL that was asked. */
  declare readonly attempts: readonly DiscoveryAttempt[];

  constructor(
    code: DiscoveryErrorCode,
    message: string,
    details?: { readonly attempts?: readonly DiscoveryAttempt[] } & { readonly cause?: unknown },
  ) {
    super(code, message, { attempts: [], ...details });
  }
}

/** The host could not get a client at the issuer, or its client belongs to another one. @public */
export class RegistrationError extends AuthError<
  RegistrationErrorCode,
  OAuthErrorDetails & { readonly issuer: string; readonly status?: number | undefined }
> {
  /** `RegistrationError` */
  override readonly name = "RegistrationError";
  /** The issuer at which the client was to be used. */
  declare readonly issuer: string;
  /** HTTP status of the answer, when there was one. */
  declare readonly status?: number;
  /** `error` of the registration endpoint (RFC 7591 §3.2.2). */
  declare readonly oauthError?: string;
  /** Untrusted text of the server. */
  declare readonly oauthErrorDescription?: string;
}

/**
 * The user is needed, refused, or a callback could not be accepted. `authorization_required` and `insufficient_scope`
 * mean: ask the user, with `session.authorize` or `session.startAuthorization`, handing `challenge` and `scope` on.
 *
 * @public
 */
export class AuthorizationError extends AuthError<
  AuthorizationErrorCode,
  OAuthErrorDetails & {
    readonly challenge?: AuthChallenge | undefined;
    readonly scope?: string | undefined;
    readonly retryAt?: number | undefined;
  }
> {
  /** `AuthorizationError` */
  override readonly name = "AuthorizationError";
  /** What the MCP server demanded, for `authorization_required`, `insufficient_scope` and `token_not_accepted`. */
  declare readonly challenge?: AuthChallenge;
  /** The scope to request now, for `insufficient_scope`: what was requested, granted and demanded, united. */
  declare readonly scope?: string;
  /** Milliseconds since the epoch before which no other token is asked for, for `token_not_accepted`. */
  declare readonly retryAt?: number;
  /** `error` of the authorization response (RFC 6749 §4.1.2.1), only once the response was authenticated. */
  declare readonly oauthError?: string;
  /** Untrusted text of the server. */
  declare readonly oauthErrorDescription?: string;
}

/** The token endpoint refused, or its answer cannot be used. @public */
export class TokenError extends AuthError<
  TokenErrorCode,
  OAuthErrorDetails & { readonly status?: number | undefined }
> {
  /** `TokenError` */
  override readonly name = "TokenError";
  /** HTTP status of the answer, when there was one. */
  declare readonly status?: number;
  /** `error` of the token endpoint (RFC 6749 §5.2). */
  declare readonly oauthError?: string;
  /** Untrusted text of the server. */
  declare readonly oauthErrorDescription?: string;
}

/**
 * A request did not get a usable answer, or was not allowed to be made. Nothing stored was changed: try again later,
 * save for `insecure_url` and `redirect_refused`, which stay until the server or the host's policy changes.
 *
 * @public
 */
export class TransportError extends AuthError<
  TransportErrorCode,
  { readonly url: string; readonly status?: number | undefined; readonly retryAt?: number | undefined }
> {
  /** `TransportError` */
  override readonly name = "TransportError";
  /** Origin and path of the request; never its query. */
  declare readonly url: string;
  /** HTTP status of the answer, when there was one. */
  declare readonly status?: number;
  /** Milliseconds since the epoch before which the server is not to be asked again: its `Retry-After`, and for the refreshes of a
   * session at least the pause that the library makes by itself. */
  declare readonly retryAt?: number;
}

/** The loopback callback server or the window of a login could not be had, or brought no callback. @public */
export class CallbackServerError extends AuthError<CallbackServerErrorCode, { readonly port?: number | undefined }> {
  /** `CallbackServerError` */
  override readonly name = "CallbackServerError";
  /** The port that was asked for, for `port_unavailable`. */
  declare readonly port?: number;
}

/** The host's store failed. `cause` holds what it threw. @public */
export class StoreError extends AuthError<StoreErrorCode, { readonly key?: string | undefined }> {
  /** `StoreError` */
  override readonly name = "StoreError";
  /** The record's key, or the lock's name, with the `state` of a pending login and the query of a URL left out. */
  declare readonly key?: string;
}

/** Every concrete error as a union discriminated by `code`. @public */
export type AnyAuthError =
  | DiscoveryError
  | RegistrationError
  | AuthorizationError
  | TokenError
  | TransportError
  | CallbackServerError
  | StoreError;

type ErrorWithCode<E, C> = E extends { readonly code: infer Codes }
  ? C extends Codes
    ? E & { readonly code: C }
    : never
  : never;

/**
 * Tells whether a caught value is an error of this library, from whichever copy of the package, and narrows it.
 *
 * @param value - anything caught
 * @example
 * ```ts
 * try {
 *   await session.getAccessToken();
 * } catch (error) {
 *   if (isAuthError(error, "request_timeout")) console.error(`try again later: ${error.url}`);
 *   else throw error;
 * }
 * ```
 * @public
 */
export function isAuthError(value: unknown): value is AnyAuthError;
/**
 * Tells whether a caught value is an error of this library with this code, and narrows it.
 *
 * @param value - anything caught
 * @param code - the code to look for
 * @public
 */
export function isAuthError<C extends AuthErrorCode>(value: unknown, code: C): value is ErrorWithCode<AnyAuthError, C>;
export function isAuthError(value: unknown, code?: AuthErrorCode): boolean {
  if (typeof value !== "object" || value === null || !(BRAND in value)) return false;
  return code === undefined || (value as { code?: unknown }).code === code;
}

/**
 * Quotes a remote party's text for a message: JSON-escaped, cut at 200 characters, and without what JSON leaves as it is and a
 * terminal obeys or hides (C1 controls, marks that turn the direction of writing).
 */
export function quoteRemote(value: string | undefined): string {
  const text = String(value);
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text).replace(/\p{C}/gu, "");
}
