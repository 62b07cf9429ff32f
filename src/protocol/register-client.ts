import { isAuthError, quoteRemote, RegistrationError } from "../errors.js";
import type { ClientAuthenticationOptions } from "../grant-types.js";
import { requestRegistration } from "../oauth/registration-endpoint.js";
import { currentTime } from "../platform.js";
import type { ClientMetadata, ClientRegistration, ClockOptions, HttpOptions, ServerMetadata } from "../types.js";
import { isHttp } from "../wire/url-policy.js";
import { applicationType, redirectUrls, withGrants, withMethod } from "./client-metadata.js";
import { requireSameIssuer } from "./issuer-binding.js";
import { toRegistration } from "./registration-answer.js";

/** Options of {@link registerClient}. @public */
export interface RegisterClientOptions extends HttpOptions, ClockOptions, ClientAuthenticationOptions {
  /** Who the host is (RFC 7591 §2); `redirect_uris` is required. What it leaves out is filled in: `application_type` by the
   * redirect URIs, `grant_types` with `authorization_code` and `refresh_token`, `response_types` with `code`,
   * `token_endpoint_auth_method` by what the server supports, `none` first. */
  readonly clientMetadata: ClientMetadata;
  /** A token that the operator of this issuer gave the host, for registrations that are not open to everybody. */
  readonly initialAccessToken?: { readonly issuer: string; readonly token: string } | undefined;
}

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
  const urls = redirectUrls(clientMetadata);
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
  const type = applicationType(urls);
  const metadata = withGrants(withMethod(server, clientMetadata, options));
  const register = async (application_type: "native" | "web"): Promise<ClientRegistration> => {
    const asked = { application_type, ...metadata };
    const answer = await requestRegistration(server, asked, options, initialAccessToken?.token);
    return toRegistration(server, asked, answer, (options.now ?? currentTime)());
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

const isAboutMetadata = ({ oauthError = "" }: RegistrationError): boolean =>
  /^invalid_(redirect_uri|client_metadata)$/.test(oauthError);
