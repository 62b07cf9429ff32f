// A host's own tests, without a network, a browser or a file:  node examples/in-memory-test/main.ts
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAuthClient, createAuthFetch, createMemoryStore, isAuthError } from "mcp-oauth-client";
import { createFakeAuthServer, type FakeAuthServer } from "mcp-oauth-client/testing";

/** The host, as it would be in production, save for the three lines that lead to the fake server. */
function startHost(server: FakeAuthServer) {
  const { fetch, now } = server;
  const store = createMemoryStore({ now });
  const session = createAuthClient({ clientMetadata: { client_name: "Example" }, store, fetch, now }).session(
    server.serverUrl,
  );
  const logIn = () =>
    session.authorize({ redirectUri: "http://127.0.0.1:8976/callback", interact: (url) => server.approve(url) });
  return { logIn, call: createAuthFetch(session) };
}

await test("asks the user once, and renews by itself when the day is over", async () => {
  const server = createFakeAuthServer();
  const host = startHost(server);
  await host.logIn();
  server.advance(86_400_000);
  assert.equal((await host.call(server.serverUrl)).status, 200);
  assert.deepEqual([server.counts.authorization, server.counts.refresh], [1, 1]);
});

await test("stays logged in when the authorization server is down for a while", async () => {
  const server = createFakeAuthServer();
  const host = startHost(server);
  await host.logIn();
  server.advance(86_400_000);
  server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
  await assert.rejects(host.call(server.serverUrl), (error) => isAuthError(error, "server_error"));
  server.advance(120_000); // as long as its Retry-After asked for
  assert.equal((await host.call(server.serverUrl)).status, 200);
  assert.equal(server.counts.authorization, 1);
});
