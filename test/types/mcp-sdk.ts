// Compiled, never run: the fetch of this library is what the MCP SDKs of both generations take.
import type { SSEClientTransportOptions } from "@modelcontextprotocol/client";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { SSEClientTransportOptions as SseOptionsV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as HttpTransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { AuthFetch, AuthSession } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";

declare const session: AuthSession;

const authFetch: AuthFetch = createAuthFetch(session);
export const asGlobal: typeof fetch = authFetch;
export const asGlobalMember: typeof globalThis.fetch = createAuthFetch(session);

const url = new URL("https://mcp.example.com/mcp");
export const transports = [
  new StreamableHTTPClientTransport(url, { fetch: authFetch }),
  new HttpTransportV1(url, { fetch: authFetch }),
];
export const sse: SSEClientTransportOptions = { fetch: authFetch };
export const sseV1: SseOptionsV1 = { fetch: authFetch };

/** And it goes on top of the fetch of either. */
export const wrapped: AuthFetch = createAuthFetch(session, { fetch: globalThis.fetch });
export const stacked: AuthFetch = createAuthFetch(session, { fetch: authFetch });
