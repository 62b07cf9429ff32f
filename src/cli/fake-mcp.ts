import type { FakeResourceContext } from "../testing.js";

/** An MCP server with one tool, enough for any client to connect to. */
export async function answerMcp(request: Request, context: FakeResourceContext): Promise<Response> {
  if (request.method !== "POST") return new Response(null, { status: 405, headers: { allow: "POST" } });
  const message = (await request.json().catch(() => undefined)) as RpcMessage | undefined;
  if (message?.method === undefined) return Response.json(failure(null, -32_600, "not a request"), { status: 400 });
  if (message.id === undefined) return new Response(null, { status: 202 });
  const result = resultOf(message, context);
  return Response.json(
    result === undefined
      ? failure(message.id, -32_601, "there is no such method")
      : { jsonrpc: "2.0", id: message.id, result },
  );
}

interface RpcMessage {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly protocolVersion?: string };
}

const failure = (id: string | number | null, code: number, message: string): object => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

const TOOL = { name: "whoami", description: "Says whose token this is", inputSchema: { type: "object" } };

function resultOf({ method, params }: RpcMessage, { clientId, scope }: FakeResourceContext): object | undefined {
  if (method === "ping") return {};
  if (method === "tools/list") return { tools: [TOOL] };
  if (method === "tools/call") {
    return { content: [{ type: "text", text: `client ${clientId}, scope ${scope === "" ? "none" : scope}` }] };
  }
  if (method !== "initialize") return undefined;
  return {
    protocolVersion: params?.protocolVersion ?? "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "mcp-oauth fake-server", version: "1" },
  };
}
