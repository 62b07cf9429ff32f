// Its tests, with vitest and msw:  npx vitest run --root examples/testing-your-client
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { createFakeAuthServer, mswHandlers } from "mcp-oauth-client/testing";
import { http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { connectToNotes } from "./notes-client.ts";

const network = setupServer();
beforeAll(() => network.listen({ onUnhandledFrame: "error" }));
afterAll(() => network.close());

/** An MCP server behind a fake authorization server, where the client would find it on the network. */
function startServer() {
  const mcp = createMcpHandler(() => new McpServer({ name: "notes", version: "1.0.0" }));
  const server = createFakeAuthServer({ requiredScope: "notes:read", handleResource: (request) => mcp.fetch(request) });
  network.resetHandlers(...mswHandlers(http, server));
  return server;
}

test("logs in once, and renews by itself", async () => {
  const server = startServer();
  const client = await connectToNotes(server.serverUrl, (url) => server.approve(url));
  await vi.waitUntil(() => server.counts.resource === 4, { timeout: 10_000 }); // its stream is open, too
  server.advance(86_400_000); // a day, as long as a token lives
  await client.ping();
  expect(server.counts).toMatchObject({ authorization: 1, token: 1, refresh: 1 });
  server.expectNoUnexpectedRequests();
});

test.each([
  ["a callback of another issuer", { fault: "wrong_issuer", endpoint: "authorization" }, /issuer|iss/],
  ["a gateway that is down", { fault: "502", endpoint: "token" }, /502/],
  ["an answer that got lost", { fault: "lost_answer", endpoint: "token" }, /fetch/],
] as const)("fails at %s", async (_, fault, message) => {
  const server = startServer();
  server.faults.add(fault);
  await expect(connectToNotes(server.serverUrl, (url) => server.approve(url))).rejects.toThrow(message);
  expect(server.counts.resource).toBe(1); // and sent no token
});
