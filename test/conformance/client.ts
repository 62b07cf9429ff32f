// The program that the public MCP conformance suite runs, once for each scenario: a host that connects, lists the tools and
// calls one. The SDK's transport gets nothing but our fetch, so whatever the suite sees of OAuth is ours.
import * as v2 from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  clientCredentials,
  createAuthClient,
  createAuthFetch,
  createDpop,
  discoverAuthServer,
  enterpriseManaged,
  isAuthError,
  privateKeyJwt,
  workloadIdentity,
  type Grant,
  type PreRegisteredClient,
  type ServerMetadata,
} from "mcp-oauth-client";

const REDIRECT_URI = "http://localhost:3000/callback";
const CLIENT_METADATA_URL = "https://conformance-test.local/client-metadata.json";
const STATELESS_WIRE = "2026-07-28";

/** What a scenario hands out beforehand, by what its grant takes. */
interface ScenarioContext {
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly issuer?: string;
  readonly private_key_pem?: string;
  readonly valid_jwt?: string;
  readonly idp_client_id?: string;
  readonly idp_id_token?: string;
  readonly idp_issuer?: string;
  readonly idp_token_endpoint?: string;
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
  const grant = await grantFor(serverUrl, context);
  const authFetch = createAuthFetch(client.session(serverUrl, { grant }), {
    onAuthorizationRequired: async ({ session, scope, challenge, signal }) => {
      await session.authorize({ redirectUri: REDIRECT_URI, scope, challenge, signal, interact: followAuthorization });
    },
  });
  const mcp = await connect(serverUrl, authFetch);
  const { tools } = await mcp.listTools();
  for (const { name } of tools) await mcp.callTool({ name, arguments: {} });
  await mcp.close();
}

/** The grant of a scenario without a user. The suite does not say for which issuer it hands out what it does. */
async function grantFor(serverUrl: string, context: ScenarioContext): Promise<Grant | undefined> {
  const { client_id: clientId = "", client_secret: clientSecret } = context;
  const scenario = process.env["MCP_CONFORMANCE_SCENARIO"] ?? "";
  const issuerOf = async () => context.issuer ?? (await discoverAuthServer(serverUrl)).issuer;
  if (scenario.startsWith("auth/client-credentials")) {
    const { private_key_pem: pem } = context;
    const credentials = pem
      ? { clientAuthentication: privateKeyJwt({ privateKey: await importKey(pem) }) }
      : { clientSecret };
    return clientCredentials({ issuer: await issuerOf(), clientId, ...credentials });
  }
  const { valid_jwt: assertion, idp_id_token: idToken } = context;
  if (assertion !== undefined) return workloadIdentity({ issuer: await issuerOf(), getAssertion: () => assertion });
  if (idToken === undefined) return undefined;
  const { idp_issuer = "", idp_token_endpoint = "", idp_client_id = "" } = context;
  return enterpriseManaged({
    issuer: await issuerOf(),
    client: { clientId, clientSecret },
    idp: { issuer: idp_issuer, tokenEndpoint: idp_token_endpoint, clientId: idp_client_id },
    getSubjectToken: () => ({ token: idToken, type: "id_token" }),
  });
}

async function importKey(pem: string): Promise<CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
  return await crypto.subtle.importKey("pkcs8", der, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
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
