import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeEndpoint, FaultName } from "../../../src/testing.js";
import { authorizationUrl, call, jsonOf, logIn, pkce, refresh, register, registeredClientId } from "./plain-client.js";

const metadataOf = (server: FakeAuthServer, init?: RequestInit): Promise<Response> =>
  server.fetch(`${server.issuer}/.well-known/oauth-authorization-server`, init);

test.each<[FaultName, number, string]>([
  ["500", 500, '{"error":"server_error"}'],
  ["503_retry_after", 503, '{"error":"temporarily_unavailable"}'],
  ["429", 429, '{"error":"temporarily_unavailable"}'],
  ["html_200", 200, "<!doctype html><title>Welcome</title>"],
  ["bad_json", 200, '{"access_token":'],
  ["error_in_200", 200, '{"error":"invalid_grant","error_description":"made to fail"}'],
])("%s", async (fault, status, body) => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "authorizationServerMetadata", fault });
  const response = await metadataOf(server);
  expect([response.status, await response.text()]).toEqual([status, body]);
  expect(response.headers.get("retry-after")).toBe(fault === "503_retry_after" ? "120" : null);
  expect(response.headers.get("content-type")).toBe(
    fault === "html_200" ? "text/html; charset=utf-8" : "application/json",
  );
  expect(server.requests.map((request) => request.status)).toEqual([status]);
  expect((await metadataOf(server)).status).toBe(200);
});

test("network_error loses the request", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "registration", fault: "network_error" });
  await expect(register(server)).rejects.toThrow(new TypeError("fetch failed"));
  expect(server.requests[0]).not.toHaveProperty("status");
  expect(await registeredClientId(server)).toMatch(/^client-1-/);
});

test("lost_answer acts on the request and loses the answer", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  const tokens = await logIn(server, clientId);
  server.faults.add({ endpoint: "refresh", fault: "lost_answer" });
  await expect(refresh(server, clientId, tokens.refresh_token)).rejects.toThrow(new TypeError("fetch failed"));
  expect((await jsonOf(await refresh(server, clientId, tokens.refresh_token)))["error"]).toBe("invalid_grant");
});

test("hang answers nothing until the request is aborted, with the reason", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "authorizationServerMetadata", fault: "hang", times: 2 });
  const controller = new AbortController();
  const reason = new Error("enough");
  const hanging = metadataOf(server, { signal: controller.signal });
  // the request is received first, and aborted then
  while (server.requests.length === 0) await Promise.resolve();
  controller.abort(reason);
  await expect(hanging).rejects.toBe(reason);

  const early = new AbortController();
  const aborted = metadataOf(server, { signal: early.signal });
  early.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  expect(server.requests.map(({ status }) => status)).toEqual([undefined, undefined]);
});

test("wrong_issuer changes the metadata and the callback, and nothing that has no issuer", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  for (const endpoint of ["authorizationServerMetadata", "authorization"] as const) {
    server.faults.add({ endpoint, fault: "wrong_issuer" });
  }
  expect(await jsonOf(await metadataOf(server))).toMatchObject({
    issuer: "https://wrong-issuer.example",
    token_endpoint: "https://auth.example.com/token",
  });
  const callback = await server.approve(authorizationUrl(server, clientId, pkce().challenge));
  expect(callback.searchParams.get("iss")).toBe("https://wrong-issuer.example");
  expect(callback.searchParams.has("code")).toBe(true);

  server.faults.add({ endpoint: "authorizationServerMetadata", fault: "wrong_issuer" });
  const missing = await server.fetch("https://auth.example.com/.well-known/openid-configuration");
  expect(missing.status).toBe(404);
});

test("befalls as many requests as told, of one part alone", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "resource", fault: "500", times: 2 });
  const statuses = [];
  for (let turn = 0; turn < 3; turn += 1) statuses.push((await call(server)).status);
  expect((await metadataOf(server)).status).toBe(200);
  expect(statuses).toEqual([500, 500, 401]);
});

test("befalls all requests until it is ended", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "resource", fault: "429", times: Infinity });
  for (let turn = 0; turn < 5; turn += 1) expect((await call(server)).status).toBe(429);
  server.faults.clear();
  expect((await call(server)).status).toBe(401);
});

test("befalls the requests that it is meant for", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "resource", fault: "500", when: ({ method }) => method === "POST" });
  expect((await call(server)).status).toBe(401);
  expect((await server.fetch(server.serverUrl, { method: "POST" })).status).toBe(500);
  expect((await server.fetch(server.serverUrl, { method: "POST" })).status).toBe(401);
});

test("several come one after the other", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "resource", fault: "500" });
  server.faults.add({ endpoint: "resource", fault: "429" });
  expect([(await call(server)).status, (await call(server)).status, (await call(server)).status]).toEqual([
    500, 429, 401,
  ]);
});

test("one of your own changes the answer, or takes its place", async () => {
  const server = createFakeAuthServer();
  server.faults.add({
    endpoint: "authorizationServerMetadata",
    fault: async (request, answer) => {
      const metadata = await jsonOf(await answer());
      return Response.json({ ...metadata, token_endpoint: new URL("/other", request.url) });
    },
  });
  expect(await jsonOf(await metadataOf(server))).toMatchObject({
    issuer: server.issuer,
    token_endpoint: "https://auth.example.com/other",
  });
  server.faults.add({ endpoint: "unknown", fault: () => new Response("found") });
  expect((await server.fetch("https://elsewhere.example/")).status).toBe(200);
});

test("refuses a name that is none, and times that are none", () => {
  const { faults } = createFakeAuthServer();
  const endpoint: FakeEndpoint = "token";
  expect(() => {
    faults.add({ endpoint, fault: "toString" as FaultName });
  }).toThrow(new TypeError('"fault" is no name of a fault: toString'));
  for (const times of [0, -1, NaN]) {
    expect(() => {
      faults.add({ endpoint, fault: "500", times });
    }).toThrow(new TypeError('"times" must be 1 or more'));
  }
});
