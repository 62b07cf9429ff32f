import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { expect, it, onTestFinished, vi } from "vitest";
import { createAuthClient, createAuthFetch, createMemoryStore } from "../../../src/index.js";
import { createFakeAuthServer, mswHandlers } from "../../../src/testing.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import { failureOf, until } from "../../support/host.js";

function mounted(...servers: readonly FakeAuthServer[]): void {
  const others = http.get("https://other.example/", () => HttpResponse.text("other"));
  const network = setupServer(...servers.flatMap((server) => mswHandlers(http, server)), others);
  network.listen({ onUnhandledFrame: "error" });
  onTestFinished(() => network.close());
}

it("answers a client that knows no other fetch than the global one", async () => {
  const server = createFakeAuthServer({ requiredScope: "read" });
  mounted(server);
  const client = createAuthClient({
    clientMetadata: { client_name: "Test" },
    store: createMemoryStore({ now: server.now }),
    now: server.now,
  });
  const session = client.session(server.serverUrl);
  await session.authorize({
    redirectUri: "http://127.0.0.1:8976/callback",
    interact: (url) => server.approve(url),
  });
  server.advance(86_400_000);
  expect((await createAuthFetch(session)(server.serverUrl, { method: "POST", body: "{}" })).status).toBe(200);
  expect(server.counts).toMatchObject({ registration: 1, token: 1, refresh: 1, resource: 1 });
});

it("leaves other origins to other handlers", async () => {
  vi.spyOn(console, "error").mockReturnValue();
  const server = createFakeAuthServer();
  mounted(server);
  expect(await (await fetch("https://other.example/")).text()).toBe("other");
  await expect(fetch("https://unknown.example/")).rejects.toThrow(TypeError);
  expect(server.requests).toEqual([]);
});

it("answers for the root, for a port, and for both origins", async () => {
  const server = createFakeAuthServer({ serverUrl: "http://localhost:8123", issuer: "https://auth.example.com:444/a" });
  mounted(server);
  expect((await fetch(server.serverUrl)).status).toBe(401);
  expect((await fetch("https://auth.example.com:444/.well-known/oauth-authorization-server/a")).status).toBe(200);
  expect((await fetch("https://auth.example.com:444/")).status).toBe(404);
  expect(server.counts.resource).toBe(1);
});

it("lets the network fail when a fault says so, and shows mistakes of the test as such", async () => {
  vi.spyOn(console, "error").mockReturnValue();
  const server = createFakeAuthServer();
  mounted(server);
  server.faults.add({ fault: "network_error", endpoint: "resource" });
  server.faults.add({ fault: "cut_off", endpoint: "resource" });
  server.faults.add({
    endpoint: "resource",
    fault: () => {
      throw new RangeError("made to fail");
    },
  });
  await expect(fetch(server.serverUrl)).rejects.toThrow(TypeError);
  await expect(fetch(server.serverUrl).then((response) => response.text())).rejects.toThrow();
  expect((await fetch(server.serverUrl)).status).toBe(500);
});

it("lets go of a request that hangs", async () => {
  const server = createFakeAuthServer();
  mounted(server);
  server.faults.add({ fault: "hang", endpoint: "resource" });
  const controller = new AbortController();
  const hanging = failureOf(fetch(server.serverUrl, { signal: controller.signal }));
  await until(() => server.requests.length === 1);
  controller.abort(new Error("enough"));
  expect(await hanging).toMatchObject({ message: "enough" });
});
