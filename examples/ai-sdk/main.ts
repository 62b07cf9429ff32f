// A model of the AI SDK that calls tools of an MCP server:
//
//   node examples/ai-sdk/main.ts https://mcp.example.com/mcp
import process from "node:process";
import { createMCPClient } from "@ai-sdk/mcp";
import { generateText, isStepCount } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { createAuthClient, createAuthFetch } from "mcp-oauth-client";
import { authorizeWithLoopback, openBrowser } from "mcp-oauth-client/node";

const [serverUrl = "https://mcp.example.com/mcp"] = process.argv.slice(2);
const session = createAuthClient({ clientMetadata: { client_name: "Example" } }).session(serverUrl);

const fetch = createAuthFetch(session, {
  // for the first request, and for a tool that needs more than was granted
  onAuthorizationRequired: async ({ scope, challenge, signal }) => {
    await authorizeWithLoopback(session, { scope, challenge, signal, openUrl: openBrowser });
  },
});
const mcp = await createMCPClient({ transport: { type: "http", url: session.serverUrl, fetch } });
const tools = await mcp.tools();

// instead of a model that costs something: it calls the first tool
const model = new MockLanguageModelV4({
  doGenerate: {
    content: [{ type: "tool-call", toolCallId: "1", toolName: Object.keys(tools)[0] ?? "", input: "{}" }],
    finishReason: { unified: "tool-calls", raw: undefined },
    usage: {
      inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 0, text: 0, reasoning: 0 },
    },
    warnings: [],
  },
});
const { toolResults } = await generateText({ model, tools, prompt: "What is new?", stopWhen: isStepCount(1) });
console.log(toolResults.map(({ toolName, output }) => `${toolName}: ${JSON.stringify(output)}`).join("\n"));
await mcp.close();
