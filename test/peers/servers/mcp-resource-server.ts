import type { IncomingMessage, ServerResponse } from "node:http";
import { toNodeHandler, toWebRequest, type NodeIncomingMessageLike } from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  getOAuthProtectedResourceMetadataUrl,
  McpServer,
  requireBearerAuth,
  requireScopes,
  type OAuthTokenVerifier,
} from "@modelcontextprotocol/server";
import * as z from "zod";
import type { LoopbackServer } from "./loopback-server.ts";
import { mcpOperation, pathOf, type RequestLog } from "./recorded-request.ts";

export interface McpResourceServerOptions {
  readonly server: LoopbackServer;
  readonly log: RequestLog;
  readonly verifier: OAuthTokenVerifier;
  /** Read at every request, so that a test may move the server to another issuer. */
  readonly authorizationServers: () => readonly string[];
  /** Looks at each request before the gate for bearer tokens, for example at its DPoP proof. */
  readonly check?: ((request: Request) => Promise<Request | Response>) | undefined;
}

export interface McpResourceServer {
  readonly serverUrl: string;
  /** What the tool `write_note` has written. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/** An MCP server by the official SDK, for both wires (2025-11-25 and 2026-07-28), stateless, behind bearer tokens. */
export function serveMcpResource(options: McpResourceServerOptions): McpResourceServer {
  const { server, log, verifier } = options;
  const serverUrl = new URL("/mcp", server.origin);
  const metadataUrl = new URL(getOAuthProtectedResourceMetadataUrl(serverUrl));
  const notes: string[] = [];
  const gate = requireBearerAuth({
    verifier,
    requiredScopes: ["mcp:read"],
    resourceMetadataUrl: metadataUrl.href,
    expectedResource: serverUrl,
  });
  const mcp = createMcpHandler(() => createNotesServer(notes));
  const handler = toNodeHandler({
    async fetch(received, handlerOptions) {
      const request = (await options.check?.(received)) ?? received;
      if (request instanceof Response) return request;
      const auth = await gate(request);
      return auth instanceof Response ? auth : mcp.fetch(request, { ...handlerOptions, authInfo: auth });
    },
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Its members are not declared for exactOptionalPropertyTypes.
    const incoming = request as NodeIncomingMessageLike;
    let body: unknown;
    log.record("mcp_server", request, response, () => mcpOperation(body));
    if (request.method === "POST") body = await (await toWebRequest(incoming)).json().catch(() => undefined);
    await handler(incoming, response, body);
  }

  server.handle((request, response) => {
    const path = pathOf(request);
    if (path === serverUrl.pathname) {
      void serve(request, response);
      return;
    }
    log.record("mcp_server", request, response);
    if (path === metadataUrl.pathname && request.method === "GET") {
      response.writeHead(200, { "content-type": "application/json" }).end(
        JSON.stringify({
          resource: serverUrl.href,
          authorization_servers: options.authorizationServers(),
          scopes_supported: ["mcp:read", "mcp:write"],
          bearer_methods_supported: ["header"],
        }),
      );
    } else {
      response.writeHead(404).end();
    }
  });

  return { serverUrl: serverUrl.href, notes, close: () => mcp.close() };
}

function createNotesServer(notes: string[]): McpServer {
  const mcp = new McpServer({ name: "notes", version: "1.0.0" });
  mcp.registerTool(
    "whoami",
    { description: "Says whose token this is", inputSchema: z.object({}), scopeChallenge: requireScopes("mcp:read") },
    (_input, context) => ({
      content: [{ type: "text", text: String(context.http?.authInfo?.extra?.["subject"]) }],
    }),
  );
  mcp.registerTool(
    "write_note",
    {
      description: "Writes a note",
      inputSchema: z.object({ text: z.string() }),
      scopeChallenge: requireScopes("mcp:write"),
    },
    ({ text }) => {
      notes.push(text);
      return { content: [{ type: "text", text: `note ${notes.length} written` }] };
    },
  );
  return mcp;
}
