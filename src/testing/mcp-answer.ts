import { json } from "./oauth-refusal.js";
import type { FakeResourceContext } from "./fake-auth-server-options.js";
import { parseJson } from "./received-request.js";
import type { ReceivedRequest } from "./received-request.js";

/**
 * An MCP server that any client can connect to: `whoami`, and the other tools by name alone. All that is not MCP is told the scope
 * of its token.
 */
export function answerMcp(
  { request, text }: ReceivedRequest,
  context: FakeResourceContext,
  tools: readonly string[],
): Response {
  // streams are optional, and 405 is how a server says that it has none
  if (request.method === "GET" && request.headers.get("accept")?.includes("text/event-stream")) {
    return new Response(null, { status: 405, headers: { allow: "POST" } });
  }
  // of whatever type, as curl says that all it sends is a form
  const message = parseJson(text) as RpcMessage | null | undefined;
  if (message?.jsonrpc !== "2.0") return json(200, { ok: true, scope: context.scope });
  if (message.id === undefined) return new Response(null, { status: 202 });
  return json(200, { jsonrpc: "2.0", id: message.id, ...outcomeOf(message, context, ["whoami", ...tools]) });
}

interface RpcMessage {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: { readonly protocolVersion?: unknown; readonly name?: unknown } | null;
}

const failure = (code: number, message: string): object => ({ error: { code, message } });

function outcomeOf({ method, params }: RpcMessage, context: FakeResourceContext, tools: readonly string[]): object {
  switch (method) {
    case "initialize":
      return {
        result: {
          protocolVersion: params?.protocolVersion ?? "2025-11-25",
          capabilities: { tools: {} },
          serverInfo: { name: "fake-auth-server", version: "1" },
        },
      };
    case "ping":
      return { result: {} };
    case "tools/list":
      return { result: { tools: tools.map((name) => ({ name, inputSchema: { type: "object" } })) } };
    case "tools/call": {
      const { clientId, scope, subject } = context;
      if (!tools.includes(params?.name as string)) {
        return failure(
          -32_602,
          "there is no such tool here: toolScopes names some, handleResource is a server of your own",
        );
      }
      return {
        result: { content: [{ type: "text", text: `client ${clientId}, scope ${scope || "none"}, user ${subject}` }] },
      };
    }
    default:
      return failure(-32_601, "there is no such method here: handleResource is a server of your own");
  }
}
