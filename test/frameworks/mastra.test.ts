import { MCPClient, type MastraMCPServerDefinition } from "@mastra/mcp";
import { expect, it, onTestFinished } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import { createAuthProvider, createOAuthClientProvider } from "../../src/mcp-sdk.js";
import { approvedBy, createHost, REDIRECT } from "../support/host.ts";
import { startServedMcpServer, type ServedMcpServer } from "../support/served-mcp-server.ts";

async function startServer(options?: Parameters<typeof startServedMcpServer>[0]): Promise<ServedMcpServer> {
  const server = await startServedMcpServer(options);
  onTestFinished(() => server.close());
  return server;
}

let count = 0;
async function toolsOf(notes: MastraMCPServerDefinition): Promise<readonly string[]> {
  const client = new MCPClient({ id: `test-${(count += 1)}`, servers: { notes } });
  onTestFinished(() => client.disconnect());
  return Object.keys(await client.listTools());
}

it("lists tools with the session's fetch, which logs the user in when the server wants that", async () => {
  const server = await startServer();
  const { session } = createHost(server);
  const fetch = createAuthFetch(session, {
    onAuthorizationRequired: async ({ scope, challenge }) => {
      await session.authorize(approvedBy(server, { scope, challenge }));
    },
  });
  expect(await toolsOf({ url: new URL(session.serverUrl), fetch })).toEqual(["notes_read_notes"]);
  expect(server.counts.authorization).toBe(1);
});

it("lists tools with the session as its authProvider, in either shape, and renews", async () => {
  const server = await startServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const url = new URL(session.serverUrl);
  expect(await toolsOf({ url, authProvider: createAuthProvider(session) })).toEqual(["notes_read_notes"]);
  server.advance(86_400_000);
  const authProvider = createOAuthClientProvider(session, { redirectUrl: REDIRECT, onRedirect: () => undefined });
  expect(await toolsOf({ url, authProvider })).toEqual(["notes_read_notes"]);
  expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
});
