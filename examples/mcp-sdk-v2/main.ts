// The official SDK, version 2, with its `authProvider`:
//
//   node examples/mcp-sdk-v2/main.ts https://mcp.example.com/mcp
//
// Where you can choose, give the transport `fetch: createAuthFetch(session)` instead, as examples/cli-loopback does: then a tool that
// needs more than was granted can ask for it.
import process from "node:process";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createAuthClient, isAuthError } from "mcp-oauth-client";
import { createAuthProvider } from "mcp-oauth-client/mcp-sdk";
import { authorizeWithLoopback, openBrowser } from "mcp-oauth-client/node";

const [serverUrl = "https://mcp.example.com/mcp"] = process.argv.slice(2);
const session = createAuthClient({ clientMetadata: { client_name: "Example" } }).session(serverUrl);
const authProvider = createAuthProvider(session);

async function connect(): Promise<Client> {
  const client = new Client({ name: "mcp-sdk-v2-example", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(session.serverUrl), { authProvider }));
  return client;
}

const client = await connect().catch(async (error: unknown) => {
  if (!isAuthError(error, "authorization_required")) throw error;
  await authorizeWithLoopback(session, { challenge: error.challenge, openUrl: openBrowser });
  return await connect();
});
console.log((await client.listTools()).tools.map(({ name }) => name));
await client.close();
