// The official SDK, version 1, with a `fetch`:
//
//   node examples/mcp-sdk-v1/main.ts https://mcp.example.com/mcp
import process from "node:process";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { createAuthClient, createAuthFetch } from "mcp-oauth-client";
import { authorizeWithLoopback, openBrowser } from "mcp-oauth-client/node";

const [serverUrl = "https://mcp.example.com/mcp"] = process.argv.slice(2);
const session = createAuthClient({ clientMetadata: { client_name: "Example" } }).session(serverUrl);

const fetch = createAuthFetch(session, {
  onAuthorizationRequired: async ({ scope, challenge, signal }) => {
    await authorizeWithLoopback(session, { scope, challenge, signal, openUrl: openBrowser });
  },
});

const client = new Client({ name: "mcp-sdk-v1-example", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(session.serverUrl), { fetch }));
console.log((await client.listTools()).tools.map(({ name }) => name));
await client.close();
