import type { AuthorizationServerMetadata, ClientRegistration, ServerMetadata } from "../../../src/types.js";

/* The documents that functions take which ask no server. */

export const ISSUER = "https://as.example";
export const RESOURCE = "https://mcp.example/mcp";
export const NOW = 1_800_000_000_000;

export function serverMetadata(
  authorizationServer: Partial<AuthorizationServerMetadata> = {},
  server: Partial<ServerMetadata> = {},
): ServerMetadata {
  return {
    serverUrl: RESOURCE,
    resource: RESOURCE,
    issuer: ISSUER,
    source: "protected_resource",
    authorizationServer: {
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: `${ISSUER}/token`,
      code_challenge_methods_supported: ["S256"],
      ...authorizationServer,
    },
    ...server,
  };
}

export function clientRegistration(members: Partial<ClientRegistration> = {}): ClientRegistration {
  return {
    issuer: ISSUER,
    clientId: "client-1",
    tokenEndpointAuthMethod: "none",
    redirectUris: ["http://127.0.0.1/callback"],
    source: "dynamic",
    createdAt: NOW,
    ...members,
  };
}
