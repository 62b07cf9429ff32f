import { createMcpHandler } from "@modelcontextprotocol/server";
import { onTestFinished } from "vitest";
import { createFakeAuthServer } from "../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../src/testing.js";
import { createNotesServer } from "../support/served-mcp-server.ts";

export const REDIRECT = "http://127.0.0.1:8976/callback";

/** The kit with an MCP server of the official SDK behind it, in this process. */
export function createMcpFake(options: FakeAuthServerOptions = {}): FakeAuthServer {
  const mcp = createMcpHandler(createNotesServer);
  onTestFinished(() => mcp.close());
  return createFakeAuthServer({ handleResource: (request) => mcp.fetch(request), ...options });
}
