import type { AuthServerContext } from "./auth-server-context.js";
import { DPOP_ALGORITHM } from "./dpop-proof.js";
import type { Settings } from "./fake-auth-server-options.js";
import { supportedGrantTypes } from "./grant-types.js";
import { ID_JAG_PROFILE, ID_JAG_TOKEN_TYPE } from "./id-jag.js";
import { SIGNATURE_ALGORITHMS } from "./json-web-token.js";
import { json, notFound } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireMethod } from "./received-request.js";
import { supportedScopes } from "./scopes.js";
import { SIGNING_ALGORITHM } from "./signing-key.js";

/** RFC 9728 §3. */
export function answerProtectedResourceMetadata(settings: Settings, { request, url }: ReceivedRequest): Response {
  const there = settings.resourceMetadata !== "none" && url.href === settings.endpoints.protectedResourceMetadata;
  if (!there) return notFound();
  requireMethod(request, "GET");
  return json(200, {
    resource: settings.resource,
    authorization_servers: [settings.issuer],
    ...(settings.scopes !== undefined && settings.scopes.length > 0 && { scopes_supported: settings.scopes }),
    bearer_methods_supported: ["header"],
    ...(settings.dpop !== undefined && { dpop_signing_alg_values_supported: [DPOP_ALGORITHM] }),
    ...(settings.dpop?.required === true && { dpop_bound_access_tokens_required: true }),
    ...settings.protectedResourceMetadata,
  });
}

/** RFC 8414 §3, OpenID Connect Discovery §4. */
export async function answerAuthorizationServerMetadata(
  { settings, signingKey }: AuthServerContext,
  { request, url }: ReceivedRequest,
): Promise<Response> {
  const { endpoints, metadataKind } = settings;
  const publishesKeys = isOpenid(settings) || settings.idJag !== undefined;
  if (url.href === endpoints.keys && publishesKeys) return json(200, { keys: await signingKey.publicKeys() });
  if (url.href !== endpoints.authorizationServerMetadata || metadataKind === "none") return notFound();
  requireMethod(request, "GET");
  const scopes = supportedScopes(settings);
  const signsAssertions = settings.tokenEndpointAuthMethods.includes("private_key_jwt");
  return json(200, {
    issuer: settings.issuer,
    authorization_endpoint: endpoints.authorization,
    token_endpoint: endpoints.token,
    ...(settings.registration !== "none" && { registration_endpoint: endpoints.registration }),
    ...(settings.revocation && {
      revocation_endpoint: endpoints.revocation,
      revocation_endpoint_auth_methods_supported: settings.tokenEndpointAuthMethods,
      ...(signsAssertions && { revocation_endpoint_auth_signing_alg_values_supported: SIGNATURE_ALGORITHMS }),
    }),
    ...(settings.introspectionToken !== undefined && {
      introspection_endpoint: endpoints.introspection,
      introspection_endpoint_auth_methods_supported: ["Bearer"],
    }),
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: supportedGrantTypes(settings),
    ...(settings.deviceAuthorization !== undefined && {
      device_authorization_endpoint: endpoints.deviceAuthorization,
    }),
    ...(settings.identityProviders !== undefined && { authorization_grant_profiles_supported: [ID_JAG_PROFILE] }),
    ...(settings.idJag !== undefined && {
      identity_chaining_requested_token_types_supported: [ID_JAG_TOKEN_TYPE],
    }),
    token_endpoint_auth_methods_supported: settings.tokenEndpointAuthMethods,
    ...(signsAssertions && { token_endpoint_auth_signing_alg_values_supported: SIGNATURE_ALGORITHMS }),
    ...(settings.codeChallengeMethods.length > 0 && {
      code_challenge_methods_supported: settings.codeChallengeMethods,
    }),
    ...(settings.dpop !== undefined && { dpop_signing_alg_values_supported: [DPOP_ALGORITHM] }),
    ...(settings.iss.advertised && { authorization_response_iss_parameter_supported: true }),
    ...(settings.clientIdMetadataDocuments && { client_id_metadata_document_supported: true }),
    ...(publishesKeys && { jwks_uri: endpoints.keys }),
    ...(isOpenid(settings) && {
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: [SIGNING_ALGORITHM],
    }),
    ...settings.authorizationServerMetadata,
  });
}

export const isOpenid = ({ metadataKind }: Settings): boolean =>
  metadataKind === "openid" || metadataKind === "openid_inserted";
