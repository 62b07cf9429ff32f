import { expect, onTestFinished, test, vi } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeEndpoint, FaultName } from "../../../src/testing.js";
import {
  REDIRECT_URI,
  authorizationUrl,
  call,
  jsonOf,
  logIn,
  pkce,
  postForm,
  refresh,
  register,
  registeredClientId,
} from "./plain-client.js";

const metadataOf = (server: FakeAuthServer, init?: RequestInit): Promise<Response> =>
  server.fetch(`${server.issuer}/.well-known/oauth-authorization-server`, init);

const PAGE = "text/html; charset=utf-8";
const JSON_TYPE = "application/json";

test.each<[FaultName, number, string, string]>([
  ["401", 401, '{"error":"unauthorized"}', JSON_TYPE],
  ["403", 403, "<!doctype html><title>Access denied</title>", PAGE],
  ["404", 404, "<!doctype html><title>Not found</title>", PAGE],
  ["429", 429, '{"error":"temporarily_unavailable"}', JSON_TYPE],
  ["500", 500, '{"error":"server_error"}', JSON_TYPE],
  ["502", 502, "<!doctype html><title>Bad gateway</title>", PAGE],
  ["html_200", 200, "<!doctype html><title>Welcome</title>", PAGE],
  ["empty_200", 200, "", JSON_TYPE],
  ["bad_json", 200, '{"access_token":', JSON_TYPE],
  ["json_list", 200, "[]", JSON_TYPE],
  ["error_in_200", 200, '{"error":"invalid_grant","error_description":"made to fail"}', JSON_TYPE],
  ["invalid_client", 401, '{"error":"invalid_client","error_description":"made to fail"}', JSON_TYPE],
  ["invalid_grant", 400, '{"error":"invalid_grant","error_description":"made to fail"}', JSON_TYPE],
  ["invalid_scope", 400, '{"error":"invalid_scope","error_description":"made to fail"}', JSON_TYPE],
  ["invalid_target", 400, '{"error":"invalid_target","error_description":"made to fail"}', JSON_TYPE],
  ["unauthorized_client", 400, '{"error":"unauthorized_client","error_description":"made to fail"}', JSON_TYPE],
])("%s", async (fault, status, body, type) => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "authorizationServerMetadata", fault });
  const response = await metadataOf(server);
  expect([response.status, await response.text()]).toEqual([status, body]);
  expect(response.headers.get("content-type")).toBe(type);
  expect(response.headers.has("retry-after")).toBe(false);
  expect(server.requests.map((request) => request.status)).toEqual([status]);
  expect((await metadataOf(server)).status).toBe(200);
});

test.each<[FaultName, number, string]>([
  ["429_retry_after", 429, "120"],
  ["503_retry_after", 503, "120"],
  ["503_retry_after_date", 503, "Sat, 21 Nov 2026 12:02:30 GMT"],
])("%s says when to come back", async (fault, status, retryAfter) => {
  const server = createFakeAuthServer({ now: () => Date.UTC(2026, 10, 21, 12) });
  server.advance(30_000);
  server.faults.add({ endpoint: "token", fault });
  const response = await postForm(server, "/token", {});
  expect([response.status, response.headers.get("retry-after")]).toEqual([status, retryAfter]);
});

test("oversized is more than any document", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "authorizationServerMetadata", fault: "oversized" });
  expect((await (await metadataOf(server)).text()).length).toBeGreaterThan(4_000_000);
});

test("cut_off breaks the connection in the middle of the answer", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "authorizationServerMetadata", fault: "cut_off" });
  const { status, body } = await metadataOf(server);
  expect(status).toBe(200);
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^\{"issuer":/);
  await expect(reader.read()).rejects.toThrow(new TypeError("fetch failed"));
});

test("redirected leads to another host", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "token", fault: "redirected" });
  const response = await postForm(server, "/token", {});
  expect([response.status, response.headers.get("location")]).toEqual([307, "https://elsewhere.example/"]);
});

test("slow answers after five seconds, or not at all to who has gone", async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "authorizationServerMetadata", fault: "slow", times: 2 });
  const answered = vi.fn();
  const slow = metadataOf(server).then(answered);
  await vi.advanceTimersByTimeAsync(4_999);
  expect(answered).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  await slow;
  expect(answered).toHaveBeenCalledWith(expect.objectContaining({ status: 200 }));

  const controller = new AbortController();
  const gone = metadataOf(server, { signal: controller.signal });
  await vi.advanceTimersByTimeAsync(1);
  controller.abort(new Error("enough"));
  await expect(gone).rejects.toThrow("enough");
  expect(vi.getTimerCount()).toBe(0);
});

test("an OAuth error of the authorization endpoint arrives in the callback", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  server.faults.add({ endpoint: "authorization", fault: "invalid_scope" });
  const callback = await server.approve(authorizationUrl(server, clientId, pkce().challenge));
  expect(Object.fromEntries(callback.searchParams)).toMatchObject({ error: "invalid_scope", iss: server.issuer });
  expect(callback.searchParams.has("code")).toBe(false);
});

test("forgotten_client ends a client for good, however it names itself", async () => {
  const server = createFakeAuthServer({
    clients: [{ client_id: "app:1", client_secret: "s", redirect_uris: [REDIRECT_URI] }],
  });
  const clientId = await registeredClientId(server);
  const tokens = await logIn(server, clientId);
  server.faults.add({ endpoint: "refresh", fault: "forgotten_client", times: 2 });
  expect((await refresh(server, clientId, tokens.refresh_token)).status).toBe(401);
  const basic = { authorization: `Basic ${btoa("app%3A1:s")}` };
  const params = { grant_type: "refresh_token", refresh_token: "x" };
  expect((await postForm(server, "/token", params, basic)).status).toBe(401);
  server.faults.clear();
  expect((await refresh(server, clientId, tokens.refresh_token)).status).toBe(401);

  const other = await registeredClientId(server);
  server.faults.add({ endpoint: "authorization", fault: "forgotten_client" });
  await expect(server.approve(authorizationUrl(server, other, pkce().challenge))).rejects.toThrow("answered 400");
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

test("an answer takes the place of the server's, which does nothing", async () => {
  const server = createFakeAuthServer();
  const body = { error: "invalid_client_metadata" };
  server.faults.add({ endpoint: "registration", fault: { status: 400, headers: { "retry-after": "7" }, body } });
  const refused = await register(server);
  expect([refused.status, refused.headers.get("retry-after"), await jsonOf(refused)]).toEqual([400, "7", body]);
  expect(refused.headers.get("content-type")).toBe(JSON_TYPE);
  expect(await registeredClientId(server)).toMatch(/^client-1-/);
});

test.each<[unknown, number | undefined, [number, string]]>([
  ["as it is", undefined, [200, "as it is"]],
  [["a", 1], undefined, [200, '["a",1]']],
  [null, undefined, [200, "null"]],
  ["", 204, [204, ""]],
])("an answer may be %j with status %s", async (body, status, expected) => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "resource", fault: { body, status } });
  const response = await call(server);
  expect([response.status, await response.text()]).toEqual(expected);
});

test("an answer changes members, headers and status of the server's, which has acted on the request", async () => {
  const server = createFakeAuthServer();
  server.faults.add({
    endpoint: "registration",
    fault: {
      status: 200,
      headers: { "cache-control": undefined, "x-a": "b" },
      members: { a: [1], grant_types: undefined },
    },
  });
  const response = await register(server);
  expect([response.status, response.headers.get("x-a"), response.headers.has("cache-control")]).toEqual([
    200,
    "b",
    false,
  ]);
  const registered = await jsonOf(response);
  expect(registered).toMatchObject({ a: [1], redirect_uris: [REDIRECT_URI] });
  expect(registered).not.toHaveProperty("grant_types");
  expect((await logIn(server, registered["client_id"] as string)).access_token).toBeTruthy();
});

test("an answer changes no member of an error, and deviations shape it as any other", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ endpoint: "token", fault: { members: { a: 1 } }, times: 2 });
  expect(await jsonOf(await postForm(server, "/token", {}))).not.toHaveProperty("a");
  server.faults.add({ fault: "nested_tokens" });
  expect(await logIn(server, await registeredClientId(server))).toMatchObject({ data: { a: 1, token_type: "Bearer" } });
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

test("one of your own changes the request before the server sees it", async () => {
  const server = createFakeAuthServer();
  server.faults.add({
    endpoint: "resource",
    fault: (request, answer) => answer(new Request(request, { headers: { authorization: "Bearer other" } })),
  });
  expect((await call(server)).headers.get("www-authenticate")).toContain("invalid_token");
  expect(server.requests[0]?.headers).not.toHaveProperty("authorization");
});

test("deviations last, come together, and leave room for what befalls once", async () => {
  const server = createFakeAuthServer();
  server.faults.add({ fault: "json_as_text" });
  server.faults.add({ fault: "missing_pkce_methods" });
  server.faults.add({ fault: "500", endpoint: "authorizationServerMetadata" });
  expect((await metadataOf(server)).status).toBe(500);
  for (let turn = 0; turn < 2; turn += 1) {
    const response = await metadataOf(server);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await jsonOf(response)).not.toHaveProperty("code_challenge_methods_supported");
  }
});

test("a deviation can be confined to one part, to some requests, and to a number of them", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  server.faults.add({ fault: "refresh_token_missing", endpoint: "refresh", times: 1 });
  const first = await logIn(server, clientId);
  expect(first).toHaveProperty("refresh_token");
  expect(await jsonOf(await refresh(server, clientId, first.refresh_token))).not.toHaveProperty("refresh_token");
  const second = await logIn(server, clientId);
  expect(await jsonOf(await refresh(server, clientId, second.refresh_token))).toHaveProperty("refresh_token");
});

test("refuses a place where nothing deviates, and a fault without a place", () => {
  const { faults } = createFakeAuthServer();
  expect(() => {
    faults.add({ fault: "slack_tokens", endpoint: "resource" });
  }).toThrow(new TypeError('"fault" slack_tokens changes nothing at "endpoint" resource'));
  expect(() => {
    faults.add({ fault: "500" } as never);
  }).toThrow(new TypeError('"endpoint" must be given for this fault'));
});

test("refuses a name that is none, and times that are none", () => {
  const { faults } = createFakeAuthServer();
  const endpoint: FakeEndpoint = "token";
  expect(() => {
    faults.add({ endpoint, fault: "toString" as FaultName });
  }).toThrow(new TypeError('"fault" is no name of a fault: toString'));
  expect(() => {
    faults.add({ fault: "missing_pkce" as FaultName } as never);
  }).toThrow(new TypeError('"fault" is no name of a fault: missing_pkce'));
  for (const times of [0, -1, NaN]) {
    expect(() => {
      faults.add({ endpoint, fault: "500", times });
    }).toThrow(new TypeError('"times" must be 1 or more'));
  }
});
