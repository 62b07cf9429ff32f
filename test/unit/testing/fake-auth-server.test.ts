import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import {
  REDIRECT_URI,
  authorizationUrl,
  call,
  jsonOf,
  logIn,
  pkce,
  postForm,
  refresh,
  registeredClientId,
} from "./plain-client.js";

test("is where it is told to be", () => {
  expect(createFakeAuthServer()).toMatchObject({
    serverUrl: "https://mcp.example.com/mcp",
    issuer: "https://auth.example.com",
  });
  const issuer = "http://localhost:1/tenant/";
  expect(createFakeAuthServer({ serverUrl: new URL("https://Example.com"), issuer })).toMatchObject({
    serverUrl: "https://example.com/",
    issuer,
  });
  expect(() => createFakeAuthServer({ serverUrl: "mcp" })).toThrow(TypeError);
  expect(() => createFakeAuthServer({ issuer: "auth" })).toThrow(TypeError);
});

test("records what it received, and counts it by part", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server, { client_name: "Example" });
  const tokens = await logIn(server, clientId, { scope: "a" });
  await call(server, tokens.access_token);
  await refresh(server, clientId, tokens.refresh_token);
  await postForm(server, "/revoke", { client_id: clientId, token: tokens.refresh_token });
  await server.fetch(new Request("https://elsewhere.example/?q=1", { method: "PUT", body: "text" }));

  expect(server.requests.map(({ endpoint, method, status }) => [endpoint, method, status])).toEqual([
    ["registration", "POST", 201],
    ["authorization", "GET", 302],
    ["token", "POST", 200],
    ["resource", "GET", 200],
    ["refresh", "POST", 200],
    ["revocation", "POST", 200],
    ["unknown", "PUT", 404],
  ]);
  expect(server.counts).toEqual({
    protectedResourceMetadata: 0,
    authorizationServerMetadata: 0,
    registration: 1,
    authorization: 1,
    consent: 0,
    token: 1,
    refresh: 1,
    clientConfiguration: 0,
    deviceAuthorization: 0,
    verification: 0,
    revocation: 1,
    introspection: 0,
    resource: 1,
    unknown: 1,
  });
  const [registration, authorization, token, resource, , , unknown] = server.requests;
  expect(registration?.json).toMatchObject({ client_name: "Example", redirect_uris: [REDIRECT_URI] });
  expect(registration?.headers["content-type"]).toBe("application/json");
  expect(new URL(authorization?.url ?? "").searchParams.get("scope")).toBe("a");
  expect(token?.form.get("grant_type")).toBe("authorization_code");
  expect(token?.json).toBeUndefined();
  expect(resource?.form.size).toBe(0);
  expect(unknown?.url).toBe("https://elsewhere.example/?q=1");
});

test("shows no code, verifier, token or secret, and names each the same way wherever it was", async () => {
  const server = createFakeAuthServer({
    clients: [{ client_id: "app", client_secret: "app's secret", redirect_uris: [REDIRECT_URI] }],
  });
  const { verifier, challenge } = pkce();
  const callback = await server.approve(authorizationUrl(server, "app", challenge));
  const code = callback.searchParams.get("code") ?? "";
  const basic = btoa("app:app%27s+secret");
  const params = { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: REDIRECT_URI };
  const response = await postForm(server, "/token", params, { authorization: `Basic ${basic}`, cookie: "id=private" });
  const tokens = (await response.json()) as { access_token: string; refresh_token: string };
  await call(server, tokens.access_token);
  await call(server, tokens.access_token, `${server.serverUrl}?access_token=${tokens.access_token}&x=1`);
  await refresh(server, "app", tokens.refresh_token, { client_secret: "app's secret" });
  await postForm(server, "/revoke", { client_id: "app", token: tokens.refresh_token });
  await server.fetch(server.serverUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_secret: "app's secret", code: 1, name: "kept" }),
  });
  await server.fetch(callback);

  const log = JSON.stringify(
    server.requests.map((request) => ({ ...request, form: Object.fromEntries(request.form) })),
  );
  for (const secret of [code, verifier, basic, "private", tokens.access_token, tokens.refresh_token, "app's secret"]) {
    expect(log).not.toContain(secret);
    expect(log).not.toContain(encodeURIComponent(secret));
  }
  const [, token, resource, query, refreshed, revoked, posted, arrived] = server.requests;
  expect(token?.form.get("code")).toBe("[code 1]");
  expect(token?.form.get("code_verifier")).toBe(server.nameOf(verifier));
  expect(token?.headers["authorization"]).toBe(`Basic ${server.nameOf(basic)}`);
  expect(resource?.headers["authorization"]).toBe("Bearer [access_token 1]");
  expect(query?.url).toBe("https://mcp.example.com/mcp?access_token=%5Baccess_token+1%5D&x=1");
  expect(refreshed?.form.get("refresh_token")).toBe("[refresh_token 1]");
  expect(refreshed?.form.get("client_secret")).toBe("[client_secret 1]");
  expect(revoked?.form.get("token")).toBe(server.nameOf(tokens.refresh_token));
  expect(posted?.json).toEqual({ client_secret: "[client_secret 1]", code: 1, name: "kept" });
  expect(new URL(arrived?.url ?? "").searchParams.get("code")).toBe("[code 1]");
  expect(server.nameOf("new here")).toMatch(/^\[secret \d+\]$/);
  expect(server.nameOf("new here")).toBe(server.nameOf("new here"));
  expect(server.nameOf("another")).not.toBe(server.nameOf("new here"));
});

test("keeps no large JSON, and keeps names of secrets as long as they are needed", async () => {
  const server = createFakeAuthServer();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ padding: "x".repeat(70_000) });
  await server.fetch(server.serverUrl, { method: "POST", headers, body });
  expect(server.requests[0]).toMatchObject({ json: undefined });
  const [rare, often] = [server.nameOf("rare"), server.nameOf("often")];
  for (let turn = 0; turn < 10_000; turn += 1) {
    server.nameOf(`secret ${turn}`);
    if (turn % 100 === 0) server.nameOf("often");
  }
  expect(server.nameOf("often")).toBe(often);
  expect(server.nameOf("rare")).not.toBe(rare);
});

test("says its own time in the `Date` of every answer, those of faults as well", async () => {
  const fixed = new Response("mine", { headers: { date: "Fri, 01 Jan 2027 12:00:00 GMT" } });
  const server = createFakeAuthServer({ now: () => Date.UTC(2027, 0, 1), handleResource: () => fixed });
  server.advance(60_000);
  const dateOf = async (path: string): Promise<string | null> =>
    (await server.fetch(`${server.issuer}${path}`)).headers.get("date");
  server.faults.add({ fault: "502", endpoint: "authorizationServerMetadata" });
  for (const path of ["/.well-known/oauth-authorization-server", "/authorize", "/nothing", "/token"]) {
    expect([path, await dateOf(path)]).toEqual([path, "Fri, 01 Jan 2027 00:01:00 GMT"]);
  }
  const { access_token: token } = await logIn(server, await registeredClientId(server));
  expect((await call(server, token)).headers.get("date")).toBe("Fri, 01 Jan 2027 12:00:00 GMT");
  server.faults.add({ fault: () => Response.error(), endpoint: "resource" });
  expect((await call(server, token)).type).toBe("error");
});

test("names requests for what is not there, and expects a client to look for metadata", async () => {
  const server = createFakeAuthServer({
    registration: "none",
    handleResource: () => new Response(null, { status: 404 }),
  });
  const { access_token: token } = await logIn(createFakeAuthServer(), "x").catch(() => ({ access_token: "x" }));
  await call(server, token);
  await server.fetch("https://auth.example.com/.well-known/openid-configuration");
  await server.fetch("https://mcp.example.com/.well-known/oauth-protected-resource");
  server.faults.add({ fault: "404", endpoint: "token" });
  await postForm(server, "/token", {});
  server.expectNoUnexpectedRequests();
  await postForm(server, "/register", {});
  await server.fetch("https://auth.example.com/token");
  await server.fetch("https://mcp.example.com/favicon.ico?code=secret");
  expect(() => {
    server.expectNoUnexpectedRequests();
  }).toThrow(
    "requests for what this server does not have: POST https://auth.example.com/register (404), " +
      "GET https://auth.example.com/token (405), GET https://mcp.example.com/favicon.ico?code=%5Bsecret+2%5D (404)",
  );
});

test("keeps time with the clock that it is given, and moves on when told", () => {
  let time = 1000;
  const server = createFakeAuthServer({ now: () => time });
  const { now } = server;
  expect(now()).toBe(1000);
  server.advance(500);
  time += 1;
  expect(now()).toBe(1501);
  const before = Date.now();
  expect(createFakeAuthServer().now()).toBeGreaterThanOrEqual(before);
});

test("ends access tokens early, and no refresh tokens", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  const tokens = await logIn(server, clientId);
  server.expireAccessTokens();
  expect((await call(server, tokens.access_token)).headers.get("www-authenticate")).toContain("has expired");
  const refreshed = await jsonOf(await refresh(server, clientId, tokens.refresh_token));
  expect((await call(server, refreshed["access_token"] as string)).status).toBe(200);
});

test("ends a grant by either of its tokens", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  for (const kind of ["access_token", "refresh_token"] as const) {
    const tokens = await logIn(server, clientId);
    server.revokeGrant(tokens[kind]);
    expect((await call(server, tokens.access_token)).status).toBe(401);
    expect((await refresh(server, clientId, tokens.refresh_token)).status).toBe(400);
  }
  expect(() => {
    server.revokeGrant("made-up");
  }).toThrow(new TypeError('"token" was not issued by this server'));
});

test("forgets a client: an error page at the authorization endpoint, invalid_client at the token endpoint", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  const tokens = await logIn(server, clientId);
  server.forgetClient(clientId);
  await expect(server.approve(authorizationUrl(server, clientId, pkce().challenge))).rejects.toThrow("answered 400");
  const response = await refresh(server, clientId, tokens.refresh_token);
  expect([response.status, (await jsonOf(response))["error"]]).toEqual([401, "invalid_client"]);
  expect(() => {
    server.forgetClient(clientId);
  }).toThrow(new TypeError('"clientId" is not registered at this server'));
});

test("moves the MCP server to another authorization server, and stays there for its own endpoints", async () => {
  const server = createFakeAuthServer();
  const next = createFakeAuthServer({ issuer: "https://next.example.com" });
  const clientId = await registeredClientId(server);
  const tokens = await logIn(server, clientId);
  server.moveTo(next);

  expect((await call(server, tokens.access_token)).status).toBe(401);
  const metadata = await server.fetch("https://mcp.example.com/.well-known/oauth-protected-resource/mcp");
  expect((await jsonOf(metadata))["authorization_servers"]).toEqual(["https://next.example.com"]);
  expect((await server.fetch("https://next.example.com/.well-known/oauth-authorization-server")).status).toBe(200);
  expect((await server.fetch("https://auth.example.com/.well-known/oauth-authorization-server")).status).toBe(200);
  expect((await server.fetch("https://auth.example.com/.well-known/openid-configuration")).status).toBe(404);
  expect((await refresh(server, clientId, tokens.refresh_token)).status).toBe(200);

  const body = JSON.stringify({ redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: "none" });
  const headers = { "content-type": "application/json" };
  const registered = await server.fetch("https://next.example.com/register", { method: "POST", headers, body });
  const { access_token: token } = await logIn(next, (await jsonOf(registered))["client_id"] as string);
  expect((await call(server, token)).status).toBe(200);
  expect(next.counts).toMatchObject({
    resource: 2,
    protectedResourceMetadata: 1,
    authorizationServerMetadata: 1,
    registration: 1,
  });
  expect(server.counts).toMatchObject({ resource: 0, authorizationServerMetadata: 2, refresh: 1, registration: 1 });
  next.expectNoUnexpectedRequests();
});

test("fetch takes whatever fetch takes, and may be handed on", async () => {
  const { fetch, serverUrl } = createFakeAuthServer();
  expect((await fetch(serverUrl)).status).toBe(401);
  expect((await fetch(new URL(serverUrl))).status).toBe(401);
  expect((await fetch(new Request(serverUrl))).status).toBe(401);
});

test("tells the tester what kept the user from the callback", async () => {
  const server = createFakeAuthServer();
  await expect(server.approve("https://auth.example.com/authorize")).rejects.toThrow("answered 400");
  await expect(server.deny("https://auth.example.com/token")).rejects.toThrow("answered 405");
  await expect(server.approve("https://elsewhere.example/")).rejects.toThrow("answered 404: Not Found");
});

test("rejects a request that was aborted, with the reason, and records nothing", async () => {
  const server = createFakeAuthServer();
  const reason = new Error("changed my mind");
  await expect(server.fetch(server.serverUrl, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(server.requests).toEqual([]);
});

test("hands on what a host's own functions throw", async () => {
  const failure = new Error("the host's own");
  const fail = (): never => {
    throw failure;
  };
  const server = createFakeAuthServer({ handleResource: fail, clientIdMetadataDocuments: true, fetch: fail });
  const tokens = await logIn(server, await registeredClientId(server));
  await expect(call(server, tokens.access_token)).rejects.toBe(failure);
  const url = authorizationUrl(server, "https://app.example/client.json", pkce().challenge);
  await expect(server.approve(url)).rejects.toBe(failure);
});
