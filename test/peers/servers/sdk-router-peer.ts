import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { getOAuthProtectedResourceMetadataUrl, mcpAuthRouter } from "@modelcontextprotocol/sdk/server/auth/router.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express, { type RequestHandler } from "express";
import * as z from "zod";
import { InMemoryOAuthProvider } from "./in-memory-oauth-provider.ts";
import { startLoopbackServer } from "./loopback-server.ts";
import { createRequestLog, mcpOperation, type RecordedRequest } from "./recorded-request.ts";

export interface SdkRouterPeerOptions {
  /** @defaultValue 600 */
  readonly accessTokenTtlSeconds?: number;
}

export interface SdkRouterPeer {
  readonly serverUrl: string;
  /** With a trailing slash, which is how `mcpAuthRouter` writes it. */
  readonly issuer: string;
  readonly requests: RecordedRequest[];
  readonly notes: readonly string[];
  expireAccessTokens(): void;
  close(): Promise<void>;
}

/** The SDK's `mcpAuthRouter` and `requireBearerAuth` around an MCP server, all on one origin: what most MCP servers run. */
export async function startSdkRouterPeer(options: SdkRouterPeerOptions = {}): Promise<SdkRouterPeer> {
  const server = await startLoopbackServer();
  const issuerUrl = new URL(server.origin);
  const resource = new URL("/mcp", server.origin);
  const provider = new InMemoryOAuthProvider(resource, options.accessTokenTtlSeconds ?? 600);
  const log = createRequestLog();
  const notes: string[] = [];

  const app = express();
  app.use((request, response, next) => {
    const ofMcpServer = request.path === "/mcp" || request.path.startsWith("/.well-known/oauth-protected-resource");
    log.record(ofMcpServer ? "mcp_server" : "authorization_server", request, response, () =>
      ofMcpServer ? mcpOperation(request.body) : grantType(request.body),
    );
    next();
  });
  app.use(
    mcpAuthRouter({ provider, issuerUrl, resourceServerUrl: resource, scopesSupported: ["mcp:read", "mcp:write"] }),
  );
  app.post("/mcp", express.json(), authorize(provider, resource), async (request, response) => {
    const mcp = createNotesServer(notes);
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    response.on("close", () => void mcp.close());
    await mcp.connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  app.all("/mcp", (_request, response) => void response.status(405).set("allow", "POST").end());
  server.handle(app);

  return {
    serverUrl: resource.href,
    issuer: issuerUrl.href,
    requests: log.requests,
    notes,
    expireAccessTokens: () => provider.expireAccessTokens(),
    close: () => server.close(),
  };
}

/** `requireBearerAuth` asks for one set of scopes; here the tool decides which. */
function authorize(provider: InMemoryOAuthProvider, resource: URL): RequestHandler {
  const gate = (scope: string): RequestHandler =>
    requireBearerAuth({
      verifier: provider,
      requiredScopes: [scope],
      resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
      expectedResource: resource,
    });
  const [read, write] = [gate("mcp:read"), gate("mcp:write")];
  return (request, response, next) =>
    (mcpOperation(request.body) === "tools/call write_note" ? write : read)(request, response, next);
}

function createNotesServer(notes: string[]): McpServer {
  const mcp = new McpServer({ name: "notes", version: "1.0.0" });
  mcp.registerTool("whoami", { description: "Says whose token this is" }, ({ authInfo }) => ({
    content: [{ type: "text", text: authInfo?.clientId ?? "nobody" }],
  }));
  mcp.registerTool("write_note", { description: "Writes a note", inputSchema: { text: z.string() } }, ({ text }) => {
    notes.push(text);
    return { content: [{ type: "text", text: `note ${notes.length} written` }] };
  });
  return mcp;
}

function grantType(body: unknown): string | undefined {
  return typeof body === "object" && body !== null && "grant_type" in body ? String(body.grant_type) : undefined;
}
