// A command-line program that calls an MCP server as its user:
//
//   node examples/cli-loopback/main.ts https://mcp.example.com/mcp
//
// The first run logs in with the browser; later runs find the tokens in the file store and renew them when they have run out.
// Where no browser can be opened, open the printed URL; where the browser is on another machine, paste the URL it ended at.
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createAuthClient, createAuthFetch, isAuthError } from "mcp-oauth-client";
import { authorizeWithLoopback, createFileStore, openBrowser } from "mcp-oauth-client/node";

const [serverUrl] = process.argv.slice(2);
if (serverUrl === undefined) {
  console.error("usage: node main.ts <MCP server URL>");
  process.exit(2);
}

const directory = join(process.env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state"), "cli-loopback-example");
const auth = createAuthClient({ clientMetadata: { client_name: "Example" }, store: createFileStore({ directory }) });
const session = auth.session(serverUrl);

const authFetch = createAuthFetch(session, {
  // called for the first login, and again when a tool needs more than was granted
  onAuthorizationRequired: async ({ reason, scope, challenge, signal }) => {
    console.error(reason === "login" ? "You have to log in." : "This needs your consent.");
    const pasted = process.stdin.isTTY ? { readCallbackUrl } : {};
    await authorizeWithLoopback(session, { scope, challenge, signal, openUrl, ...pasted });
  },
});

async function openUrl(url: URL): Promise<void> {
  console.error(`Open ${url.href}`);
  await openBrowser(url).catch(() => undefined);
}

async function readCallbackUrl(signal: AbortSignal, refused?: Error): Promise<string> {
  if (refused) console.error(refused.message);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await prompt.question("and wait, or paste the URL of the page it ends at: ", { signal });
  } finally {
    prompt.close();
  }
}

try {
  const client = new Client({ name: "cli-loopback-example", version: "1.0.0" });
  await client.connect(new StreamableHTTPClientTransport(new URL(session.serverUrl), { fetch: authFetch }));
  const { tools } = await client.listTools();
  console.log(tools.map(({ name }) => name).join("\n"));
  await client.close();
} catch (error) {
  if (!isAuthError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
