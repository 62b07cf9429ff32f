// A host whose users sign in at their enterprise's identity provider, which decides which MCP servers they may use. The user sees
// no consent page: the ID token of the sign-in, here in a file, is all that is needed.
//
//   ID_TOKEN_FILE=id-token.txt node examples/enterprise-managed/main.ts settings.json https://mcp.example.com/mcp
//
// settings.json: { "issuer", "client": { "clientId", "clientSecret" }, "idp": { "issuer", "tokenEndpoint", "clientId", "clientSecret" } }
import { readFile } from "node:fs/promises";
import process from "node:process";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createAuthClient, createAuthFetch, enterpriseManaged, isAuthError } from "mcp-oauth-client";
import type { EnterpriseManagedOptions, SubjectToken } from "mcp-oauth-client";

const [settingsFile, serverUrl] = process.argv.slice(2);
const { ID_TOKEN_FILE: idTokenFile, USER: subject = "user" } = process.env;
if (!settingsFile || !serverUrl || !idTokenFile) {
  console.error("usage: ID_TOKEN_FILE=… node main.ts <settings.json> <MCP server URL>");
  process.exit(2);
}

const settings = JSON.parse(await readFile(settingsFile, "utf8")) as Omit<EnterpriseManagedOptions, "getSubjectToken">;
// asked for again whenever a token runs out: hand out what is fresh then
const getSubjectToken = async (): Promise<SubjectToken> => ({
  token: await readFile(idTokenFile, "utf8"),
  type: "id_token",
});
const grant = enterpriseManaged({ ...settings, getSubjectToken });
const session = createAuthClient({ clientMetadata: {} }).session(serverUrl, { subject, grant });

try {
  const client = new Client({ name: "enterprise-managed-example", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(new URL(serverUrl), { fetch: createAuthFetch(session) });
  await client.connect(transport);
  const { tools } = await client.listTools();
  console.log(tools.map(({ name }) => name).join("\n"));
  await client.close();
} catch (error) {
  if (!isAuthError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
