/** The first request of every MCP client. */
export const initializeRequest = (signal: AbortSignal, more: InitializeOptions = {}): RequestInit => ({
  method: "POST",
  headers: {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...(more.accessToken !== undefined && { authorization: `Bearer ${more.accessToken}` }),
  },
  body: BODY,
  signal,
  ...(more.redirect !== undefined && { redirect: more.redirect }),
});

interface InitializeOptions {
  readonly accessToken?: string | undefined;
  readonly redirect?: "manual" | undefined;
}

const BODY = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "mcp-oauth", version: "1" } },
});
