import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { serve } from "./serve.ts";

export interface ServedMcpServer extends FakeAuthServer {
  close(): Promise<void>;
}

/** The fake authorization server with an MCP server of the official SDK behind it, on loopback, for programs in processes of their own. */
export async function startServedMcpServer(
  options: FakeAuthServerOptions | ((origin: string) => FakeAuthServerOptions) = {},
): Promise<ServedMcpServer> {
  const mcp = createMcpHandler(createNotesServer);
  const servers: FakeAuthServer[] = [];
  const served = await serve((origin) => {
    const server = createFakeAuthServer({
      serverUrl: `${origin}/mcp`,
      issuer: `${origin}/auth`,
      handleResource: (request) => mcp.fetch(request),
      ...(typeof options === "function" ? options(origin) : options),
    });
    servers.push(server);
    return server.fetch;
  });
  const [server] = servers;
  if (server === undefined) throw new Error("the server was not made");
  return {
    ...server,
    async close() {
      await mcp.close();
      await served.close();
    },
  };
}

/** An MCP server with the tool `read_notes`, by the official SDK. */
export function createNotesServer(): McpServer {
  const mcp = new McpServer({ name: "notes", version: "1.0.0" });
  mcp.registerTool("read_notes", { inputSchema: z.object({}) }, () => ({
    content: [{ type: "text", text: "no notes" }],
  }));
  return mcp;
}
