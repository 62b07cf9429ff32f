import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { createAuthClient, createAuthFetch, discoverAuthServer } from "../../src/index.js";
import { createFakeAuthServer, mswHandlers } from "../../src/testing.js";

// imported before anything replaces the global fetch: whoever keeps the fetch of import time is not seen here
const network = setupServer();
beforeAll(() => {
  network.listen({ onUnhandledFrame: "error" });
});
afterEach(() => {
  network.resetHandlers();
  vi.useRealTimers();
});
afterAll(() => {
  network.close();
});

it("sends every leg of a login through the global fetch of the moment when no other is given [pain-38]", async () => {
  const server = createFakeAuthServer();
  network.use(...mswHandlers(http, server));
  const session = createAuthClient({ clientMetadata: { client_name: "Test" }, now: server.now }).session(
    server.serverUrl,
  );
  await session.authorize({
    redirectUri: "http://127.0.0.1:8976/callback",
    interact: (authorizationUrl) => server.approve(authorizationUrl),
  });
  const response = await createAuthFetch(session)(server.serverUrl);
  await session.signOut();

  expect(response.status).toBe(200);
  expect(server.counts).toMatchObject({
    protectedResourceMetadata: 1,
    authorizationServerMetadata: 1,
    registration: 1,
    token: 1,
    resource: 1,
    revocation: 2,
  });
});

it("gives up on a server that accepts the connection and says nothing [pain-39]", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  let noteRequest = (): void => undefined;
  const asked = new Promise<void>((resolve) => (noteRequest = resolve));
  network.use(
    http.all("*", () => {
      noteRequest();
      return new Promise<Response>(() => undefined);
    }),
  );
  const discovery = discoverAuthServer("https://mcp.example.com", { timeoutMs: 5000 });
  const outcome = expect(discovery).rejects.toMatchObject({
    code: "discovery_failed",
    cause: { code: "request_timeout" },
  });
  await asked;
  await vi.advanceTimersByTimeAsync(5000);
  await outcome;
});

it("says that the network failed, and where [pain-38]", async () => {
  network.use(http.all("*", () => HttpResponse.error()));
  await expect(discoverAuthServer("https://mcp.example.com")).rejects.toMatchObject({
    code: "discovery_failed",
    cause: { code: "network_error", url: "https://mcp.example.com/.well-known/oauth-protected-resource" },
  });
});
