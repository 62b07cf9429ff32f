import type { RegistrationError } from "../errors.js";
import { quoteRemote } from "../errors.js";
import { unusableClient } from "../oauth/registration-endpoint.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import type { ClientMetadata, ClientRegistration, ServerMetadata, TokenEndpointAuthMethod } from "../types.js";
import type { ClientInformation } from "../wire/documents.js";
import { isSupportedMethod, preferredMethod, SECRET_METHODS } from "./client-metadata.js";
import { isRegisteredRedirectUri } from "./redirect-uri.js";

/** The client as the server registered it, which may differ from what was asked for. */
export function toRegistration(
  server: ServerMetadata,
  { token_endpoint_auth_method: askedMethod = "none", redirect_uris: askedUris = [] }: ClientMetadata,
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
  if (method !== askedMethod && !isSupportedMethod(method))
    throw reject(`"token_endpoint_auth_method" ${quoteRemote(method)} is not supported`);
  const isSecret = method.startsWith("client_secret");
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
    tokenEndpointAuthMethod: method as TokenEndpointAuthMethod,
    redirectUris,
    source: "dynamic",
    metadata,
    registrationAccessToken,
    registrationClientUri,
    createdAt,
  });
}
