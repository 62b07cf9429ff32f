// A service that calls an MCP server as itself. It signs with a key (PKCS #8, P-256) whose public half the issuer knows:
//
//   ISSUER=https://auth.example.com CLIENT_ID=reports KEY_FILE=key.pem node examples/machine-to-machine/main.ts https://mcp.example.com/mcp
//
// With a secret instead: clientCredentials({ issuer, clientId, clientSecret }).
import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { clientCredentials, createAuthClient, createAuthFetch, isAuthError, privateKeyJwt } from "mcp-oauth-client";

const [serverUrl] = process.argv.slice(2);
const { ISSUER: issuer, CLIENT_ID: clientId, KEY_FILE: keyFile } = process.env;
if (!serverUrl || !issuer || !clientId || !keyFile) {
  console.error("usage: ISSUER=… CLIENT_ID=… KEY_FILE=… node main.ts <MCP server URL>");
  process.exit(2);
}

const der = createPrivateKey(await readFile(keyFile)).export({ format: "der", type: "pkcs8" });
const privateKey = await crypto.subtle.importKey("pkcs8", der, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);

// several processes with one store share one token: createRedisStore, createFileStore …
const grant = clientCredentials({ issuer, clientId, clientAuthentication: privateKeyJwt({ privateKey }) });
const session = createAuthClient({ clientMetadata: {} }).session(serverUrl, { grant });

try {
  const client = new Client({ name: "machine-to-machine-example", version: "1.0.0" });
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
