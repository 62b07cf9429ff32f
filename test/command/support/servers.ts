import { onTestFinished } from "vitest";
import type { FakeAuthServerOptions } from "../../../src/testing.js";
import { startServedMcpServer, type ServedMcpServer } from "../../support/served-mcp-server.ts";

export const HOUR_MS = 3_600_000;

/** An MCP server behind the test kit, on loopback, whose users allow everything; it closes with the test. */
export async function serveMcp(options: FakeAuthServerOptions = {}): Promise<ServedMcpServer> {
  const server = await startServedMcpServer({ accessTokenTtlMs: HOUR_MS, requiredScope: "notes:read", ...options });
  onTestFinished(() => server.close());
  return server;
}

/** A user who opens a URL and allows everything; resolves to the URL of the last page, which may not load. */
export async function visit(url: string | undefined): Promise<void> {
  await (await fetch(url ?? "")).text();
}

/** As `visit`, on another machine: the last page does not load, and its URL is what there is. */
export async function visitElsewhere(url: string): Promise<string> {
  const response = await fetch(url, { redirect: "manual" });
  return response.headers.get("location") ?? "";
}

/** What an MCP client sends first, with a token. */
export async function callWith(serverUrl: string, token: string): Promise<number> {
  const response = await fetch(serverUrl, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } },
    }),
  });
  await response.text();
  return response.status;
}
