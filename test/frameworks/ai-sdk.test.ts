import { createMCPClient } from "@ai-sdk/mcp";
import { describe, expect, it, onTestFinished } from "vitest";
import type { AuthSession } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";
import type { AiSdkOAuthClientProvider } from "../../src/mcp-sdk.js";
import { createAiSdkAuthProvider } from "../../src/mcp-sdk.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.ts";
import { startServedMcpServer, type ServedMcpServer } from "../support/served-mcp-server.ts";

type Client = Awaited<ReturnType<typeof createMCPClient>>;

async function startServer(options?: Parameters<typeof startServedMcpServer>[0]): Promise<ServedMcpServer> {
  const server = await startServedMcpServer(options);
  onTestFinished(() => server.close());
  return server;
}

const toolsOf = async (client: Client): Promise<readonly string[]> => Object.keys(await client.tools());

describe("the AI SDK with the session's fetch", () => {
  it("lists tools, renews a token that the server has ended, and asks for more scope when a tool wants it", async () => {
    const server = await startServer({ requiredScope: "notes:list", toolScopes: { read_notes: "notes:read" } });
    const { session } = createHost(server);
    const fetch = createAuthFetch(session, {
      onAuthorizationRequired: async ({ scope, challenge }) => {
        await session.authorize(approvedBy(server, { scope, challenge }));
      },
    });
    const client = await createMCPClient({ transport: { type: "http", url: session.serverUrl, fetch } });
    onTestFinished(() => client.close());
    server.expireAccessTokens();
    const { read_notes: readNotes } = await client.tools();
    const result = await readNotes?.execute({}, { toolCallId: "1", messages: [], context: undefined });
    expect(result).toMatchObject({ content: [{ text: "no notes" }] });
    expect(server.counts).toMatchObject({ refresh: 1, authorization: 2 });
  });
});

describe("the AI SDK with the session as its provider", () => {
  function provide(session: AuthSession): { readonly provider: AiSdkOAuthClientProvider; readonly urls: URL[] } {
    const urls: URL[] = [];
    const onRedirect = (url: URL): void => void urls.push(url);
    return { provider: createAiSdkAuthProvider(session, { redirectUrl: REDIRECT, onRedirect }), urls };
  }

  async function connect(session: AuthSession, authProvider: AiSdkOAuthClientProvider): Promise<Client> {
    const client = await createMCPClient({ transport: { type: "http", url: session.serverUrl, authProvider } });
    onTestFinished(() => client.close());
    return client;
  }

  it("sends the user to a login of the session, and connects when that is finished", async () => {
    const server = await startServer({ requiredScope: "notes:read" });
    const { client, session } = createHost(server);
    const { provider, urls } = provide(session);
    expect(await failureOf(connect(session, provider))).toMatchObject({ name: "UnauthorizedError" });
    const [url = "", ...others] = urls;
    expect(others).toEqual([]);
    await client.finishAuthorization(await server.approve(url));
    expect(await toolsOf(await connect(session, provider))).toEqual(["read_notes"]);
    expect(server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1 });
  });

  it("renews in time, and says that a request is to be made again when the server has ended a token", async () => {
    const server = await startServer({ scopes: ["notes:read", "notes:write"] });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server, { scope: "notes:read" }));
    const { provider, urls } = provide(session);
    server.advance(86_400_000);
    const client = await connect(session, provider);
    expect(server.counts.refresh).toBe(1);
    server.expireAccessTokens();
    expect(await failureOf(client.tools())).toMatchObject({ code: "token_renewed" });
    expect(await toolsOf(client)).toEqual(["read_notes"]);
    expect(server.counts.refresh).toBe(2);
    expect(urls).toEqual([]);
  });

  it("refuses to be finished by the AI SDK", () => {
    const { provider } = provide({} as AuthSession);
    expect(() => provider.codeVerifier()).toThrow("session.finishAuthorization(callbackUrl)");
  });
});
