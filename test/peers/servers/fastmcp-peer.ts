import { request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { FastMCP, OAuthProvider, type OAuthSession } from "fastmcp";
import { startLoopbackServer } from "./loopback-server.ts";
import { startOidcProviderPeer } from "./oidc-provider-peer.ts";
import { createRequestLog, mcpOperation, pathOf, type RecordedRequest } from "./recorded-request.ts";

export interface FastMcpPeer {
  readonly serverUrl: string;
  readonly issuer: string;
  readonly requests: RecordedRequest[];
  /** What the authorization server behind the proxy received. */
  readonly upstreamRequests: RecordedRequest[];
  close(): Promise<void>;
}

type Session = OAuthSession & Record<string, unknown>;

const UPSTREAM_CLIENT = { client_id: "fastmcp", client_secret: "a secret of the proxy" };
const silence = (): void => undefined;

/** FastMCP with its OAuth proxy in front of `oidc-provider`: the user consents at both and logs in at the second. */
export async function startFastMcpPeer(): Promise<FastMcpPeer> {
  const front = await startLoopbackServer();
  const upstream = await startOidcProviderPeer({
    clients: [
      {
        ...UPSTREAM_CLIENT,
        redirect_uris: [`${front.origin}/oauth/callback`],
        grant_types: ["authorization_code", "refresh_token"],
      },
    ],
  });
  const mcp = new FastMCP<Session>({
    name: "notes",
    version: "1.0.0",
    logger: { debug: silence, error: silence, info: silence, log: silence, warn: silence },
    auth: new OAuthProvider<Session>({
      baseUrl: front.origin,
      clientId: UPSTREAM_CLIENT.client_id,
      clientSecret: UPSTREAM_CLIENT.client_secret,
      // without the prompt, the one behind gives no refresh token
      authorizationEndpoint: `${upstream.issuer}/auth?prompt=consent`,
      tokenEndpoint: `${upstream.issuer}/token`,
      scopes: ["openid", "offline_access"],
    }),
  });
  mcp.addTool({
    name: "whoami",
    description: "Says whose token this is",
    execute: async (_input, { session }) => {
      const headers = { authorization: `Bearer ${session?.accessToken ?? ""}` };
      const claims = (await (await fetch(`${upstream.issuer}/me`, { headers })).json()) as { readonly sub?: string };
      return claims.sub ?? "nobody";
    },
  });
  const port = await freePort();
  await mcp.start({ transportType: "httpStream", httpStream: { host: "127.0.0.1", port } });

  const log = createRequestLog();
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ofMcpServer = /^\/(mcp|\.well-known\/oauth-protected-resource)(\/|$)/.test(pathOf(request));
    const body = (await buffer(request)).toString();
    log.record(ofMcpServer ? "mcp_server" : "authorization_server", request, response, () =>
      ofMcpServer ? mcpOperation(jsonOf(body)) : (new URLSearchParams(body).get("grant_type") ?? undefined),
    );
    const { method = "GET", headers, url = "/" } = request;
    const inner = forward({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on("error", () => response.destroy()).pipe(response);
    });
    response.on("close", () => inner.destroy());
    inner.on("error", () => response.destroy()).end(body);
  }
  front.handle((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  return {
    serverUrl: `${front.origin}/mcp`,
    issuer: front.origin,
    requests: log.requests,
    upstreamRequests: upstream.requests,
    async close() {
      await front.close();
      await Promise.all([mcp.stop(), upstream.close()]);
    },
  };
}

/** It can be told a port, and does not say which one it got. */
async function freePort(): Promise<number> {
  const server = await startLoopbackServer();
  await server.close();
  return server.port;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
