import type { ClientMetadata } from "../types.js";
import { isClientIdUrl } from "../wire/url-policy.js";
import { applicationType, redirectUrls, withGrants } from "./client-metadata.js";

/** What {@link createClientMetadataDocument} makes. @public */
export interface ClientMetadataDocument extends ClientMetadata {
  /** The URL at which it is published; the client id. */
  readonly client_id: string;
  /** Name that the user is shown at consent. */
  readonly client_name: string;
  /** The redirect URIs that may be used. */
  readonly redirect_uris: readonly string[];
}

/** What authorization servers read at most. */
const SIZE_LIMIT = 5_120;

/**
 * Makes the Client ID Metadata Document of the host, ready to be published at `clientMetadataUrl`, and refuses what authorization
 * servers would refuse. Run it where the document is published, or in a test.
 *
 * @remarks
 * Pure; sends nothing. Publish the result as JSON with status 200, directly and not behind a redirect. A program that listens on
 * loopback lists every form of its redirect URI that it uses, such as `http://127.0.0.1/callback` and `http://localhost/callback`.
 *
 * @param clientMetadataUrl - where the document will be: the same string as the client's option of this name
 * @param clientMetadata - who the host is; `client_name` and `redirect_uris` are required
 * @returns the document, with what `clientMetadata` leaves out filled in as for a registration
 * @throws `TypeError` that names the URL or the member: a URL that is not https, has no path, or is written otherwise than URL
 * parsers write it; no name; no redirect URI, or one that is not allowed; a secret, or a method that needs one; `private_key_jwt` without
 * keys; more than 5 kB
 * @example
 * ```ts
 * const document = createClientMetadataDocument("https://app.example.com/oauth/client.json", {
 *   client_name: "Example",
 *   redirect_uris: ["https://app.example.com/callback"],
 * });
 * console.log(JSON.stringify(document));
 * ```
 * @see {@link https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-00 | Client ID Metadata Document}
 * @public
 */
export function createClientMetadataDocument(
  clientMetadataUrl: string,
  clientMetadata: ClientMetadata,
): ClientMetadataDocument {
  const { client_name: name, token_endpoint_auth_method: method = "none", jwks, jwks_uri: jwksUri } = clientMetadata;
  const refuse = (problem: string): TypeError => new TypeError(`clientMetadata${problem}`);
  if (!isClientIdUrl(clientMetadataUrl)) {
    throw refuse('Url must be an https URL with a path, without fragment, user name or "." segments');
  }
  if (!name) throw refuse(".client_name is missing; users are shown it");
  const urls = redirectUrls(clientMetadata);
  for (const member of ["client_secret", "client_secret_expires_at"]) {
    if (member in clientMetadata) throw refuse(`.${member} must not be there: the document is public`);
  }
  if (method !== "none" && method !== "private_key_jwt") {
    throw refuse(".token_endpoint_auth_method must be none or private_key_jwt: the document is public");
  }
  if (method === "private_key_jwt" && !jwks && !jwksUri) {
    throw refuse(".jwks or .jwks_uri is missing, and private_key_jwt needs it");
  }
  if ((clientMetadata["client_id"] ?? clientMetadataUrl) !== clientMetadataUrl) {
    throw refuse(".client_id must be clientMetadataUrl, or absent");
  }
  const document = {
    client_id: clientMetadataUrl,
    application_type: applicationType(urls),
    token_endpoint_auth_method: method,
    ...withGrants(clientMetadata),
    client_name: name,
    redirect_uris: clientMetadata.redirect_uris ?? [],
  };
  if (new TextEncoder().encode(JSON.stringify(document)).length > SIZE_LIMIT) {
    throw refuse(` makes a document of more than ${SIZE_LIMIT} bytes, which authorization servers do not read`);
  }
  return document;
}
