import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import { call, jsonOf, logIn, postForm, codeParams, registeredClientId } from "./plain-client.js";
import type { Tokens } from "./plain-client.js";

const METADATA = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"';

const callTool = (server: FakeAuthServer, token: string, body: unknown): Promise<Response> =>
  server.fetch(server.serverUrl, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
const toolCall = (name: unknown): object => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } });

test("answers a good token with its scope, whatever the case of the scheme", async () => {
  const server = createFakeAuthServer({ requiredScope: "a" });
  const tokens = await logIn(server, await registeredClientId(server), { scope: "a b" });
  const response = await server.fetch(`${server.serverUrl}/deeper`, {
    method: "POST",
    headers: { authorization: `bEARER ${tokens.access_token}` },
  });
  expect(response.status).toBe(200);
  expect(await jsonOf(response)).toEqual({ ok: true, scope: "a b" });
});

test("challenges requests without a token, without an error (RFC 6750 §3.1)", async () => {
  const server = createFakeAuthServer({ requiredScope: "a b" });
  for (const authorization of [undefined, "Basic abc", "Bearer", "Bearer two words"]) {
    const response = await server.fetch(
      server.serverUrl,
      authorization === undefined ? {} : { headers: { authorization } },
    );
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe(`Bearer scope="a b", ${METADATA}`);
    expect(await jsonOf(response)).toEqual({ error: "unauthorized" });
  }
  const query = await server.fetch(`${server.serverUrl}?access_token=any`);
  expect(query.status).toBe(401);
});

test("refuses tokens that are unknown, expired, revoked, or for no resource", async () => {
  const server = createFakeAuthServer({ now: () => 1_800_000_000_000 });
  const clientId = await registeredClientId(server);
  const tokens = await logIn(server, clientId);
  const unbound = (await jsonOf(
    await postForm(server, "/token", {
      ...(await codeParams(server, clientId, { resource: undefined })),
      resource: undefined,
    }),
  )) as unknown as Tokens;
  const problemWith = async (token: string): Promise<string | null> => {
    const response = await call(server, token);
    expect(response.status).toBe(401);
    return response.headers.get("www-authenticate");
  };
  const challenge = (problem: string): string =>
    `Bearer error="invalid_token", error_description="the access token ${problem}", ${METADATA}`;

  expect(await problemWith("made-up")).toBe(challenge("is not known here"));
  expect(await problemWith(unbound.access_token)).toBe(challenge("is for no particular resource"));
  server.advance(86_399_999);
  expect((await call(server, tokens.access_token)).status).toBe(200);
  server.advance(1);
  expect(await problemWith(tokens.access_token)).toBe(challenge("has expired"));
  server.revokeGrant(tokens.access_token);
  expect(await problemWith(tokens.access_token)).toBe(challenge("was revoked"));
});

test("refuses the tokens of another server", async () => {
  const [one, other] = [createFakeAuthServer(), createFakeAuthServer()];
  const tokens = await logIn(one, await registeredClientId(one));
  await logIn(other, await registeredClientId(other));
  expect((await call(other, tokens.access_token)).status).toBe(401);
});

test("grants what is required when nothing was asked for", async () => {
  const server = createFakeAuthServer({ requiredScope: "a" });
  const tokens = await logIn(server, await registeredClientId(server));
  expect(tokens.scope).toBe("a");
  expect((await call(server, tokens.access_token)).status).toBe(200);
});

test("asks for more scope by path, on the segment boundary, naming all that the request needs", async () => {
  const server = createFakeAuthServer({ requiredScope: "a", pathScopes: { "/mcp/admin": "admin" } });
  const clientId = await registeredClientId(server);
  const { access_token: token } = await logIn(server, clientId, { scope: "a" });
  for (const [path, status] of [
    ["/mcp", 200],
    ["/mcp/administration", 200],
    ["/mcp/admin", 403],
    ["/mcp/admin/users", 403],
  ] as const) {
    expect((await call(server, token, `https://mcp.example.com${path}`)).status).toBe(status);
  }
  const response = await call(server, token, "https://mcp.example.com/mcp/admin");
  expect(response.headers.get("www-authenticate")).toBe(
    `Bearer error="insufficient_scope", error_description="the access token lacks a scope", scope="a admin", ${METADATA}`,
  );
  const { access_token: more } = await logIn(server, clientId, { scope: "a admin" });
  expect((await call(server, more, "https://mcp.example.com/mcp/admin")).status).toBe(200);
});

test("asks for more scope by the tool that is called", async () => {
  const server = createFakeAuthServer({ toolScopes: { write_file: "files:write files:read" } });
  const clientId = await registeredClientId(server);
  const { access_token: token } = await logIn(server, clientId, { scope: "files:read" });
  for (const [body, status] of [
    [toolCall("write_file"), 403],
    [[toolCall("read_file"), toolCall("write_file")], 403],
    [toolCall("read_file"), 200],
    [toolCall("toString"), 200],
    [toolCall(1), 200],
    [{ ...toolCall("write_file"), method: "tools/list" }, 200],
    [{ method: "tools/call", params: null }, 200],
    [{ method: "tools/call" }, 200],
    [null, 200],
    ["text", 200],
  ] as const) {
    expect((await callTool(server, token, body)).status, JSON.stringify(body)).toBe(status);
  }
  const response = await callTool(server, token, toolCall("write_file"));
  expect(response.headers.get("www-authenticate")).toContain('scope="files:write files:read"');
  const { access_token: more } = await logIn(server, clientId, { scope: "files:read files:write" });
  expect((await callTool(server, more, toolCall("write_file"))).status).toBe(200);
});

test("hands good requests on with their body, and no others", async () => {
  const handled: unknown[] = [];
  const server = createFakeAuthServer({
    handleResource: async (request, context) => {
      handled.push([request.method, await request.json(), context]);
      return new Response("mine", { status: 202 });
    },
  });
  const clientId = await registeredClientId(server);
  const { access_token: token } = await logIn(server, clientId, { scope: "a b" });
  await callTool(server, "made-up", toolCall("echo"));
  const response = await callTool(server, token, toolCall("echo"));
  expect([response.status, await response.text()]).toEqual([202, "mine"]);
  expect(handled).toEqual([["POST", toolCall("echo"), { clientId, subject: "user", scope: "a b" }]]);
});

test.each([
  ["https://mcp.example.com", ["/", "/any"], []],
  ["https://mcp.example.com/mcp/", ["/mcp/", "/mcp", "/mcp/x"], ["/", "/mcpx"]],
  ["https://mcp.example.com/mcp", ["/mcp", "/mcp/", "/mcp/x", "/mcp?x=1"], ["/", "/mcpx", "/x/mcp"]],
])("protects %s and what is below it", async (serverUrl, inside, outside) => {
  const server = createFakeAuthServer({ serverUrl });
  for (const path of inside) expect((await server.fetch(`https://mcp.example.com${path}`)).status, path).toBe(401);
  for (const path of outside) expect((await server.fetch(`https://mcp.example.com${path}`)).status, path).toBe(404);
  expect(server.counts).toMatchObject({ resource: inside.length, unknown: outside.length });
});

test("shares an origin with its authorization server", async () => {
  const server = createFakeAuthServer({ serverUrl: "https://mcp.example.com", issuer: "https://mcp.example.com" });
  const tokens = await logIn(server, await registeredClientId(server), { resource: "https://mcp.example.com" });
  expect((await call(server, tokens.access_token)).status).toBe(200);
  expect(server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1, resource: 1 });
});

test("takes tokens for no particular resource where there is no protected resource metadata", async () => {
  const server = createFakeAuthServer({ resourceMetadata: "none", issuer: "https://mcp.example.com" });
  const tokens = await logIn(server, await registeredClientId(server), { resource: undefined });
  expect((await call(server, tokens.access_token)).status).toBe(200);
});
