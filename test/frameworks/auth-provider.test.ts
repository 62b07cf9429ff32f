import { Client, InsufficientScopeError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { expect, it, onTestFinished } from "vitest";
import type { AuthSession } from "../../src/index.js";
import { createDpop } from "../../src/index.js";
import { createAuthProvider } from "../../src/mcp-sdk.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf } from "../support/host.ts";
import { startServedMcpServer, type ServedMcpServer } from "../support/served-mcp-server.ts";

async function connect(session: AuthSession): Promise<Client> {
  const client = new Client({ name: "test", version: "1.0.0" });
  onTestFinished(() => client.close());
  const authProvider = createAuthProvider(session);
  await client.connect(new StreamableHTTPClientTransport(new URL(session.serverUrl), { authProvider }));
  return client;
}

async function startServer(options?: Parameters<typeof startServedMcpServer>[0]): Promise<ServedMcpServer> {
  const server = await startServedMcpServer(options);
  onTestFinished(() => server.close());
  return server;
}

it("connects with the session's token, and again when the server has ended it, in one call", async () => {
  const server = await startServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const client = await connect(session);
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["read_notes"]);
  server.expireAccessTokens();
  expect((await client.listTools()).tools).toHaveLength(1);
  expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
});

it("renews a token that runs out before the request is made", async () => {
  const server = await startServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  server.advance(86_400_000);
  await connect(session);
  expect(server.counts.refresh).toBe(1);
  expect(server.requests.filter(({ status }) => status === 401)).toEqual([]);
});

it("says that the user is needed, asks nobody, and connects after the login", async () => {
  const server = await startServer();
  const { session } = createHost(server);
  expect(await failureOf(connect(session))).toMatchObject({ code: "authorization_required" });
  expect(server.counts).toMatchObject({ registration: 0, authorization: 0 });
  await session.authorize(approvedBy(server));
  await connect(session);
});

it("leaves a demand for more scope to the SDK, whose error says which", async () => {
  const server = await startServer({ toolScopes: { read_notes: "notes:read" } });
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const client = await connect(session);
  const refusal = await failureOf(client.callTool({ name: "read_notes", arguments: {} }));
  expect(refusal).toBeInstanceOf(InsufficientScopeError);
  expect(refusal).toMatchObject({ requiredScope: "notes:read" });
});

it("passes on that a refresh could not be made, and loses nothing [pain-3]", async () => {
  const server = await startServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const client = await connect(session);
  server.expireAccessTokens();
  server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
  expect(await failureOf(client.listTools())).toMatchObject({ code: "server_error" });
  server.advance(120_000);
  expect((await client.listTools()).tools).toHaveLength(1);
  expect(server.counts.authorization).toBe(1);
});

it("does not take the refusal of an old token for one of the token that has just replaced it", async () => {
  const server = createFakeAuthServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const provider = createAuthProvider(session);
  const refused = new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } });
  const old = await provider.token();
  server.advance(86_400_000);
  const renewed = await provider.token();
  expect(renewed).not.toBe(old);

  await provider.onUnauthorized({ response: refused });
  expect(await provider.token()).toBe(renewed);
  expect(server.counts.refresh).toBe(1);
  // and once is enough: now it is the new one
  await provider.onUnauthorized({ response: refused });
  expect(await provider.token()).not.toBe(renewed);
  expect(server.counts.refresh).toBe(2);
});

it("refuses tokens that are bound to a key, and says what to use", async () => {
  const server = createFakeAuthServer({ dpop: { required: true } });
  const { session } = createHost(server, { dpop: createDpop() });
  await session.authorize(approvedBy(server));
  const failure = await failureOf(createAuthProvider(session).token());
  expect(failure).toBeInstanceOf(TypeError);
  expect(failure).toMatchObject({ message: expect.stringContaining("createAuthFetch(session)") as string });
});

it("reads no store for a token that it has seen", async () => {
  const server = createFakeAuthServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  let reads = 0;
  const counted: AuthSession = {
    ...session,
    getTokens() {
      reads += 1;
      return session.getTokens();
    },
  };
  const provider = createAuthProvider(counted);
  await provider.token();
  await provider.token();
  expect(reads).toBe(1);
});
