import { randomBytes } from "node:crypto";
import type { ClientMetadata, KoaContextWithOIDC } from "oidc-provider";
import { createDpopGate } from "./dpop-gate.ts";
import { startLoopbackServer } from "./loopback-server.ts";
import { serveMcpResource } from "./mcp-resource-server.ts";
import { providerConfiguration } from "./oidc-provider-settings.ts";
import { createRequestLog, pathOf, type RecordedRequest } from "./recorded-request.ts";
import { createTokenVerifier, introspect, verifySignature } from "./token-verifier.ts";

export interface OidcProviderPeerOptions {
  /** @defaultValue 600 */
  readonly accessTokenTtlSeconds?: number;
  /** `opaque` tokens are introspected and can be revoked, `jwt` ones are verified by signature and cannot.
   * @defaultValue "opaque" */
  readonly accessTokenFormat?: "opaque" | "jwt";
  /** Whether the MCP server takes nothing but DPoP-bound tokens, and whether both servers demand nonces. The authorization server
   * offers DPoP in any case. */
  readonly dpop?: "proofs" | "nonces";
  /** Clients known beforehand. */
  readonly clients?: readonly ClientMetadata[];
  /** Client ID Metadata Documents by their URL; the feature is on when there are any. */
  readonly clientIdMetadataDocuments?: Readonly<Record<string, object>>;
}

export interface OidcProviderPeer {
  readonly serverUrl: string;
  readonly issuer: string;
  /** What both servers received, in order. The resource server's own questions to the issuer are left out. */
  readonly requests: RecordedRequest[];
  /** What the tool `write_note` has written. */
  readonly notes: readonly string[];
  /** From now on the resource server treats every access token issued before as expired; refresh tokens live on. */
  expireAccessTokens(): void;
  /** From now on the MCP server wants another nonce in DPoP proofs. */
  rotateNonce(): void;
  /** What the protected resource metadata names from now on. */
  setAuthorizationServers(issuers: readonly string[]): void;
  close(): Promise<void>;
}

/** `oidc-provider` as the authorization server, and beside it an MCP server of the official SDK, each on its own loopback port. */
export async function startOidcProviderPeer(options: OidcProviderPeerOptions = {}): Promise<OidcProviderPeer> {
  const authorizationServer = await startLoopbackServer();
  const resourceServer = await startLoopbackServer();
  const issuer = authorizationServer.origin;
  const resource = `${resourceServer.origin}/mcp`;
  const log = createRequestLog();
  const resourceServerClient = { id: "resource-server", secret: randomBytes(16).toString("hex") };
  let generation = 0;
  let authorizationServers: readonly string[] = [issuer];

  const configuration = providerConfiguration({
    resource,
    accessTokenTtlSeconds: options.accessTokenTtlSeconds ?? 600,
    accessTokenFormat: options.accessTokenFormat ?? "opaque",
    resourceServer: resourceServerClient,
    clients: options.clients ?? [],
    generation: () => generation,
    demandsNonces: options.dpop === "nonces",
    clientIdMetadataDocuments: options.clientIdMetadataDocuments ?? {},
  });
  const provider = await withoutNotices(async () => {
    const { Provider } = await import("oidc-provider");
    return new Provider(issuer, configuration);
  });
  const serveProvider = provider.callback();
  const grantTypes = new WeakMap<object, string>();
  const noteGrantType = (context: KoaContextWithOIDC): void => {
    grantTypes.set(context.req, String(context.oidc.params?.["grant_type"]));
  };
  provider.on("grant.success", noteGrantType);
  provider.on("grant.error", noteGrantType);
  authorizationServer.handle((request, response) => {
    if (!["/token/introspection", "/jwks"].includes(pathOf(request))) {
      log.record("authorization_server", request, response, () => grantTypes.get(request));
    }
    void serveProvider(request, response);
  });

  const readClaims =
    options.accessTokenFormat === "jwt"
      ? verifySignature(`${issuer}/jwks`)
      : introspect(`${issuer}/token/introspection`, basic(resourceServerClient));
  const dpop = createDpopGate({
    serverUrl: resource,
    metadataUrl: `${resourceServer.origin}/.well-known/oauth-protected-resource/mcp`,
    demandsNonces: options.dpop === "nonces",
    boundTo: async (token) => (await readClaims(token))?.cnf?.jkt,
  });
  const mcp = serveMcpResource({
    server: resourceServer,
    log,
    authorizationServers: () => authorizationServers,
    verifier: createTokenVerifier({
      issuer,
      resource,
      generation: () => generation,
      readClaims,
    }),
    check: options.dpop === undefined ? undefined : (request) => dpop.check(request),
  });

  return {
    serverUrl: mcp.serverUrl,
    issuer,
    requests: log.requests,
    notes: mcp.notes,
    expireAccessTokens() {
      generation++;
    },
    rotateNonce: () => dpop.rotateNonce(),
    setAuthorizationServers(issuers) {
      authorizationServers = issuers;
    },
    async close() {
      await mcp.close();
      await Promise.all([authorizationServer.close(), resourceServer.close()]);
    },
  };
}

const basic = ({ id, secret }: { readonly id: string; readonly secret: string }): string =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;

/** On the console `oidc-provider` warns of its login forms, its in-memory store and new Node versions: all meant here. */
export async function withoutNotices<T>(task: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = (...data: unknown[]) => {
    if (!String(data[0]).startsWith("oidc-provider")) warn(...data);
  };
  try {
    return await task();
  } finally {
    console.warn = warn;
  }
}
