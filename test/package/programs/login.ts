import { createAuthClient } from "mcp-oauth-client";
import { authorizeWithLoopback, createFileStore, openBrowser } from "mcp-oauth-client/node";

const client = createAuthClient({
  clientMetadata: { client_name: "Program" },
  store: createFileStore({ directory: "tokens" }),
});
const session = client.session("https://mcp.example.com/mcp");
await authorizeWithLoopback(session, { openUrl: openBrowser });
console.log(await session.getAccessToken());
