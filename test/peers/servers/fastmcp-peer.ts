import { FastMCP, OAuthProvider, type OAuthSession } from "fastmcp";
import { OAuthProxy, requireScopes } from "fastmcp/auth";
import { startLoopbackServer } from "./loopback-server.ts";
import { startOidcProviderPeer } from "./oidc-provider-peer.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import { forwardTo, recordRequests } from "./recorded-server.ts";

export interface FastMcpPeerOptions {
  /** Client ID Metadata Documents by their URL; the feature is on when there are any. */
  readonly clientIdMetadataDocuments?: Readonly<Record<string, object>>;
}

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
export async function startFastMcpPeer({
  clientIdMetadataDocuments: documents,
}: FastMcpPeerOptions = {}): Promise<FastMcpPeer> {
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
  const Provider = documents ? ProviderForDocuments : OAuthProvider<Session>;
  const mcp = new FastMCP<Session>({
    name: "notes",
    version: "1.0.0",
    logger: { debug: silence, error: silence, info: silence, log: silence, warn: silence },
    auth: new Provider({
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
  mcp.addTool({
    name: "write_note",
    description: "Writes a note",
    canAccess: requireScopes("mcp:write"),
    execute: () => Promise.resolve("note 1 written"),
  });
  const port = await freePort();
  // with a state it waits for a second whenever a client connects
  await mcp.start({ transportType: "httpStream", httpStream: { host: "127.0.0.1", port, stateless: true } });
  const unmap = mapDocuments(documents);

  return {
    serverUrl: `${front.origin}/mcp`,
    issuer: front.origin,
    requests: recordRequests(front, forwardTo(port)),
    upstreamRequests: upstream.requests,
    async close() {
      unmap();
      await front.close();
      await Promise.all([mcp.stop(), upstream.close()]);
    },
  };
}

/** Of what FastMCP offers, the proxy alone can be told to take metadata documents. */
class ProviderForDocuments extends OAuthProvider<Session> {
  protected override createProxy(): OAuthProxy {
    const { baseUrl, clientId, clientSecret, scopes = [] } = this.config;
    return new OAuthProxy({
      baseUrl,
      scopes,
      upstreamAuthorizationEndpoint: this.getAuthorizationEndpoint(),
      upstreamClientId: clientId,
      upstreamClientSecret: clientSecret,
      upstreamTokenEndpoint: this.getTokenEndpoint(),
      enableCimd: true,
    });
  }
}

/** It can be told a port, and does not say which one it got. */
async function freePort(): Promise<number> {
  const server = await startLoopbackServer();
  await server.close();
  return server.port;
}

/** It runs in this process, and has no other way to the network than `fetch`. Returns what undoes it. */
function mapDocuments(documents: Readonly<Record<string, object>> = {}): () => void {
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    const document = documents[input instanceof Request ? input.url : input.toString()];
    return document ? Promise.resolve(Response.json(document)) : fetch(input, init);
  };
  return () => {
    globalThis.fetch = fetch;
  };
}
