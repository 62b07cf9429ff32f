import { DiscoveryError, quoteRemote } from "../errors.js";
import { createLoginSecrets } from "../oauth/pkce.js";
import { resourceParameter } from "../oauth/call-endpoint.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import { currentTime } from "../platform.js";
import type { ClientRegistration, ClockOptions, HttpOptions, PendingAuthorization, ServerMetadata } from "../types.js";
import { checkRedirectUri, checkUrl } from "../wire/url-policy.js";
import { requireSameIssuer } from "./issuer-binding.js";
import { isRegisteredRedirectUri } from "./redirect-uri.js";

/** Options of {@link createAuthorizationRequest}. @public */
export interface CreateAuthorizationRequestOptions extends ClockOptions, Pick<HttpOptions, "allowUrl"> {
  /** Where the browser is sent back to: https, http on loopback, or a private-use scheme such as `com.example.app:/callback`. */
  readonly redirectUri: string | URL;
  /** From {@link selectScope}. When absent the server decides. */
  readonly scope?: string | undefined;
  /** Whose login this is, in the host's own words; kept in the record. */
  readonly subject?: string | undefined;
  /** Milliseconds until the login can no longer be finished.
   * @defaultValue 600000 */
  readonly ttlMs?: number | undefined;
  /** More parameters for the authorization endpoint. An empty string for `prompt` leaves out the `consent` that is otherwise
   * sent with the scope `offline_access`. The parameters that the library itself needs are refused. */
  readonly extraParams?: Readonly<Record<string, string>> | undefined;
}

/** Outcome of {@link createAuthorizationRequest}. @public */
export interface AuthorizationRequest {
  /** Send the user's browser here. */
  readonly authorizationUrl: URL;
  /** **Warning:** holds secrets. Keep it until the callback arrives, findable by `state`, and give it to {@link exchangeCallback} once. */
  readonly pending: PendingAuthorization;
}

/**
 * Creates what a login begins with: a URL for the browser and the record that its callback is checked against. The user comes
 * back to `redirectUri`; then call {@link exchangeCallback}.
 *
 * @remarks
 * Sends nothing. PKCE with S256, a fresh `state` and the `resource` are always part of the request. Whether the server
 * supports PKCE is judged here, because ways to get tokens without a browser need none; a server without metadata
 * (`origin_defaults`) cannot say so and is sent S256 all the same.
 *
 * @param server - from {@link discoverAuthServer}
 * @param registration - a client at that issuer, from {@link registerClient} or known otherwise
 * @throws {@link DiscoveryError} `pkce_unsupported` when the metadata does not list S256, `metadata_invalid` when there is no
 * authorization endpoint or no code flow
 * @throws {@link RegistrationError} `client_issuer_mismatch` when the client belongs to another issuer
 * @throws {@link TransportError} `insecure_url` when the authorization endpoint must not be opened
 * @throws `TypeError` when `redirectUri` is not one of the client's, or `extraParams` has a parameter of the library
 * @example
 * ```ts
 * const { authorizationUrl, pending } = await createAuthorizationRequest(server, registration, {
 *   redirectUri: "http://127.0.0.1:8765/callback",
 *   scope: selectScope(server),
 * });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1 | RFC 6749 §4.1.1}
 * @public
 */
export async function createAuthorizationRequest(
  server: ServerMetadata,
  registration: ClientRegistration,
  options: CreateAuthorizationRequestOptions,
): Promise<AuthorizationRequest> {
  const { scope, subject, ttlMs = 600_000, extraParams = {}, allowUrl, now = currentTime } = options;
  const redirectUri = checkRedirectUri(options.redirectUri);
  requireSameIssuer("the client registration", registration.issuer, server.issuer);
  if (!isRegisteredRedirectUri(redirectUri, registration.redirectUris)) {
    throw new TypeError("redirectUri is not registered for this client; use one of its redirectUris");
  }
  const url = await checkUrl(authorizationEndpoint(server), {
    purpose: "authorization_endpoint",
    serverUrl: new URL(server.serverUrl),
    http: { allowUrl },
  });
  const { state, codeVerifier, codeChallenge } = await createLoginSecrets();
  const params: Readonly<Record<string, string>> = {
    response_type: "code",
    client_id: registration.clientId,
    redirect_uri: redirectUri,
    code_challenge: codeChallenge,
    code_challenge_method: "S256",
    state,
    resource: resourceParameter(server, server.resource) ?? "",
    scope: scope ?? "",
    // Not ours, but they change what is answered and where to.
    response_mode: "",
    request: "",
    request_uri: "",
  };
  for (const name of Object.keys(extraParams)) {
    if (Object.hasOwn(params, name)) throw new TypeError(`extraParams.${name} is decided by the library; remove it`);
  }
  const prompt = scope?.split(" ").includes("offline_access") ? { prompt: "consent" } : {};
  const allowed: Record<string, string> = {};
  for (const [name, value] of Object.entries(server.allowances?.authorizationParams ?? {})) {
    allowed[name] = value.replace("{scope}", scope ?? "");
  }
  for (const [name, value] of Object.entries({ ...prompt, ...allowed, ...extraParams, ...params })) {
    if (value !== "") url.searchParams.set(name, value);
  }
  const createdAt = now();
  return {
    authorizationUrl: url,
    pending: withoutUndefined<PendingAuthorization>({
      state,
      codeVerifier,
      redirectUri,
      scope: scope === "" ? undefined : scope,
      subject,
      resource: server.resource,
      server,
      registration,
      createdAt,
      expiresAt: createdAt + ttlMs,
    }),
  };
}

function authorizationEndpoint({ issuer, source, authorizationServer, allowances }: ServerMetadata): string {
  const party = `the authorization server ${quoteRemote(issuer)}`;
  const {
    authorization_endpoint: endpoint,
    response_types_supported: responseTypes,
    code_challenge_methods_supported: challengeMethods = allowances?.assumeS256 ? ["S256"] : [],
  } = authorizationServer;
  if (endpoint === undefined) {
    throw new DiscoveryError(
      "metadata_invalid",
      `${party} has no "authorization_endpoint", so no user can log in there`,
    );
  }
  if (responseTypes && !responseTypes.includes("code")) {
    throw new DiscoveryError("metadata_invalid", `${party} lists no "code" in "response_types_supported"`);
  }
  if (source !== "origin_defaults" && !challengeMethods.includes("S256")) {
    throw new DiscoveryError(
      "pkce_unsupported",
      `${party} lists no "S256" in "code_challenge_methods_supported"; its operator has to enable PKCE, or a server profile may allow it (assumeS256)`,
    );
  }
  return endpoint;
}
