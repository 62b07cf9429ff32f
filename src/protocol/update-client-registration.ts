import { callClientConfiguration } from "../oauth/client-configuration.js";
import { readRegistration } from "../oauth/registration-endpoint.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import type { ClientMetadata, ClientRegistration, ClockOptions, HttpOptions, ServerMetadata } from "../types.js";
import { applicationType, redirectUrls, withGrants } from "./client-metadata.js";
import { requireSameIssuer } from "./issuer-binding.js";
import { toRegistration } from "./registration-answer.js";

/** Options of {@link updateClientRegistration}. @public */
export interface UpdateClientRegistrationOptions extends HttpOptions, ClockOptions {
  /** All that the client is to be from now on (RFC 7591 §2); what it leaves out is filled in as {@link registerClient} does, save that
   * the way to authenticate stays. */
  readonly clientMetadata: ClientMetadata;
}

/**
 * Replaces the metadata of a client that was registered dynamically, where its server lets clients be managed. Keep the
 * result in the place of the old registration.
 *
 * @remarks
 * One request. The id stays, and with it every token; the server may give out another secret or management token. Sessions never
 * do this: for another redirect URI they register another client, because a release that runs beside may still need the first.
 * A host that moves its redirect URI and wants to keep the id calls this first, with both URIs, and stores the result under the new one.
 *
 * @param server - from {@link discoverAuthServer}; refused unless it has the issuer that the client is from
 * @param registration - from {@link registerClient}, with `registrationAccessToken` and `registrationClientUri`
 * @throws {@link RegistrationError} `registration_rejected` when the server refuses; `client_issuer_mismatch`
 * @throws {@link TransportError} when nothing was decided
 * @throws `TypeError` when the client cannot be managed, or when `clientMetadata` has no redirect URI or one that is not allowed
 * @example
 * ```ts
 * const redirectUri = "http://127.0.0.1/other";
 * const updated = await updateClientRegistration(server, registration, {
 *   clientMetadata: { client_name: "Example", redirect_uris: [redirectUri, ...registration.redirectUris] },
 * });
 * await createTokenStore(store).setClientRegistration({ issuer: server.issuer, redirectUri }, updated);
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc7592#section-2.2 | RFC 7592 §2.2}
 * @public
 */
export async function updateClientRegistration(
  server: ServerMetadata,
  registration: ClientRegistration,
  options: UpdateClientRegistrationOptions,
): Promise<ClientRegistration> {
  const { registrationAccessToken, registrationClientUri, clientId, clientSecret, createdAt } = registration;
  requireSameIssuer("the client registration", registration.issuer, server.issuer);
  const secret = clientSecret === undefined ? {} : { client_secret: clientSecret };
  const asked = {
    application_type: applicationType(redirectUrls(options.clientMetadata)),
    token_endpoint_auth_method: registration.tokenEndpointAuthMethod,
    ...withGrants(options.clientMetadata),
    client_id: clientId,
    ...secret,
  };
  const request = { method: "PUT", body: JSON.stringify(asked) } as const;
  const answer = await callClientConfiguration(server, registration, options, request);
  if (answer === undefined) {
    throw new TypeError(
      "registration has no registrationClientUri with a registrationAccessToken; register a client anew",
    );
  }
  return withoutUndefined<ClientRegistration>({
    registrationAccessToken,
    registrationClientUri,
    ...toRegistration(server, asked, { ...secret, ...readRegistration(server, answer) }, createdAt),
  });
}
