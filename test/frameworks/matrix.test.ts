import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createMCPClient } from "@ai-sdk/mcp";
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { MCPClient, type MastraMCPServerDefinition } from "@mastra/mcp";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { format, resolveConfig } from "prettier";
import { expect, it, onTestFinished, vi } from "vitest";
import type { AuthFetch, AuthSession } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";
import { createAiSdkAuthProvider, createAuthProvider, createOAuthClientProvider } from "../../src/mcp-sdk.js";
import { approvedBy, createHost, REDIRECT } from "../support/host.ts";
import { startServedMcpServer, type ServedMcpServer } from "../support/served-mcp-server.ts";

/** What a host has of the library: one of these goes into the framework. */
interface Plugs {
  readonly session: AuthSession;
  readonly url: URL;
  readonly fetch: AuthFetch;
  readonly provider: Parameters<typeof createOAuthClientProvider>[1];
}
/** Calls the tool `read_notes` of a client that is connected; it rejects when that fails. */
type CallTool = () => Promise<unknown>;
type Connect = (plugs: Plugs) => Promise<CallTool>;

const INFO = { name: "test", version: "1.0.0" };
function closeAtEnd(close: () => Promise<unknown>): void {
  onTestFinished(async () => {
    await close();
  });
}

async function callV1(transport: TransportV1): Promise<CallTool> {
  const client = new ClientV1(INFO);
  closeAtEnd(() => client.close());
  await client.connect(transport);
  return () => client.callTool({ name: "read_notes", arguments: {} });
}

async function callV2(transport: StreamableHTTPClientTransport): Promise<CallTool> {
  const client = new Client(INFO);
  closeAtEnd(() => client.close());
  await client.connect(transport);
  return () => client.callTool({ name: "read_notes", arguments: {} });
}

async function callAiSdk(
  more: Partial<Extract<Parameters<typeof createMCPClient>[0]["transport"], { url: string }>>,
  url: URL,
) {
  const client = await createMCPClient({ transport: { type: "http", url: url.href, ...more } });
  closeAtEnd(() => client.close());
  const { read_notes: tool } = await client.tools();
  return async () => tool?.execute({}, { toolCallId: "1", messages: [], context: undefined });
}

const callLangChain: Connect = async ({ session, url, provider }) => {
  const authProvider = createOAuthClientProvider(session, provider);
  const client = new MultiServerMCPClient({
    notes: { transport: "http", url: url.href, authProvider, automaticSSEFallback: false },
  });
  closeAtEnd(() => client.close());
  const [tool] = await client.getTools();
  return async (): Promise<unknown> => (await tool?.invoke({})) as unknown;
};

let mastraClients = 0;
async function callMastra(notes: MastraMCPServerDefinition): Promise<CallTool> {
  const client = new MCPClient({ id: `matrix-${(mastraClients += 1)}`, servers: { notes } });
  closeAtEnd(() => client.disconnect());
  const tools = await client.listTools();
  const tool = tools["notes_read_notes"];
  if (tool === undefined) throw new Error("not connected");
  return async () => {
    const result: unknown = await tool.execute?.({}, {} as never);
    if (!JSON.stringify(result).includes("no notes")) throw new Error(JSON.stringify(result));
    return result;
  };
}

const WAYS: Readonly<Record<string, Connect>> = {
  "MCP SDK 1, `fetch`": ({ url, fetch }) => callV1(new TransportV1(url, { fetch })),
  "MCP SDK 1, `OAuthClientProvider`": ({ session, url, provider }) =>
    callV1(new TransportV1(url, { authProvider: createOAuthClientProvider(session, provider) })),
  "MCP SDK 2, `fetch`": ({ url, fetch }) => callV2(new StreamableHTTPClientTransport(url, { fetch })),
  "MCP SDK 2, `AuthProvider`": ({ session, url }) =>
    callV2(new StreamableHTTPClientTransport(url, { authProvider: createAuthProvider(session) })),
  "MCP SDK 2, `OAuthClientProvider`": ({ session, url, provider }) =>
    callV2(new StreamableHTTPClientTransport(url, { authProvider: createOAuthClientProvider(session, provider) })),
  "AI SDK, `fetch`": ({ url, fetch }) => callAiSdk({ fetch }, url),
  "AI SDK, its provider": ({ session, url, provider }) =>
    callAiSdk({ authProvider: createAiSdkAuthProvider(session, provider) }, url),
  "LangChain, `OAuthClientProvider`": callLangChain,
  "Mastra, `fetch`": ({ url, fetch }) => callMastra({ url, fetch }),
  "Mastra, `AuthProvider`": ({ session, url }) => callMastra({ url, authProvider: createAuthProvider(session) }),
};

interface Setting extends Plugs {
  readonly server: ServedMcpServer;
  readonly logIn: () => Promise<unknown>;
  /** Finishes the login that the framework sent the user to, if it did. */
  readonly finishRedirect: () => Promise<boolean>;
}

async function start(options: Parameters<typeof startServedMcpServer>[0] = {}): Promise<Setting> {
  const server = await startServedMcpServer(options);
  onTestFinished(() => server.close());
  const { session } = createHost(server);
  const urls: URL[] = [];
  return {
    server,
    session,
    url: new URL(session.serverUrl),
    fetch: createAuthFetch(session, {
      onAuthorizationRequired: async ({ scope, challenge }) => {
        await session.authorize(approvedBy(server, { scope, challenge }));
      },
    }),
    provider: { redirectUrl: REDIRECT, onRedirect: (url) => void urls.push(url) },
    logIn: () => session.authorize(approvedBy(server)),
    async finishRedirect() {
      const url = urls.shift();
      if (url !== undefined) await session.finishAuthorization(await server.approve(url));
      return url !== undefined;
    },
  };
}

const works = (call: () => Promise<unknown>): Promise<boolean> => {
  const outcome = call().then((result) => !JSON.stringify(result).includes('"isError":true'));
  return outcome.catch(() => false);
};

/** What it takes until a call goes through. */
async function effortFor(setting: Setting, call: () => Promise<unknown>): Promise<string> {
  if (await works(call)) return "in the call";
  if (await setting.finishRedirect()) return (await works(call)) ? "redirect, then again" : "FAILED";
  return (await works(call)) ? "error, then again" : "no";
}

const SCENARIOS: Readonly<Record<string, (connect: Connect) => Promise<string>>> = {
  async "first login"(connect) {
    const setting = await start();
    const effort = await effortFor(setting, async () => (await connect(setting))());
    if (effort !== "no") return effort;
    await setting.logIn();
    return (await works(async () => (await connect(setting))())) ? "error, log in first" : "FAILED";
  },
  async "token has run out"(connect) {
    const setting = await start();
    await setting.logIn();
    const call = await connect(setting);
    setting.server.advance(86_400_000);
    const effort = await effortFor(setting, call);
    return setting.server.counts.authorization === 1 ? effort : "FAILED";
  },
  async "token was ended"(connect) {
    const setting = await start();
    await setting.logIn();
    const call = await connect(setting);
    setting.server.expireAccessTokens();
    const effort = await effortFor(setting, call);
    return setting.server.counts.authorization === 1 ? effort : "FAILED";
  },
  async "step-up"(connect) {
    const setting = await start({ toolScopes: { read_notes: "notes:read" } });
    await setting.logIn();
    return await effortFor(setting, await connect(setting));
  },
  async "server out of order"(connect) {
    const setting = await start();
    await setting.logIn();
    const call = await connect(setting);
    setting.server.expireAccessTokens();
    setting.server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    if (await works(call)) return "FAILED";
    setting.server.advance(120_000);
    const effort = await effortFor(setting, call);
    return setting.server.counts.authorization === 1 && effort !== "no" ? "stays logged in" : "FAILED";
  },
};

const document = join(import.meta.dirname, "../../docs/adapters.md");
const [BEFORE, AFTER] = ["<!-- matrix: RECORD=1 rewrites it -->\n", "<!-- end of matrix -->"];

it("docs/adapters.md says what each framework does in each case", async () => {
  // Mastra tells the console of every failed call
  for (const method of ["error", "warn", "info", "log"] as const) vi.spyOn(console, method).mockReturnValue();
  const rows = [
    ["", ...Object.keys(SCENARIOS)],
    ["---", ...Object.keys(SCENARIOS).map(() => "---")],
  ];
  for (const [way, connect] of Object.entries(WAYS)) {
    const row = [way];
    for (const scenario of Object.values(SCENARIOS)) row.push(await scenario(connect));
    rows.push(row);
  }
  const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
  const text = readFileSync(document, "utf8");
  const [head, tail] = [text.slice(0, text.indexOf(BEFORE) + BEFORE.length), text.slice(text.indexOf(AFTER))];
  const wanted = await format(`${head}\n${table}\n\n${tail}`, {
    ...(await resolveConfig(document)),
    parser: "markdown",
  });
  if (process.env["RECORD"] === "1") writeFileSync(document, wanted);
  vi.restoreAllMocks();
  console.log(table);
  expect(table).not.toContain("FAILED");
  expect(readFileSync(document, "utf8")).toBe(wanted);
});
