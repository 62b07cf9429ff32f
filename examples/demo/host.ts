import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  createAuthClient,
  createAuthFetch,
  type AuthClientOptions,
  type AuthorizationRequiredContext,
  type AuthSession,
} from "mcp-oauth-client";
import { createFileStore } from "mcp-oauth-client/node";

/** What the host of this demo is, in whichever of its processes. */
export function openSession(
  directory: string,
  serverUrl: string,
  options: Pick<AuthClientOptions, "now"> = {},
): AuthSession {
  const client = createAuthClient({
    clientMetadata: { client_name: "demo host" },
    store: createFileStore({ directory }),
    ...options,
  });
  return client.session(serverUrl);
}

/** An MCP client of the official SDK. All it knows of OAuth is the `fetch` that it is given. */
export async function connect(
  session: AuthSession,
  onAuthorizationRequired?: (context: AuthorizationRequiredContext) => Promise<void>,
): Promise<Client> {
  const mcp = new Client(
    { name: "demo-host", version: "1.0.0" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  const authFetch = createAuthFetch(session, { onAuthorizationRequired });
  await mcp.connect(new StreamableHTTPClientTransport(new URL(session.serverUrl), { fetch: authFetch }));
  return mcp;
}

/** The text that a tool answers with. */
export async function callTool(mcp: Client, name: string, input: Record<string, unknown> = {}): Promise<string> {
  const { content } = await mcp.callTool({ name, arguments: input });
  const [first] = content;
  return first?.type === "text" ? first.text : "";
}
