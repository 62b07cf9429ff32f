import { isAuthError, quoteRemote, RegistrationError } from "../errors.js";
import { requestRegistration, unusableClient } from "../oauth/registration-endpoint.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import { currentTime } from "../platform.js";
import type {
  ClientMetadata,
  ClientRegistration,
  ClockOptions,
  HttpOptions,
  ServerMetadata,
  TokenEndpointAuthMethod,
} from "../types.js";
import type { ClientInformation } from "../wire/documents.js";
import { checkRedirectUri, isLoopback } from "../wire/url-policy.js";
import { requireSameIssuer } from "./issuer-binding.js";
import { isRegisteredRedirectUri } from "./redirect-uri.js";

/** Options of {@link registerClient}. @public */
export interface RegisterClientOptions extends HttpOptions, ClockOptions {
  /** Who the host is (RFC 7591 §2); `redirect_uris` is required. What it leaves out is filled in: `application_type` by the
   * redirect URIs, `grant_types` with `authorization_code` and `refresh_token`, `response_types` with `code`,
   * `token_endpoint_auth_method` by what the server supports, `none` first. */
  readonly clientMetadata: ClientMetadata;
  /** A token that the operator of this issuer gave the host, for registrations that are not open to everybody. */
  readonly initialAccessToken?: { readonly issuer: string; readonly token: string } | undefined;
}

interface Asked {
  readonly server: ServerMetadata;
  readonly method: string;
  readonly redirectUris: readonly string[];
}

export const SECRET_METHODS = ["client_secret_basic", "client_secret_post"] as const;

/**
 * Registers the host as a client at the MCP server's authorization server (dynamic client registration). Keep the result:
 * one registration serves every login at that issuer with these redirect URIs.
 *
 * @remarks
 * One request; a second one with the other `application_type` when the server refuses the redirect URIs or the metadata and the
 * host did not choose the type itself. What the server answers goes before what was asked.
 *
 * @param server - from {@link discoverAuthServer}
 * @throws {@link RegistrationError} `registration_unsupported` when the server offers no registration,
 * `registration_rejected` when it refuses or answers with a client that cannot be used, `client_issuer_mismatch` when
 * `initialAccessToken` is another issuer's
 * @throws {@link TransportError} when nothing was decided; try again later
 * @throws `TypeError` when `clientMetadata` lacks `redirect_uris` or has one that is not allowed
 * @example
 * ```ts
 * const registration = await registerClient(server, {
 *   clientMetadata: { client_name: "Example", redirect_uris: ["http://127.0.0.1/callback"] },
 * });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc7591#section-3 | RFC 7591 §3}
 * @public
 */
export async function registerClient(
  server: ServerMetadata,
  options: RegisterClientOptions,
): Promise<ClientRegistration> {
  const { clientMetadata, initialAccessToken } = options;
  const redirectUris = clientMetadata.redirect_uris ?? [];
  if (redirectUris.length === 0)
    throw new TypeError("clientMetadata.redirect_uris must have at least one redirect URI");
  const urls = redirectUris.map((redirectUri) => new URL(checkRedirectUri(redirectUri)));
  if (initialAccessToken) requireSameIssuer("initialAccessToken", initialAccessToken.issuer, server.issuer);
  if (server.authorizationServer.registration_endpoint === undefined) {
    throw new RegistrationError(
      "registration_unsupported",
      `${quoteRemote(server.issuer)} offers no client registration; ` +
        (server.allowances?.registrationHint ??
          "use a client id metadata document, or a pre-registered client id from its operator"),
      { issuer: server.issuer },
    );
  }
  const type = clientMetadata.application_type ?? (urls.every(isRemote) ? "web" : "native");
  const method = clientMetadata.token_endpoint_auth_method ?? preferredMethod(server, ["none", ...SECRET_METHODS]);
  if (!isSupportedMethod(method)) {
    throw new TypeError(
      "clientMetadata.token_endpoint_auth_method must be none, client_secret_basic or client_secret_post",
    );
  }
  const register = async (application_type: "native" | "web"): Promise<ClientRegistration> => {
    const asked = {
      ...clientMetadata,
      application_type,
      token_endpoint_auth_method: method,
      grant_types: clientMetadata.grant_types ?? ["authorization_code", "refresh_token"],
      response_types: clientMetadata.response_types ?? ["code"],
    };
    const answer = await requestRegistration(server, asked, initialAccessToken?.token, options);
    return toRegistration({ server, method, redirectUris }, answer, (options.now ?? currentTime)());
  };
  try {
    return await register(type);
  } catch (error) {
    const other = clientMetadata.application_type === undefined && urls.every(isHttp);
    if (!other || !isAuthError(error, "registration_rejected") || !isAboutMetadata(error)) throw error;
    return register(type === "web" ? "native" : "web").catch((second: unknown) => {
      throw isAuthError(second, "registration_rejected") ? error : second;
    });
  }
}

const isHttp = ({ protocol }: URL): boolean => /^https?:$/.test(protocol);

/** OpenID Connect Registration §2: a web client is reached over https, and not on this machine. */
const isRemote = (url: URL): boolean => url.protocol === "https:" && !isLoopback(url);

const isAboutMetadata = ({ oauthError }: RegistrationError): boolean =>
  oauthError === "invalid_redirect_uri" || oauthError === "invalid_client_metadata";

const isSupportedMethod = (method: string): method is TokenEndpointAuthMethod =>
  ["none", ...SECRET_METHODS].includes(method);

/** The first of `methods` that the server lists; the first of all when it lists none of them, or nothing. */
export function preferredMethod<M extends string>(
  { authorizationServer }: ServerMetadata,
  methods: readonly [M, ...M[]],
): M {
  const listed = authorizationServer.token_endpoint_auth_methods_supported;
  return methods.find((method) => listed?.includes(method)) ?? methods[0];
}

/** The client as the server registered it, which may differ from what was asked for. */
function toRegistration(
  { server, method: askedMethod, redirectUris: askedUris }: Asked,
  answer: ClientInformation,
  createdAt: number,
): ClientRegistration {
  const {
    client_secret: secret,
    client_secret_expires_at: expiresAt,
    registration_access_token: registrationAccessToken,
    registration_client_uri: registrationClientUri,
    ...metadata
  } = answer;
  const reject = (problem: string): RegistrationError => unusableClient(server.issuer, problem);
  // A secret that comes without a word on its use is expected back.
  const impliedMethod = secret && askedMethod === "none" ? preferredMethod(server, SECRET_METHODS) : askedMethod;
  const method = answer.token_endpoint_auth_method ?? impliedMethod;
  if (!isSupportedMethod(method)) throw reject(`"token_endpoint_auth_method" ${quoteRemote(method)} is not supported`);
  const isSecret = method !== "none";
  if (isSecret && !secret) throw reject(`"client_secret" is missing, and ${quoteRemote(method)} needs it`);
  const redirectUris = answer.redirect_uris?.length ? answer.redirect_uris : askedUris;
  if (!askedUris.some((one) => isRegisteredRedirectUri(one, redirectUris))) {
    throw reject('"redirect_uris" has none of those that were asked for');
  }
  return withoutUndefined<ClientRegistration>({
    issuer: server.issuer,
    clientId: answer.client_id,
    clientSecret: isSecret ? secret : undefined,
    clientSecretExpiresAt: isSecret && expiresAt > 0 ? expiresAt * 1000 : undefined,
    tokenEndpointAuthMethod: method,
    redirectUris,
    source: "dynamic",
    metadata,
    registrationAccessToken,
    registrationClientUri,
    createdAt,
  });
}
