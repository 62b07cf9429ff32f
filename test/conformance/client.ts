// The program that the public MCP conformance suite runs, once for each scenario: a host that connects, lists the tools and
// calls one. The SDK's transport gets nothing but our fetch, so whatever the suite sees of OAuth is ours.
import * as v2 from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  createAuthClient,
  createAuthFetch,
  createDpop,
  isAuthError,
  type PreRegisteredClient,
  type ServerMetadata,
} from "mcp-oauth-client";

const REDIRECT_URI = "http://localhost:3000/callback";
const CLIENT_METADATA_URL = "https://conformance-test.local/client-metadata.json";
const STATELESS_WIRE = "2026-07-28";

interface ScenarioContext {
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly issuer?: string;
}

interface McpClient {
  listTools(): Promise<{ tools: readonly { name: string }[] }>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  close(): Promise<void>;
}

async function main(serverUrl: string): Promise<void> {
  const context = JSON.parse(process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}") as ScenarioContext;
  const client = createAuthClient({
    clientMetadata: { client_name: "conformance client" },
    clientMetadataUrl: CLIENT_METADATA_URL,
    preRegistered: (server) => preRegistered(server, context),
    // where the scenario's server offers it
    dpop: createDpop(),
  });
  const authFetch = createAuthFetch(client.session(serverUrl), {
    onAuthorizationRequired: async ({ session, scope, challenge, signal }) => {
      await session.authorize({ redirectUri: REDIRECT_URI, scope, challenge, signal, interact: followAuthorization });
    },
  });
  const mcp = await connect(serverUrl, authFetch);
  const { tools } = await mcp.listTools();
  for (const { name } of tools) await mcp.callTool({ name, arguments: {} });
  await mcp.close();
}

/** What the scenario handed out beforehand; the older suite does not say for which issuer. */
function preRegistered(server: ServerMetadata, context: ScenarioContext): PreRegisteredClient | undefined {
  const { client_id: clientId, client_secret: clientSecret, issuer = server.issuer } = context;
  return clientId === undefined ? undefined : { issuer, clientId, clientSecret };
}

/** The suite's authorization servers approve at once: the browser's part is one redirect. */
async function followAuthorization(authorizationUrl: URL): Promise<URL> {
  const response = await fetch(authorizationUrl, { redirect: "manual" });
  const location = response.headers.get("location");
  if (location === null) throw new Error(`the authorization endpoint answered ${response.status} without a redirect`);
  return new URL(location, authorizationUrl);
}

async function connect(serverUrl: string, authFetch: typeof fetch): Promise<McpClient> {
  const url = new URL(serverUrl);
  const info = { name: "mcp-oauth-client-conformance", version: "1.0.0" };
  if (process.env["MCP_CONFORMANCE_PROTOCOL_VERSION"] === STATELESS_WIRE) {
    const mcp = new v2.Client(info, { versionNegotiation: { mode: { pin: STATELESS_WIRE } } });
    await mcp.connect(new v2.StreamableHTTPClientTransport(url, { fetch: authFetch }));
    return mcp;
  }
  const mcp = new Client(info);
  await mcp.connect(new StreamableHTTPClientTransport(url, { fetch: authFetch }));
  return mcp;
}

/** The code of the library's error behind whatever the SDK made of it. */
function refusalCode(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (isAuthError(cause)) return cause.code;
  }
  return undefined;
}

// The last line says how it ended: the suite looks at requests only and would pass a negative scenario for any crash.
try {
  await main(process.argv.at(-1) ?? "");
  console.log("outcome: completed");
} catch (error) {
  console.error(error);
  console.log(`outcome: ${refusalCode(error) ?? "crashed"}`);
  process.exitCode = 1;
}
