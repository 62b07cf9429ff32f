// docs/errors.md is made of these comments: npm run errors:update

/** Codes of {@link DiscoveryError}. @public */
export type DiscoveryErrorCode =
  /** No usable metadata: server errors, refusals, or none published where there has to be some.
   * - At fault: the server, or the network.
   * - Next: with a `cause` (a `TransportError`), try later; without one, the operator has to publish metadata. */
  | "discovery_failed"
  /** A document that must not be used: a member is missing or wrong, or an endpoint is not https.
   * - At fault: the operator named in the message.
   * - Next: report to the operator. */
  | "metadata_invalid"
  /** The metadata is of another issuer than the one it was looked up for (RFC 8414 §3.3).
   * - At fault: the authorization server's operator.
   * - Next: do not go on, and report: a misconfiguration, or an attempt to mix up servers. Who knows that both are one writes a
   *   profile (docs/servers.md). */
  | "metadata_issuer_mismatch"
  /** The protected resource metadata is about another resource, or the issuer does not list this one.
   * - At fault: the MCP server's operator.
   * - Next: check the URL that was entered; else report. */
  | "resource_mismatch"
  /** The metadata does not list `S256`.
   * - At fault: the authorization server's operator.
   * - Next: the operator has to enable PKCE, or a profile (docs/servers.md) says that it is. */
  | "pkce_unsupported"
  /** DPoP is required (by `createDpop({ required: true })`, or by the MCP server), and the metadata do not list `ES256` for
   * it.
   * - At fault: the operators of both servers, or the host.
   * - Next: the operator of the authorization server has to offer DPoP; or do not require it. */
  | "dpop_unsupported"
  /** `authorizeWithDeviceCode` at a server without `device_authorization_endpoint`; no client was registered for it.
   * - At fault: nobody.
   * - Next: log in by another way: `authorizeWithLoopback`, `authorize`. */
  | "device_authorization_unsupported";

/** Codes of {@link RegistrationError}. @public */
export type RegistrationErrorCode =
  /** The server offers no dynamic registration, and there is no other client for it.
   * - At fault: nobody.
   * - Next: register the application there by hand and pass it as `preRegistered`, or set `clientMetadataUrl`. */
  | "registration_unsupported"
  /** The server refused the metadata, its registration is closed, or the client it made cannot be used.
   * - At fault: the host, or the server.
   * - Next: read `oauthError`; correct `clientMetadata`, or ask the operator for a client id. */
  | "registration_rejected"
  /** A client, tokens or an initial access token of one issuer were about to be used at another.
   * - At fault: the server, or the host.
   * - Next: check that the server is the right one; then register a client at the new issuer. Nothing was sent. */
  | "client_issuer_mismatch"
  /** The key of `privateKeyJwt` is for an algorithm that the issuer does not list.
   * - At fault: the host, or the server.
   * - Next: register a key of an algorithm that it lists. Nothing was sent. */
  | "client_authentication_unsupported";

/** Codes of {@link AuthorizationError}. @public */
export type AuthorizationErrorCode =
  /** There are no usable tokens.
   * - At fault: nobody.
   * - Next: ask the user: `session.authorize` or `session.startAuthorization`, with this `challenge`. */
  | "authorization_required"
  /** The MCP server wants more scope than was granted.
   * - At fault: nobody, or the MCP server.
   * - Next: with `scope`: ask the user, with this `challenge` and `scope`. Without: report, another login will not help. */
  | "insufficient_scope"
  /** The authorization response says `error`, for example `access_denied`.
   * - At fault: the user, or the server.
   * - Next: tell the user; a new login is theirs to start. */
  | "authorization_denied"
  /** No login waits for the callback: reloaded, completed already, expired and tidied up, another browser's, forged.
   * - At fault: whoever sent the callback.
   * - Next: start a new login. */
  | "state_unknown"
  /** The callback came more than ten minutes after the login began.
   * - At fault: nobody.
   * - Next: start a new login. */
  | "state_expired"
  /** The login was started for another user.
   * - At fault: whoever sent the callback.
   * - Next: refuse; the login goes on waiting for the right one. */
  | "subject_mismatch"
  /** The callback has a parameter twice, neither `code` nor `error`, or is no URL.
   * - At fault: the server, or whoever sent it.
   * - Next: start a new login; a user who pastes must paste the whole URL. */
  | "callback_invalid"
  /** `iss` of the callback is another issuer's, or missing though promised (RFC 9207).
   * - At fault: whoever sent the callback.
   * - Next: start a new login; show nothing of the callback. */
  | "callback_issuer_mismatch"
  /** The MCP server refused two tokens in a row that were less than a minute old (with DPoP, perhaps because it knows bearer
   * tokens alone: docs/dpop.md); no other is asked for before `retryAt` (a minute, then up to ten).
   * - At fault: the MCP server.
   * - Next: report to the operator; a new login lifts the pause. */
  | "token_not_accepted"
  /** The MCP server refused a token before its time; the session has another now, which a provider made by
   * `createOAuthClientProvider` or `createAiSdkAuthProvider` cannot tell its SDK.
   * - At fault: the MCP server.
   * - Next: make the request again, at once. */
  | "token_renewed"
  /** Nobody approved the user code of `authorizeWithDeviceCode` before it expired.
   * - At fault: the user.
   * - Next: offer the login again. */
  | "device_code_expired";

/** Codes of {@link TokenError}. @public */
export type TokenErrorCode =
  /** The token or revocation endpoint refused.
   * - At fault: the server, or the host.
   * - Next: read `oauthError`; after a login: start it again. Stored tokens are kept. */
  | "token_request_rejected"
  /** The answer is a success without usable tokens; with DPoP, also a bearer token from a server that offers DPoP.
   * - At fault: the server.
   * - Next: report to the operator; a profile (docs/servers.md) reads some of them, `allowDowngrade` of `createDpop` takes
   *   the bearer token. */
  | "token_response_invalid"
  /** The refresh token or its client is dead; only `refreshTokens` throws it, sessions answer with "log in".
   * - At fault: nobody.
   * - Next: ask the user to log in. */
  | "refresh_rejected";

/** Codes of {@link TransportError}. @public */
export type TransportErrorCode =
  /** No answer: DNS, connection, proxy, certificate, CORS.
   * - At fault: the network, or the host.
   * - Next: try later; behind a proxy or a private CA, pass a `fetch` that knows it. */
  | "network_error"
  /** No complete answer within `timeoutMs`.
   * - At fault: the network, or the server.
   * - Next: try later. */
  | "request_timeout"
  /** 408, 429, 5xx, `temporarily_unavailable`, or an answer that says nothing in OAuth's terms.
   * - At fault: the server.
   * - Next: try later, not before `retryAt`. */
  | "server_error"
  /** A URL that is not https (or http on loopback for a server on loopback), or that `allowUrl` refuses.
   * - At fault: the server, or the host.
   * - Next: report; it stays until the server or the policy changes. */
  | "insecure_url"
  /** A redirect of a POST, to another origin, or one too many.
   * - At fault: the server.
   * - Next: check the URL that was entered; else report. */
  | "redirect_refused"
  /** An answer of more than 256 KiB.
   * - At fault: the server.
   * - Next: report. */
  | "response_too_large";

/** Codes of {@link CallbackServerError}. @public */
export type CallbackServerErrorCode =
  /** Nobody completed the login in time; with `state_unknown` as its `cause` a callback came, but not with this login's `state`.
   * - At fault: the user; with that cause the authorization server, unless it was of another login.
   * - Next: offer it again; where browser and program are not on one machine, paste the callback URL. */
  | "callback_timeout"
  /** `close()` was called while somebody waited.
   * - At fault: the host.
   * - Next: nothing. */
  | "callback_server_closed"
  /** The port that was asked for (`port`) is taken, or not allowed.
   * - At fault: the machine.
   * - Next: free it, or choose another. */
  | "port_unavailable"
  /** The browser opened no window, as for anything but a click; or the user has forbidden it.
   * - At fault: the user's browser.
   * - Next: call `authorizeWithPopup` from a click, or log in by redirect. */
  | "popup_blocked"
  /** There is no `node:http` here, but a browser or a worker; or `openBrowser` found no browser on this machine.
   * - At fault: the host.
   * - Next: use a redirect URI of your own and `finishAuthorization`; show the URL to the user. */
  | "unsupported_runtime";

/** Codes of {@link StoreError}. @public */
export type StoreErrorCode =
  /** The store could not read, write, delete or lock, or did not answer within five seconds while a refresh held its lock.
   * After a refresh the new tokens stay in memory and are written first on the next call.
   * - At fault: the host's store.
   * - Next: mend the store (disk, permissions, connection) and call again in this process. */
  | "store_failed"
  /** The store's lock for a refresh did not come free within 20 seconds, or was lost before the refresh was made.
   * - At fault: another process.
   * - Next: try later. */
  | "lock_timeout";

/** Every code; each belongs to exactly one class. @public */
export type AuthErrorCode =
  | DiscoveryErrorCode
  | RegistrationErrorCode
  | AuthorizationErrorCode
  | TokenErrorCode
  | TransportErrorCode
  | CallbackServerErrorCode
  | StoreErrorCode;
