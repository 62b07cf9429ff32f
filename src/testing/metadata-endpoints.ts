import { scopesOf } from "./fake-auth-server-options.js";
import type { Settings } from "./fake-auth-server-options.js";
import { json } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireMethod } from "./received-request.js";

/** RFC 9728 §3. */
export function answerProtectedResourceMetadata(settings: Settings, { request, url }: ReceivedRequest): Response {
  const there = settings.resourceMetadata !== "none" && url.href === settings.endpoints.protectedResourceMetadata;
  if (!there) return notFound();
  requireMethod(request, "GET");
  return json(200, {
    resource: settings.resource,
    authorization_servers: [settings.issuer],
    ...(settings.scopes !== undefined && { scopes_supported: settings.scopes }),
    bearer_methods_supported: ["header"],
    ...settings.protectedResourceMetadata,
  });
}

/** RFC 8414 §3, OpenID Connect Discovery §4. */
export function answerAuthorizationServerMetadata(settings: Settings, { request, url }: ReceivedRequest): Response {
  const { endpoints, metadataKind } = settings;
  if (url.href === endpoints.keys && isOpenid(settings)) return json(200, { keys: [] });
  if (url.href !== endpoints.authorizationServerMetadata || metadataKind === "none") return notFound();
  requireMethod(request, "GET");
  const scopes = supportedScopes(settings);
  return json(200, {
    issuer: settings.issuer,
    authorization_endpoint: endpoints.authorization,
    token_endpoint: endpoints.token,
    ...(settings.registration !== "none" && { registration_endpoint: endpoints.registration }),
    ...(settings.revocation && {
      revocation_endpoint: endpoints.revocation,
      revocation_endpoint_auth_methods_supported: settings.tokenEndpointAuthMethods,
    }),
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported:
      settings.issueRefreshTokens === false ? ["authorization_code"] : ["authorization_code", "refresh_token"],
    token_endpoint_auth_methods_supported: settings.tokenEndpointAuthMethods,
    ...(settings.codeChallengeMethods.length > 0 && {
      code_challenge_methods_supported: settings.codeChallengeMethods,
    }),
    ...(settings.iss.advertised && { authorization_response_iss_parameter_supported: true }),
    ...(settings.clientIdMetadataDocuments !== undefined && { client_id_metadata_document_supported: true }),
    ...(isOpenid(settings) && {
      jwks_uri: endpoints.keys,
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
    }),
    ...settings.authorizationServerMetadata,
  });
}

const isOpenid = ({ metadataKind }: Settings): boolean =>
  metadataKind === "openid" || metadataKind === "openid_inserted";

/** Every scope that is worth asking for; empty when any is granted. */
function supportedScopes(settings: Settings): string[] {
  const offline = settings.issueRefreshTokens === "offline_access" ? ["offline_access"] : [];
  return [...new Set([...(settings.scopes ?? []), ...offline])];
}

/** What a request for `scope` can be granted: what exists of it, and what is required when nothing was asked for. */
export function grantableScopes(settings: Settings, scope: string | undefined): string[] {
  const requested = scopesOf(scope);
  if (requested.length === 0) return settings.requiredScopes;
  return settings.scopes === undefined ? requested : requested.filter((one) => supportedScopes(settings).includes(one));
}

export const notFound = (): Response => new Response("Not Found", { status: 404 });
