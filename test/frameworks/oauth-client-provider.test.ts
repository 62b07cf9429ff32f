import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { UnauthorizedError as UnauthorizedErrorV1 } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { AuthSession } from "../../src/index.js";
import { createDpop } from "../../src/index.js";
import { createOAuthClientProvider } from "../../src/mcp-sdk.js";
import type { McpOAuthClientProvider } from "../../src/mcp-sdk.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.ts";
import { startServedMcpServer, type ServedMcpServer } from "../support/served-mcp-server.ts";

interface Connection {
  listTools(): Promise<readonly string[]>;
  callTool(name: string): Promise<unknown>;
  /** What the framework's own documentation says to do with a callback. */
  finishAuth(code: string): Promise<void>;
}
type Connect = (session: AuthSession, authProvider: McpOAuthClientProvider) => Promise<Connection>;

const INFO = { name: "test", version: "1.0.0" };

const connectV1: Connect = async ({ serverUrl }, authProvider) => {
  const client = new ClientV1(INFO);
  onTestFinished(() => client.close());
  const transport = new TransportV1(new URL(serverUrl), { authProvider });
  await client.connect(transport);
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: (name) => client.callTool({ name, arguments: {} }),
    finishAuth: (code) => transport.finishAuth(code),
  };
};
const connectV2: Connect = async ({ serverUrl }, authProvider) => {
  const client = new Client(INFO);
  onTestFinished(() => client.close());
  const transport = new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider });
  await client.connect(transport);
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: (name) => client.callTool({ name, arguments: {} }),
    finishAuth: (code) => transport.finishAuth(code),
  };
};

/** A provider, and where it sent the user. */
function provide(session: AuthSession): { readonly provider: McpOAuthClientProvider; readonly urls: URL[] } {
  const urls: URL[] = [];
  return {
    provider: createOAuthClientProvider(session, { redirectUrl: REDIRECT, onRedirect: (url) => void urls.push(url) }),
    urls,
  };
}

async function startServer(options?: Parameters<typeof startServedMcpServer>[0]): Promise<ServedMcpServer> {
  const server = await startServedMcpServer(options);
  onTestFinished(() => server.close());
  return server;
}

const only = (urls: readonly URL[]): URL => {
  const [url, ...others] = urls;
  if (url === undefined || others.length > 0) throw new Error(`the user was sent ${urls.length} times`);
  return url;
};

describe.each([
  ["@modelcontextprotocol/sdk", connectV1, UnauthorizedErrorV1],
  ["@modelcontextprotocol/client", connectV2, UnauthorizedError],
])("in a transport of %s", (_name, connect, Unauthorized) => {
  it("sends the user to a login of the session, and connects when that is finished [pain-35]", async () => {
    const server = await startServer({ requiredScope: "notes:read" });
    const { client, session } = createHost(server);
    const { provider, urls } = provide(session);
    expect(await failureOf(connect(session, provider))).toBeInstanceOf(Unauthorized);
    const url = only(urls);
    expect(url.searchParams.get("scope")).toBe("notes:read");

    await client.finishAuthorization(await server.approve(url));
    const connection = await connect(session, provider);
    expect(await connection.listTools()).toEqual(["read_notes"]);
    expect(urls).toHaveLength(1);
  });

  it("keeps the SDK from discovery, registration and token requests of its own, and from warnings", async () => {
    const warn = vi.spyOn(console, "warn");
    const server = await startServer();
    const { session } = createHost(server);
    const { provider, urls } = provide(session);
    await failureOf(connect(session, provider));
    await session.finishAuthorization(await server.approve(only(urls)));
    await connect(session, provider);
    expect(server.counts).toMatchObject({
      authorizationServerMetadata: 1,
      registration: 1,
      authorization: 1,
      token: 1,
    });
    server.expireAccessTokens();
    await failureOf(connect(session, provider));
    expect(warn).not.toHaveBeenCalled();
  });

  it("renews a token that runs out before the request is made, and never hands out the refresh token [pain-1]", async () => {
    const server = await startServer();
    const { session } = createHost(server);
    const tokens = await session.authorize(approvedBy(server));
    const { provider, urls } = provide(session);
    expect(JSON.stringify(await provider.tokens())).not.toContain(tokens.refreshToken);
    server.advance(86_400_000);
    await connect(session, provider);
    expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
    expect(urls).toEqual([]);
  });

  it("renews a token that the server has ended, and says that the request is to be made again", async () => {
    const server = await startServer({ requiredScope: "notes:read", scopes: ["notes:read", "notes:write"] });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server, { scope: "notes:read" }));
    const { provider, urls } = provide(session);
    const connection = await connect(session, provider);
    server.expireAccessTokens();
    expect(await failureOf(connection.listTools())).toMatchObject({ code: "token_renewed" });
    expect(await connection.listTools()).toEqual(["read_notes"]);
    expect(server.counts.refresh).toBe(1);
    expect(urls).toEqual([]);
  });

  it("sends the user when a token that was ended cannot be renewed", async () => {
    const server = await startServer();
    const { session } = createHost(server);
    const tokens = await session.authorize(approvedBy(server));
    const { provider, urls } = provide(session);
    const connection = await connect(session, provider);
    server.revokeGrant(tokens.accessToken);
    expect(await failureOf(connection.listTools())).toBeInstanceOf(Unauthorized);
    await session.finishAuthorization(await server.approve(only(urls)));
    expect(await connection.listTools()).toEqual(["read_notes"]);
  });

  it("logs nobody in because the authorization server is out of order [pain-3]", async () => {
    const server = await startServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { provider, urls } = provide(session);
    const connection = await connect(session, provider);
    server.expireAccessTokens();
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    expect(await failureOf(connection.listTools())).toMatchObject({ code: "server_error" });
    expect(urls).toEqual([]);
  });

  it("asks for more scope together with what was granted before", async () => {
    const server = await startServer({ requiredScope: "notes:list", toolScopes: { read_notes: "notes:read" } });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { provider, urls } = provide(session);
    const connection = await connect(session, provider);
    expect(await failureOf(connection.callTool("read_notes"))).toBeInstanceOf(Unauthorized);
    const url = only(urls);
    expect(url.searchParams.get("scope")?.split(" ").sort()).toEqual(["notes:list", "notes:read"]);
    await session.finishAuthorization(await server.approve(url));
    expect(await connection.callTool("read_notes")).toMatchObject({ content: [{ text: "no notes" }] });
    expect(server.counts.refresh).toBe(0);
  });

  it("asks for more scope where nothing is known of what was granted", async () => {
    const server = await startServer({ toolScopes: { read_notes: "notes:read" } });
    const { session } = createHost(server);
    expect((await session.authorize(approvedBy(server))).scope).toBeUndefined();
    const { provider, urls } = provide(session);
    const connection = await connect(session, provider);
    expect(await failureOf(connection.callTool("read_notes"))).toBeInstanceOf(Unauthorized);
    await session.finishAuthorization(await server.approve(only(urls)));
    expect(await connection.callTool("read_notes")).toMatchObject({ content: [{ text: "no notes" }] });
    expect(server.counts.refresh).toBe(0);
  });

  it("finds metadata where the challenge says that it is [spec-21]", async () => {
    const server = await startServer((origin) => ({ resourceMetadataUrl: `${origin}/metadata/notes` }));
    const { session } = createHost(server);
    const { provider, urls } = provide(session);
    await failureOf(connect(session, provider));
    await session.finishAuthorization(await server.approve(only(urls)));
    expect(await (await connect(session, provider)).listTools()).toEqual(["read_notes"]);
  });

  it("refuses to be finished by the SDK, and says how it is done", async () => {
    const server = await startServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const { provider } = provide(session);
    const connection = await connect(session, provider);
    const failure = await failureOf(connection.finishAuth("a-code"));
    expect(failure).toMatchObject({
      message: expect.stringContaining("session.finishAuthorization(callbackUrl)") as string,
    });
    expect(server.counts.token).toBe(1);
  });
});

it("sends the user once for requests that fail together", async () => {
  const server = createFakeAuthServer();
  const { session } = createHost(server);
  const { provider, urls } = provide(session);
  const url = new URL("https://mcp-oauth-client.invalid/authorize");
  await Promise.all([provider.redirectToAuthorization(url), provider.redirectToAuthorization(url)]);
  expect(urls).toHaveLength(1);
  await provider.redirectToAuthorization(url);
  expect(urls).toHaveLength(2);
});

it("does not take the refusal of an old token for one of the token that has just replaced it", async () => {
  const server = createFakeAuthServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const { provider, urls } = provide(session);
  await provider.tokens();
  server.advance(86_400_000);
  await provider.tokens();
  const url = new URL("https://mcp-oauth-client.invalid/authorize");
  expect(await failureOf(provider.redirectToAuthorization(url))).toMatchObject({ code: "token_renewed" });
  expect(server.counts.refresh).toBe(1);
  expect(urls).toEqual([]);
});

it("refuses tokens that are bound to a key, and says what to use", async () => {
  const server = createFakeAuthServer({ dpop: { required: true } });
  const { session } = createHost(server, { dpop: createDpop() });
  await session.authorize(approvedBy(server));
  const failure = await failureOf(provide(session).provider.tokens());
  expect(failure).toBeInstanceOf(TypeError);
  expect(failure).toMatchObject({ message: expect.stringContaining("createAuthFetch(session)") as string });
});

it("refuses a way to the user that is none", () => {
  const { session } = createHost(createFakeAuthServer());
  const options = { redirectUrl: REDIRECT } as unknown as Parameters<typeof createOAuthClientProvider>[1];
  expect(() => createOAuthClientProvider(session, options)).toThrow(
    new TypeError('"onRedirect" must be a function that sends the user to a URL'),
  );
});
