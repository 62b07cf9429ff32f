import { describe, expect, it } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import { REDIRECT_URI, jsonOf, logIn, postForm } from "./plain-client.js";

const PRM = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
const ASM = "https://auth.example.com/.well-known/oauth-authorization-server";

const createServer = (): FakeAuthServer =>
  createFakeAuthServer({
    clients: [{ client_id: "app", redirect_uris: [REDIRECT_URI] }],
    requiredScope: "mcp:read",
    pathScopes: { "/mcp/admin": "mcp:admin" },
    toolScopes: { write: "mcp:write" },
  });

type Request = (server: FakeAuthServer) => Promise<Response>;

const withHeader =
  (authorization: string | undefined): Request =>
  (server) =>
    server.fetch(server.serverUrl, authorization === undefined ? {} : { headers: { authorization } });

const withToken =
  (
    after: (server: FakeAuthServer, tokens: Awaited<ReturnType<typeof logIn>>) => unknown,
    {
      path = "",
      body,
      scheme = "Bearer",
      login = {},
    }: {
      path?: string;
      body?: unknown;
      scheme?: string;
      login?: Record<string, string | undefined>;
    } = {},
  ): Request =>
  async (server) => {
    const tokens = await logIn(server, "app", login);
    const other = await after(server, tokens);
    const token = typeof other === "string" ? other : tokens.access_token;
    return server.fetch(server.serverUrl + path, {
      headers: { authorization: `${scheme} ${token}`, "content-type": "application/json" },
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    });
  };

const nothing = (): void => undefined;
const call = (name: string): unknown => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } });

describe("the protected resource", () => {
  it.each<[name: string, rfc: string, status: number, error: string | undefined, scope: string | undefined, Request]>([
    ["no authorization", "RFC 6750 §3.1", 401, undefined, "mcp:read", withHeader(undefined)],
    ["another scheme", "RFC 6750 §3.1", 401, undefined, "mcp:read", withHeader("Basic eDp5")],
    ["a scheme without a token", "RFC 6750 §2.1", 401, undefined, "mcp:read", withHeader("Bearer")],
    ["an unknown token", "RFC 6750 §3.1", 401, "invalid_token", "mcp:read", withHeader("Bearer magic")],
    ["a good token", "RFC 6750 §2.1", 200, undefined, undefined, withToken(nothing)],
    ["a scheme in lower case", "RFC 9110 §11.1", 200, undefined, undefined, withToken(nothing, { scheme: "bearer" })],
    [
      "an expired token",
      "RFC 6750 §3.1",
      401,
      "invalid_token",
      "mcp:read",
      withToken((server) => {
        server.advance(86_400_000);
      }),
    ],
    [
      "a revoked token",
      "RFC 6750 §3.1",
      401,
      "invalid_token",
      "mcp:read",
      withToken((server, { access_token: token }) => postForm(server, "/revoke", { client_id: "app", token })),
    ],
    [
      "a refresh token",
      "RFC 6749 §1.5",
      401,
      "invalid_token",
      "mcp:read",
      withToken((_, { refresh_token: token }) => token),
    ],
    [
      "a token for no resource",
      "RFC 8707 §2",
      401,
      "invalid_token",
      "mcp:read",
      async (server) => {
        const tokens = await logIn(server, "app", { resource: undefined }, { resource: undefined });
        return withHeader(`Bearer ${tokens.access_token}`)(server);
      },
    ],
    [
      "another server's token",
      "RFC 9068 §4",
      401,
      "invalid_token",
      "mcp:read",
      async (server) => withHeader(`Bearer ${(await logIn(createServer(), "app")).access_token}`)(server),
    ],
    [
      "less scope than it takes",
      "RFC 6750 §3.1",
      403,
      "insufficient_scope",
      "mcp:read",
      withToken(nothing, { login: { scope: "other" } }),
    ],
    [
      "less scope than the path takes",
      "RFC 6750 §3.1",
      403,
      "insufficient_scope",
      "mcp:read mcp:admin",
      withToken(nothing, { path: "/admin/users" }),
    ],
    [
      "less scope than the tool takes",
      "RFC 6750 §3.1",
      403,
      "insufficient_scope",
      "mcp:read mcp:write",
      withToken(nothing, { body: call("write") }),
    ],
    ["another tool", "RFC 6750 §2.1", 200, undefined, undefined, withToken(nothing, { body: call("read") })],
    [
      "a token in the query",
      "OAuth 2.1 §5.1",
      401,
      undefined,
      "mcp:read",
      async (server) => server.fetch(`${server.serverUrl}?access_token=${(await logIn(server, "app")).access_token}`),
    ],
    [
      "a token in a form",
      "OAuth 2.1 §5.1",
      401,
      undefined,
      "mcp:read",
      async (server) => {
        const body = new URLSearchParams({ access_token: (await logIn(server, "app")).access_token });
        return server.fetch(server.serverUrl, { method: "POST", body });
      },
    ],
  ])("%s (%s) → %i %s", async (_, __, status, error, scope, send) => {
    const response = await send(createServer());
    const challenge = response.headers.get("www-authenticate") ?? "";
    expect(response.status).toBe(status);
    expect(/error="([^"]*)"/.exec(challenge)?.[1]).toBe(error);
    expect(/[^_]scope="([^"]*)"/.exec(challenge)?.[1]).toBe(scope);
    // RFC 9728 §5.1
    expect(challenge).toMatch(status === 200 ? /^$/ : /^Bearer .*resource_metadata="https:/);
  });
});

describe("metadata", () => {
  it.each([
    ["the resource", "RFC 9728 §3.2", PRM, 200, { resource: "https://mcp.example.com/mcp" }],
    ["its authorization server", "RFC 9728 §2", PRM, 200, { authorization_servers: ["https://auth.example.com"] }],
    ["the authorization server", "RFC 8414 §3.2", ASM, 200, { issuer: "https://auth.example.com" }],
    ["its response types", "RFC 8414 §2", ASM, 200, { response_types_supported: ["code"] }],
    ["its PKCE methods", "OAuth 2.1 §7.5.2", ASM, 200, { code_challenge_methods_supported: ["S256"] }],
    ["its iss", "RFC 9207 §3", ASM, 200, { authorization_response_iss_parameter_supported: true }],
    ["another path", "RFC 8414 §3.2", `${ASM}/other`, 404, undefined],
    ["another resource", "RFC 9728 §3.1", `${PRM}/other`, 404, undefined],
  ])("%s (%s)", async (_, __, url, status, members) => {
    const response = await createServer().fetch(url);
    expect(response.status).toBe(status);
    if (members === undefined) return;
    expect(response.headers.get("content-type")).toBe("application/json");
    const metadata = await jsonOf(response);
    expect(metadata).toMatchObject(members);
    // RFC 8414 §3.2, RFC 9728 §3.2: no member without a value
    for (const value of Object.values(metadata)) expect(value).not.toEqual([]);
  });

  it("leaves out lists that are empty (RFC 8414 §3.2, RFC 9728 §3.2)", async () => {
    const server = createFakeAuthServer({ scopes: [], codeChallengeMethods: [] });
    for (const url of [PRM, ASM]) {
      for (const value of Object.values(await jsonOf(await server.fetch(url)))) expect(value).not.toEqual([]);
    }
  });

  it.each([PRM, ASM])("takes GET alone (RFC 9110 §15.5.6): %s", async (url) => {
    const response = await createServer().fetch(url, { method: "DELETE" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
  });
});
