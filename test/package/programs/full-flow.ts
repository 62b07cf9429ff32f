import { createAuthClient, createAuthFetch, createMemoryStore } from "mcp-oauth-client";

const client = createAuthClient({ clientMetadata: { client_name: "Program" }, store: createMemoryStore() });
const session = client.session("https://mcp.example.com/mcp");
const { authorizationUrl } = await session.startAuthorization({ redirectUri: "https://app.example.com/callback" });
console.log(authorizationUrl.href);

export const callback = (url: string) => client.finishAuthorization(url);
export const mcpFetch = createAuthFetch(session);
