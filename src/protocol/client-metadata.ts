import type { ClientAuthenticationOptions } from "../grant-types.js";
import type { ClientMetadata, ServerMetadata, TokenEndpointAuthMethod } from "../types.js";
import { checkRedirectUri, isLoopback } from "../wire/url-policy.js";

export const SECRET_METHODS = ["client_secret_basic", "client_secret_post"] as const;

/** The redirect URIs as URLs; there has to be one, and each has to be allowed. */
export function redirectUrls({ redirect_uris: redirectUris = [] }: ClientMetadata): readonly URL[] {
  if (redirectUris.length === 0) {
    throw new TypeError("clientMetadata.redirect_uris must not be empty");
  }
  return redirectUris.map((redirectUri) => new URL(checkRedirectUri(redirectUri)));
}

/** OpenID Connect Registration §2: a web client is reached over https, and not on this machine. */
export const applicationType = (urls: readonly URL[]): "native" | "web" =>
  urls.every((url) => url.protocol === "https:" && !isLoopback(url)) ? "web" : "native";

/** With the grants and responses of a client that logs users in, unless it has others. */
export const withGrants = <M extends ClientMetadata>(metadata: M): M => ({
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  ...metadata,
});

/** The first of `methods` that the server lists; the first of all when it lists none of them, or nothing. */
export function preferredMethod<M extends string>(
  { authorizationServer }: ServerMetadata,
  methods: readonly [M, ...M[]],
): M {
  const listed = authorizationServer.token_endpoint_auth_methods_supported;
  return methods.find((method) => listed?.includes(method)) ?? methods[0];
}

export const isSupportedMethod = (method: string): method is TokenEndpointAuthMethod =>
  ["none", ...SECRET_METHODS].includes(method);

/** With a way to authenticate at the token endpoint: what the host wants, else what the server supports, `none` first. */
export function withMethod(
  server: ServerMetadata,
  metadata: ClientMetadata,
  { clientAuthentication }: ClientAuthenticationOptions,
): ClientMetadata & { readonly token_endpoint_auth_method: TokenEndpointAuthMethod } {
  const method = metadata.token_endpoint_auth_method ?? preferredMethod(server, ["none", ...SECRET_METHODS]);
  if (clientAuthentication ?? isSupportedMethod(method)) {
    return { ...metadata, token_endpoint_auth_method: method as TokenEndpointAuthMethod };
  }
  throw new TypeError("clientMetadata.token_endpoint_auth_method needs clientAuthentication");
}
