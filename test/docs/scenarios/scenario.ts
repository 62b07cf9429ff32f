import { createMcpHandler } from "@modelcontextprotocol/server";
import { createAuthClient, createMemoryStore, type AuthClient, type AuthSession } from "mcp-oauth-client";
import { createFakeAuthServer, type FakeAuthServer, type FakeAuthServerOptions } from "mcp-oauth-client/testing";
import { onTestFinished, vi } from "vitest";
import { createNotesServer } from "../../support/served-mcp-server.ts";

/** Imports the example as a module, after replacing what is different on the machine of the test. */
export type Load = <T = unknown>(replacements?: Readonly<Record<string, string>>) => Promise<T>;

/** What is done with an example that is no program by itself. */
export type Scenario = (load: Load) => Promise<void>;

export const REDIRECT = "https://app.example.com/callback";

/** Makes a server with these options the whole network, at the URLs that the documents name. */
export function startWorld(options: FakeAuthServerOptions = {}): FakeAuthServer {
  const mcp = createMcpHandler(createNotesServer);
  onTestFinished(() => mcp.close());
  const server = createFakeAuthServer({ handleResource: (request) => mcp.fetch(request), ...options });
  vi.stubGlobal("fetch", server.fetch);
  return server;
}

export function createClient(): AuthClient {
  return createAuthClient({ clientMetadata: { client_name: "Test" }, store: createMemoryStore() });
}

export async function logIn(
  session: AuthSession,
  server: FakeAuthServer,
  redirectUri = REDIRECT,
): Promise<AuthSession> {
  await session.authorize({ redirectUri, interact: (url) => server.approve(url) });
  return session;
}

/** What the example writes to the console. */
export function spyOnConsole(method: "log" | "warn" = "log"): () => string {
  const spy = vi.spyOn(console, method).mockReturnValue();
  return () => spy.mock.calls.map((values) => values.map(String).join(" ")).join("\n");
}
