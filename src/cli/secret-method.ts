import type { ServerMetadata, TokenEndpointAuthMethod } from "../index.js";

const METHODS: readonly TokenEndpointAuthMethod[] = ["client_secret_basic", "client_secret_post"];

/** How a client's secret is sent: as its own record says, else as the server takes it. */
export function preferredSecretMethod({ authorizationServer }: ServerMetadata, said?: string): TokenEndpointAuthMethod {
  const offered = authorizationServer.token_endpoint_auth_methods_supported ?? METHODS;
  return (
    METHODS.find((method) => method === said) ??
    METHODS.find((method) => offered.includes(method)) ??
    "client_secret_basic"
  );
}
