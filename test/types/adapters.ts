// Compiled, never run: each adapter is what the installed version of each framework takes.
import type { OAuthClientProvider as AiSdkProvider } from "@ai-sdk/mcp";
import { createMCPClient } from "@ai-sdk/mcp";
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import type { MastraMCPServerDefinition } from "@mastra/mcp";
import type { AuthProvider, OAuthClientProvider } from "@modelcontextprotocol/client";
import type { SSEClientTransportOptions } from "@modelcontextprotocol/client";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { OAuthClientProvider as OAuthClientProviderV1 } from "@modelcontextprotocol/sdk/client/auth.js";
import type { SSEClientTransportOptions as SseOptionsV1 } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport as HttpTransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { AuthSession } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";
import { createAiSdkAuthProvider, createAuthProvider, createOAuthClientProvider } from "../../src/mcp-sdk.js";

declare const session: AuthSession;
declare const options: { redirectUrl: string; onRedirect: (url: URL) => void };

export const authProvider: AuthProvider = createAuthProvider(session);
export const v2: OAuthClientProvider = createOAuthClientProvider(session, options);
export const v1: OAuthClientProviderV1 = createOAuthClientProvider(session, options);
export const aiSdk: AiSdkProvider = createAiSdkAuthProvider(session, options);

const url = new URL("https://mcp.example.com/mcp");
export const transports = [
  new StreamableHTTPClientTransport(url, { authProvider: createAuthProvider(session) }),
  new StreamableHTTPClientTransport(url, { authProvider: createOAuthClientProvider(session, options) }),
  new HttpTransportV1(url, { authProvider: createOAuthClientProvider(session, options) }),
];

export const sse: SSEClientTransportOptions = { authProvider: createAuthProvider(session) };
export const sseV1: SseOptionsV1 = { authProvider: createOAuthClientProvider(session, options) };

const http = { type: "http", url: url.href } as const;
export const aiSdkClients = [
  createMCPClient({ transport: { ...http, fetch: createAuthFetch(session) } }),
  createMCPClient({ transport: { ...http, authProvider: createAiSdkAuthProvider(session, options) } }),
];

export const langchain = new MultiServerMCPClient({
  notes: { transport: "http", url: url.href, authProvider: createOAuthClientProvider(session, options) },
});

export const mastra: readonly MastraMCPServerDefinition[] = [
  { url, fetch: createAuthFetch(session) },
  { url, authProvider: createAuthProvider(session) },
  { url, authProvider: createOAuthClientProvider(session, options) },
];
