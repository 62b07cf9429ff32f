import { expect, it } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import type { FakeAuthServer } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost } from "../support/host.js";

/** What the application sent: the user's browser went to the authorization endpoint by itself. */
const sent = (server: FakeAuthServer): readonly string[] =>
  server.requests.map(({ endpoint }) => endpoint).filter((endpoint) => endpoint !== "authorization");

it("reaches the first answer with five requests from nothing, all of them for the one resource [spec-11, spec-68, spec-90]", async () => {
  const server = createFakeAuthServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  await createAuthFetch(session)(server.serverUrl);

  expect(sent(server)).toEqual([
    "protectedResourceMetadata",
    "authorizationServerMetadata",
    "registration",
    "token",
    "resource",
  ]);
  const asking = server.requests.filter(({ endpoint }) => endpoint === "authorization" || endpoint === "token");
  expect(asking.map(({ url, form }) => form.get("resource") ?? new URL(url).searchParams.get("resource"))).toEqual([
    server.serverUrl,
    server.serverUrl,
  ]);
});

it("reaches it with six when the server's 401 comes first", async () => {
  const server = createFakeAuthServer();
  const { session } = createHost(server);
  const authFetch = createAuthFetch(session, {
    onAuthorizationRequired: async ({ challenge }) => {
      await session.authorize(approvedBy(server, { challenge }));
    },
  });
  expect((await authFetch(server.serverUrl)).status).toBe(200);

  expect(sent(server)).toEqual([
    "resource",
    "protectedResourceMetadata",
    "authorizationServerMetadata",
    "registration",
    "token",
    "resource",
  ]);
});

it("reaches it with three when authorization server and client are known, also for another user", async () => {
  const server = createFakeAuthServer();
  const { client } = createHost(server);
  await client.session(server.serverUrl, { subject: "alice" }).authorize(approvedBy(server));
  const before = sent(server).length;
  const bob = client.session(server.serverUrl, { subject: "bob" });
  await bob.authorize(approvedBy(server));
  await createAuthFetch(bob)(server.serverUrl);

  expect(sent(server).slice(before)).toEqual(["protectedResourceMetadata", "token", "resource"]);
});

it("reaches it with three at a second MCP server of the same authorization server", async () => {
  const first = createFakeAuthServer();
  const second = createFakeAuthServer({ serverUrl: "https://second.example.com/mcp" });
  const { client, session } = createHost(first, {
    fetch: (input, init) =>
      String(input).startsWith("https://second.example.com/") ? second.fetch(input, init) : first.fetch(input, init),
  });
  await session.authorize(approvedBy(first));
  const before = first.requests.length;
  const { authorizationUrl } = await client
    .session(second.serverUrl)
    .startAuthorization({ redirectUri: "http://127.0.0.1:8976/callback" });

  expect(sent(second)).toEqual(["protectedResourceMetadata"]);
  expect(first.requests).toHaveLength(before);
  expect(authorizationUrl.origin).toBe(first.issuer);
});

it("costs nothing beside the call while the token is fresh, and does not look at the store", async () => {
  const server = createFakeAuthServer();
  const backing = new Map<string, string>();
  let touched = 0;
  const { session } = createHost(server, {
    store: {
      get: (key) => ((touched += 1), backing.get(key)),
      set: (key, value) => ((touched += 1), backing.set(key, value)),
      delete: (key) => ((touched += 1), backing.delete(key)),
    },
  });
  await session.authorize(approvedBy(server));
  const authFetch = createAuthFetch(session);
  const before = sent(server).length;
  touched = 0;
  for (let call = 0; call < 10; call += 1) await authFetch(server.serverUrl);

  expect(sent(server).slice(before)).toEqual(Array.from({ length: 10 }, () => "resource"));
  expect(touched).toBe(0);
});

it("costs one request more when the token has expired, also in a new process", async () => {
  const server = createFakeAuthServer();
  const store = new Map<string, string>();
  await createHost(server, { store }).session.authorize(approvedBy(server));
  const before = sent(server).length;
  server.advance(86_400_001);
  await createAuthFetch(createHost(server, { store }).session)(server.serverUrl);

  expect(sent(server).slice(before)).toEqual(["refresh", "resource"]);
});

it("costs a refresh, beside which the metadata is read again, when the server refuses the token [spec-21]", async () => {
  const server = createFakeAuthServer();
  const { session } = createHost(server);
  await session.authorize(approvedBy(server));
  const before = sent(server).length;
  server.expireAccessTokens();
  await createAuthFetch(session)(server.serverUrl);

  expect(sent(server).slice(before).sort()).toEqual(["protectedResourceMetadata", "refresh", "resource", "resource"]);
});
