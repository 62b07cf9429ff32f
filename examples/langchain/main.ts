// An agent of LangChain whose tools are those of an MCP server:
//
//   node examples/langchain/main.ts https://mcp.example.com/mcp
//
// LangChain's adapters take no fetch, but an OAuthClientProvider. It can renew a token but not wait for a user, so log in first.
import process from "node:process";
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { createAuthClient } from "mcp-oauth-client";
import { createOAuthClientProvider } from "mcp-oauth-client/mcp-sdk";
import { authorizeWithLoopback, openBrowser } from "mcp-oauth-client/node";

const [url = "https://mcp.example.com/mcp"] = process.argv.slice(2);
const session = createAuthClient({ clientMetadata: { client_name: "Example" } }).session(url);
if ((await session.getAccessToken()) === undefined) await authorizeWithLoopback(session, { openUrl: openBrowser });

const authProvider = createOAuthClientProvider(session, {
  redirectUrl: "http://127.0.0.1/callback",
  // the login is over or has been taken back: whoever runs the agent has to start it again
  onRedirect: () => {
    throw new Error("You have to log in again.");
  },
});
const client = new MultiServerMCPClient({
  notes: { transport: "http", url, authProvider, automaticSSEFallback: false },
});

// what an agent is made with: createAgent({ model, tools })
const tools = await client.getTools();
console.log(tools.map(({ name }) => name));
console.log(await tools[0]?.invoke({}));
await client.close();
