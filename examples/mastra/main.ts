// An agent of Mastra whose tools are those of an MCP server:
//
//   node examples/mastra/main.ts https://mcp.example.com/mcp
import process from "node:process";
import { MCPClient } from "@mastra/mcp";
import { createAuthClient, createAuthFetch } from "mcp-oauth-client";
import { authorizeWithLoopback, openBrowser } from "mcp-oauth-client/node";

const [serverUrl = "https://mcp.example.com/mcp"] = process.argv.slice(2);
const session = createAuthClient({ clientMetadata: { client_name: "Example" } }).session(serverUrl);

// Mastra gives a connection three seconds: a login that waits for a user has to come before it
if ((await session.getAccessToken()) === undefined) await authorizeWithLoopback(session, { openUrl: openBrowser });

const mcp = new MCPClient({
  servers: { notes: { url: new URL(session.serverUrl), fetch: createAuthFetch(session) } },
});

// what an agent is made with: new Agent({ …, tools: await mcp.listTools() })
const tools = await mcp.listTools();
console.log(Object.keys(tools));
await mcp.disconnect();
