import { startLoopbackServer } from "./loopback-server.ts";
import { serveMcpResource } from "./mcp-resource-server.ts";
import { createRequestLog, type RecordedRequest } from "./recorded-request.ts";
import { forwardTo, recordRequests } from "./recorded-server.ts";
import { createTokenVerifier, introspect } from "./token-verifier.ts";

export interface DjangoOAuthToolkitPeer {
  readonly serverUrl: string;
  /** With a path: where its URLs were mounted. */
  readonly issuer: string;
  readonly requests: RecordedRequest[];
  readonly notes: readonly string[];
  /** From now on the MCP server takes no access token that it has seen before; refresh tokens live on. */
  expireAccessTokens(): void;
  close(): Promise<void>;
}

/** A client without a secret for any port of `http://127.0.0.1/callback`, and one that is a machine. */
export const DJANGO_CLIENTS = {
  desktop: { clientId: "desktop" },
  machine: { clientId: "machine", clientSecret: "secret of the machine" },
} as const;

/** The Django at `djangoUrl` under an origin of its own, and beside it an MCP server of the official SDK, which it knows nothing of. */
export async function startDjangoOAuthToolkitPeer(djangoUrl: string): Promise<DjangoOAuthToolkitPeer> {
  const authorizationServer = await startLoopbackServer();
  const resourceServer = await startLoopbackServer();
  const issuer = `${authorizationServer.origin}/o`;
  const resource = `${resourceServer.origin}/mcp`;
  const log = createRequestLog();
  recordRequests(authorizationServer, forwardTo(Number(new URL(djangoUrl).port)), {
    log,
    partyOf: (path) => (path === "/o/introspect/" ? undefined : "authorization_server"),
  });

  const seen = new Set<string>();
  const expired = new Set<string>();
  const readClaims = introspect(`${issuer}/introspect/`, "Bearer token-of-the-resource-server");
  const mcp = serveMcpResource({
    server: resourceServer,
    log,
    authorizationServers: () => [issuer],
    verifier: createTokenVerifier({
      issuer,
      resource,
      generation: () => 0,
      readClaims: async (token) => {
        seen.add(token);
        const claims = expired.has(token) ? undefined : await readClaims(token);
        // it says neither whose the token is in the standard's words, nor for whom
        return claims && { ...claims, iss: issuer, aud: resource, sub: claims.username ?? "nobody", generation: 0 };
      },
    }),
  });

  return {
    serverUrl: mcp.serverUrl,
    issuer,
    requests: log.requests,
    notes: mcp.notes,
    expireAccessTokens() {
      for (const token of seen) expired.add(token);
    },
    async close() {
      await mcp.close();
      await Promise.all([authorizationServer.close(), resourceServer.close()]);
    },
  };
}
