import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { expect, it, onTestFinished } from "vitest";
import type { AuthSession } from "../../src/index.js";
import type { McpOAuthClientProvider } from "../../src/mcp-sdk.js";
import { createOAuthClientProvider } from "../../src/mcp-sdk.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.ts";
import { startServedMcpServer, type ServedMcpServer } from "../support/served-mcp-server.ts";

async function startServer(options?: Parameters<typeof startServedMcpServer>[0]): Promise<ServedMcpServer> {
  const server = await startServedMcpServer(options);
  onTestFinished(() => server.close());
  return server;
}

function provide(session: AuthSession): { readonly provider: McpOAuthClientProvider; readonly urls: URL[] } {
  const urls: URL[] = [];
  const onRedirect = (url: URL): void => void urls.push(url);
  return { provider: createOAuthClientProvider(session, { redirectUrl: REDIRECT, onRedirect }), urls };
}

function createAgentClient(
  { serverUrl: url }: AuthSession,
  authProvider: McpOAuthClientProvider,
): MultiServerMCPClient {
  const client = new MultiServerMCPClient({
    mcpServers: { notes: { transport: "http", url, authProvider, automaticSSEFallback: false } },
  });
  onTestFinished(() => client.close());
  return client;
}

it("sends the user to a login of the session; then the agent has its tools", async () => {
  const server = await startServer({ requiredScope: "notes:read" });
  const { client, session } = createHost(server);
  const { provider, urls } = provide(session);
  await failureOf(createAgentClient(session, provider).getTools());
  const [url = "", ...others] = urls;
  expect(others).toEqual([]);
  await client.finishAuthorization(await server.approve(url));

  const [tool] = await createAgentClient(session, provider).getTools();
  expect(tool?.name).toBe("read_notes");
  expect(await tool?.invoke({})).toBe("no notes");
  expect(server.counts).toMatchObject({ registration: 1, authorizationServerMetadata: 1, token: 1 });
});

it("renews a token that runs out while the agent works", async () => {
  const server = await startServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const { provider, urls } = provide(session);
  const [tool] = await createAgentClient(session, provider).getTools();
  server.advance(86_400_000);
  expect(await tool?.invoke({})).toBe("no notes");
  expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
  expect(urls).toEqual([]);
});

it("tells that a call is to be made again when the server has ended a token", async () => {
  const server = await startServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const { provider, urls } = provide(session);
  const [tool] = await createAgentClient(session, provider).getTools();
  server.expireAccessTokens();
  expect(await failureOf(tool?.invoke({}) as Promise<unknown>)).toMatchObject({
    message: expect.stringContaining("make the request again") as string,
  });
  expect(await tool?.invoke({})).toBe("no notes");
  expect(urls).toEqual([]);
});

it("keeps one connection, as the provider is one object", async () => {
  const server = await startServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const { provider } = provide(session);
  const client = createAgentClient(session, provider);
  await client.initializeConnections();
  const first = await client.getClient("notes", { authProvider: provider });
  expect(await client.getClient("notes", { authProvider: provider })).toBe(first);
});
