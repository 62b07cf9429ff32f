import * as v2 from "@modelcontextprotocol/client";
import * as v1 from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { onTestFinished } from "vitest";
import { isAuthError, type AuthErrorCode, type AuthFetch } from "../../src/index.js";

/** Calls a tool and resolves with its text. */
export type CallTool = (name: string, input?: Record<string, unknown>) => Promise<string>;

/** Connects an MCP client whose transport is given a `fetch` and nothing else. */
export type ConnectMcp = (serverUrl: string, fetch: AuthFetch) => Promise<CallTool>;

const INFO = { name: "peer-test", version: "1.0.0" };

const connectV1: ConnectMcp = async (serverUrl, fetch) => {
  const mcp = new v1.Client(INFO);
  await mcp.connect(new StreamableHTTPClientTransport(new URL(serverUrl), { fetch }));
  onTestFinished(() => mcp.close());
  return async (name, input = {}) => textOf(await mcp.callTool({ name, arguments: input }));
};

/** Asks for the stateless wire first and falls back to the stateful one where the server knows no other. */
const connectV2: ConnectMcp = async (serverUrl, fetch) => {
  const mcp = new v2.Client(INFO, { versionNegotiation: { mode: "auto" } });
  await mcp.connect(new v2.StreamableHTTPClientTransport(new URL(serverUrl), { fetch }));
  onTestFinished(() => mcp.close());
  return async (name, input = {}) => textOf(await mcp.callTool({ name, arguments: input }));
};

/** Both generations of the official SDK's client, by the names of their packages. */
export const MCP_CLIENTS: readonly (readonly [string, ConnectMcp])[] = [
  ["@modelcontextprotocol/sdk", connectV1],
  ["@modelcontextprotocol/client", connectV2],
];

function textOf(result: object): string {
  const { content, isError } = result as { content?: readonly { text?: string }[]; isError?: boolean };
  const text = content?.[0]?.text ?? "";
  if (isError === true) throw new Error(`the tool failed: ${text}`);
  return text;
}

/** The code of the library's error behind what an SDK rejected with. */
export async function refusalOf(work: Promise<unknown>): Promise<AuthErrorCode | undefined> {
  try {
    await work;
  } catch (error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) if (isAuthError(cause)) return cause.code;
    throw error;
  }
  return undefined;
}
