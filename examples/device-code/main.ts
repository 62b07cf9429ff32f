// A program on a machine without a browser: its user enters a code on a phone.
//
//   node examples/device-code/main.ts https://mcp.example.com/mcp
//
// The first run logs in; later runs find the tokens in the file store and renew them when they have run out.
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { authorizeWithDeviceCode, createAuthClient, createAuthFetch, isAuthError } from "mcp-oauth-client";
import { createFileStore } from "mcp-oauth-client/node";

const [serverUrl] = process.argv.slice(2);
if (serverUrl === undefined) {
  console.error("usage: node main.ts <MCP server URL>");
  process.exit(2);
}

const directory = join(process.env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state"), "device-code-example");
const auth = createAuthClient({ clientMetadata: { client_name: "Example" }, store: createFileStore({ directory }) });
const session = auth.session(serverUrl);
const authFetch = createAuthFetch(session, {
  onAuthorizationRequired: async ({ scope, challenge, signal }) => {
    await authorizeWithDeviceCode(session, {
      ...{ scope, challenge, signal },
      onUserCode: ({ userCode, verificationUri }) =>
        console.error(`Open ${verificationUri.href} and enter ${userCode}`),
    });
  },
});

try {
  const client = new Client({ name: "device-code-example", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(serverUrl), { fetch: authFetch }));
  console.log((await client.listTools()).tools.map(({ name }) => name).join("\n"));
  await client.close();
} catch (error) {
  console.error(isAuthError(error) ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
