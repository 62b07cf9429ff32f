import type { ClientMetadata } from "../index.js";
import type { KnownClient } from "./clients.js";
import type { Settings } from "./fake-auth-server-options.js";
import { GRANT_TYPE, supportedGrantTypes } from "./grant-types.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import { invalidRedirectUri, requireRedirectUri } from "./redirect-uris.js";

/** Client metadata with the members that decide what the client may do. */
export type ValidMetadata = ClientMetadata &
  Pick<KnownClient, "redirect_uris" | "token_endpoint_auth_method" | "grant_types">;

/** What the server alone decides. */
const SERVER_MEMBERS = [
  "client_id",
  "client_secret",
  "client_id_issued_at",
  "client_secret_expires_at",
  "registration_access_token",
  "registration_client_uri",
];

/** The metadata that a client registers with, and the defaults of RFC 7591 §2. */
export function validMetadata(settings: Settings, body: unknown): ValidMetadata {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("the body must be a JSON object");
  const asked = Object.fromEntries(
    Object.entries(body).filter(([member, value]) => value !== null && !SERVER_MEMBERS.includes(member)),
  ) as ClientMetadata;
  const redirectUris = stringsOf(asked, "redirect_uris", []);
  const { application_type: type = "web", token_endpoint_auth_method: method = "client_secret_basic" } = asked;
  const grantTypes = grantTypesOf(settings, asked);
  const usesRedirects = grantTypes.includes(GRANT_TYPE.authorizationCode);
  const responseTypes = stringsOf(asked, "response_types", usesRedirects ? ["code"] : []);

  if (responseTypes.some((one) => one !== "code")) throw invalid('"response_types" holds one that is not supported');
  if (usesRedirects !== responseTypes.length > 0) {
    throw invalid("the grant type authorization_code and the response type code come together");
  }
  requireDescription(asked);
  requireAuthentication(settings, asked, method, grantTypes);
  if (usesRedirects && redirectUris.length === 0) throw invalidRedirectUri("there must be at least one");
  for (const uri of redirectUris) requireRedirectUri(uri, settings.applicationTypeRules === true ? type : undefined);

  return {
    ...asked,
    redirect_uris: redirectUris,
    grant_types: grantTypes,
    response_types: responseTypes,
    token_endpoint_auth_method: method,
  };
}

function grantTypesOf(settings: Settings, asked: ClientMetadata): readonly string[] {
  const grantTypes = stringsOf(asked, "grant_types", [GRANT_TYPE.authorizationCode]);
  const supported: readonly string[] = supportedGrantTypes(settings);
  // a client that asks for refresh tokens is served without them where there are none
  if (grantTypes.some((one) => !supported.includes(one) && one !== GRANT_TYPE.refreshToken)) {
    throw invalid('"grant_types" holds one that is not supported');
  }
  const granted = grantTypes.filter((one) => supported.includes(one));
  if (granted.every((one) => one === GRANT_TYPE.refreshToken))
    throw invalid('"grant_types" holds none that a client can use');
  return granted;
}

/** What people are shown and led to (RFC 7591 §2), where a script must not be (§5). */
function requireDescription(asked: ClientMetadata): void {
  for (const member of ["client_name", "scope", "software_id", "software_version"]) {
    if (!["undefined", "string"].includes(typeof asked[member])) throw invalid(`"${member}" must be a string`);
  }
  for (const member of ["client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri"]) {
    const value = asked[member];
    const isWebUrl = typeof value === "string" && URL.canParse(value) && /^https?:/i.test(value);
    if (value !== undefined && !isWebUrl) throw invalid(`"${member}" must be a web URL`);
  }
  stringsOf(asked, "contacts", []);
  if (!["web", "native", undefined].includes(asked.application_type)) {
    throw invalid('"application_type" must be web or native');
  }
}

/** RFC 7591 §2: a key for who signs, and in one place; RFC 6749 §4.4: a client that acts for itself says who it is. */
function requireAuthentication(
  settings: Settings,
  { jwks, jwks_uri: jwksUri }: ClientMetadata,
  method: string,
  grantTypes: readonly string[],
): void {
  if (!settings.tokenEndpointAuthMethods.includes(method)) {
    throw invalid(`"token_endpoint_auth_method" ${method} is not supported`);
  }
  if (jwks !== undefined && jwksUri !== undefined) throw invalid('"jwks" and "jwks_uri" exclude each other');
  if (jwks !== undefined && !isKeySet(jwks)) {
    throw invalid('"jwks" must be a JSON Web Key Set');
  }
  if (method === "private_key_jwt" && jwks === undefined && jwksUri === undefined) {
    throw invalid('private_key_jwt needs "jwks" or "jwks_uri"');
  }
  if (method === "none" && grantTypes.includes(GRANT_TYPE.clientCredentials)) {
    throw invalid("a public client cannot have the grant type client_credentials");
  }
}

const isKeySet = (jwks: unknown): boolean =>
  typeof jwks === "object" && jwks !== null && "keys" in jwks && Array.isArray(jwks.keys);

function stringsOf(metadata: ClientMetadata, member: string, fallback: readonly string[]): readonly string[] {
  const value = metadata[member];
  if (value === undefined) return fallback;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw invalid(`"${member}" must be a list of strings`);
}

export const invalid = (description: string): OAuthRefusal =>
  new OAuthRefusal(400, "invalid_client_metadata", description);
