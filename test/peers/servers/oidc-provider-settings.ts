import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { ClientMetadata, Configuration } from "oidc-provider";

export interface ProviderSettings {
  readonly resource: string;
  readonly accessTokenTtlSeconds: number;
  readonly accessTokenFormat: "opaque" | "jwt";
  /** The client as which the resource server asks about tokens. */
  readonly resourceServer: { readonly id: string; readonly secret: string };
  readonly clients: readonly ClientMetadata[];
  readonly generation: () => number;
  /** Whether DPoP proofs need a nonce. */
  readonly demandsNonces: boolean;
  /** Client ID Metadata Documents by their URL; when there are any, the feature is on and reads them from here. */
  readonly clientIdMetadataDocuments: Readonly<Record<string, object>>;
}

const SCOPES = ["mcp:read", "mcp:write"];

/** An authorization server as strict as they come: PKCE, rotation with reuse detection, exact resources. */
export function providerConfiguration(settings: ProviderSettings): Configuration {
  const documents = settings.clientIdMetadataDocuments;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "peer", alg: "ES256", use: "sig" }] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    clientDefaults: { id_token_signed_response_alg: "ES256", token_endpoint_auth_method: "client_secret_basic" },
    clients: [
      {
        client_id: settings.resourceServer.id,
        client_secret: settings.resourceServer.secret,
        redirect_uris: [],
        response_types: [],
        grant_types: [],
      },
      ...settings.clients,
    ],
    scopes: ["openid", "offline_access", ...SCOPES],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    extraTokenClaims: () => ({ generation: settings.generation() }),
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    renderError: (context, out) => {
      context.type = "text/plain";
      context.body = [out.error, out.error_description].join(": ");
    },
    ttl: {
      AccessToken: settings.accessTokenTtlSeconds,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    features: {
      devInteractions: { enabled: true },
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => settings.demandsNonces },
      registration: { enabled: true },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => client.clientId === token.clientId },
      introspection: {
        enabled: true,
        allowedPolicy: (_context, client) => client.clientId === settings.resourceServer.id,
      },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: async (_context, resource) => {
          const { errors } = await import("oidc-provider");
          if (resource !== settings.resource) throw new errors.InvalidTarget();
          return {
            audience: resource,
            scope: SCOPES.join(" "),
            accessTokenTTL: settings.accessTokenTtlSeconds,
            accessTokenFormat: settings.accessTokenFormat,
            ...(settings.accessTokenFormat === "jwt" && { jwt: { sign: { alg: "ES256" as const } } }),
          };
        },
      },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      clientIdMetadataDocument: { enabled: Object.keys(documents).length > 0, ack: "draft-02" },
    },
    fetch: (url) => {
      const document = documents[url instanceof Request ? url.url : url.toString()];
      return Promise.resolve(document ? Response.json(document) : new Response(null, { status: 404 }));
    },
  };
}
