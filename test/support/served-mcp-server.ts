import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { freePort } from "./free-port.ts";

export interface ServedMcpServer extends FakeAuthServer {
  close(): Promise<void>;
}

/**
 * The fake authorization server with an MCP server of the official SDK behind it, on loopback, for programs in processes of their own.
 * Whoever opens an authorization URL has consented.
 */
export async function startServedMcpServer(
  options: FakeAuthServerOptions | ((origin: string) => FakeAuthServerOptions) = {},
): Promise<ServedMcpServer> {
  const mcp = createMcpHandler(createNotesServer);
  // one that was free a moment ago may be somebody else's: only for who has to know it before
  const port = typeof options === "function" ? await freePort() : 0;
  const server = createFakeAuthServer({
    issuer: "https://auth.example.com/auth",
    consentPage: false,
    handleResource: (request) => mcp.fetch(request),
    ...(typeof options === "function" ? options(`http://127.0.0.1:${port}`) : options),
  });
  const listener = await server.listen({ port });
  return {
    // with the addresses that it has from now on
    ...server,
    async close() {
      await mcp.close();
      await listener.close();
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
