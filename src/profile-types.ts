/**
 * What one authorization server may do otherwise than the specifications want. Plain JSON: it is resolved at discovery and
 * travels with `ServerMetadata`, so that whoever finishes a login or refreshes applies the same. @public
 */
export interface ServerAllowances {
  /** Its metadata does not say which PKCE methods it supports, and it supports S256. S256 is sent, as always; metadata that list
   * other methods alone are refused, as always. */
  readonly assumeS256?: true | undefined;
  /** What to send as `resource` (RFC 8707) instead of the identifier of the MCP server; `omit` sends none. Tokens go to the MCP
   * server alone in any case. */
  readonly resource?: string | undefined;
  /** A refresh request repeats the scope that was granted. */
  readonly refreshScope?: "granted" | undefined;
  /** Under which other issuers its metadata may be found: what protected resource metadata lists in its place. The issuer that the
   * metadata states is the one that counts. */
  readonly issuerAliases?: readonly string[] | undefined;
  /** More parameters for its authorization requests; `{scope}` in one stands for the scope that is asked for. An empty string for `prompt` leaves out the `consent` that is otherwise sent with
   * `offline_access`. What the host passes as `extraParams` goes before. */
  readonly authorizationParams?: Readonly<Record<string, string>> | undefined;
  /** How its token responses deviate. `untyped`: there is no `token_type`, which is `Bearer`. `form`: they are form-encoded. `commas`:
   * these separate the scopes. `slack`: the latter, and the user's tokens are in `authed_user`, with a type of Slack's own. */
  readonly tokenResponse?: "untyped" | "form" | "commas" | "slack" | undefined;
  /** `raw`: it takes id and secret of `client_secret_basic` as they are, without the encoding of RFC 6749 §2.3.1. */
  readonly basicAuth?: "raw" | undefined;
  /** The only loopback host that it takes in redirect URIs. It decides where the host of the redirect URI is left open, as
   * `authorizeWithLoopback` leaves it. */
  readonly redirectHost?: "localhost" | "127.0.0.1" | undefined;
  /** How one gets a client there; part of the error when registration is refused or not offered. */
  readonly registrationHint?: string | undefined;
}

/** A row of what is known of an authorization server that deviates. The first whose issuer matches applies. @public */
export interface ServerProfile {
  /** The issuer as its metadata states it, or a pattern for the whole of it, anchored with `^` and `$` and without flags. */
  readonly issuer: string | RegExp;
  /** What it is allowed. */
  readonly allow: ServerAllowances;
}
