import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../../src/testing.js";
import { REDIRECT_URI, authorizationUrl, jsonOf, pkce, registeredClientId } from "./plain-client.js";
import type { Json } from "./plain-client.js";

const { challenge, verifier } = pkce();

const paramsOf = (url: URL): Record<string, string> => Object.fromEntries(url.searchParams);

async function serverAndClient(
  options: FakeAuthServerOptions = {},
  metadata: Json = {},
): Promise<{ server: FakeAuthServer; clientId: string }> {
  const server = createFakeAuthServer(options);
  return { server, clientId: await registeredClientId(server, metadata) };
}

test("approves with a code, the state and the issuer, at the redirect URI (RFC 6749 §4.1.2, RFC 9207)", async () => {
  const { server, clientId } = await serverAndClient({}, { redirect_uris: ["https://app.example/cb?tenant=1"] });
  const callback = await server.approve(
    authorizationUrl(server, clientId, challenge, { redirect_uri: "https://app.example/cb?tenant=1" }),
  );
  expect(callback.origin + callback.pathname).toBe("https://app.example/cb");
  expect(paramsOf(callback)).toEqual({
    tenant: "1",
    state: "the-state",
    iss: "https://auth.example.com",
    code: expect.any(String) as string,
  });
});

test("redirects a browser at once when there is no consent page", async () => {
  const { server, clientId } = await serverAndClient({ consentPage: false });
  const response = await server.fetch(authorizationUrl(server, clientId, challenge));
  expect(response.status).toBe(302);
  expect(new URL(response.headers.get("location") ?? "").searchParams.has("code")).toBe(true);
  expect((await server.fetch(authorizationUrl(server, clientId, challenge), { method: "POST" })).status).toBe(405);
});

test("denies with an error, and no code", async () => {
  const { server, clientId } = await serverAndClient();
  const url = authorizationUrl(server, clientId, challenge);
  const { error_description: description, ...params } = paramsOf(await server.deny(url));
  expect(description).toBe("the request was denied");
  expect(params).toEqual({ state: "the-state", iss: "https://auth.example.com", error: "access_denied" });
  expect((await server.deny(url, "temporarily_unavailable")).searchParams.get("error")).toBe("temporarily_unavailable");
});

test.each<[string, FakeAuthServerOptions["iss"], string | null]>([
  ["the issuer", {}, "https://auth.example.com"],
  ["the issuer, though not advertised", { advertised: false }, "https://auth.example.com"],
  ["nothing", { sent: false }, null],
  ["something else", { sent: "https://evil.example" }, "https://evil.example"],
  ["an empty string", { sent: "" }, ""],
])("sends as iss %s", async (_, iss, expected) => {
  const { server, clientId } = await serverAndClient({ iss });
  const url = authorizationUrl(server, clientId, challenge);
  expect((await server.approve(url)).searchParams.get("iss")).toBe(expected);
  expect((await server.deny(url)).searchParams.get("iss")).toBe(expected);
});

test.each<[string, Record<string, string | undefined>, string, FakeAuthServerOptions?]>([
  ["another response type", { response_type: "token" }, "unsupported_response_type"],
  ["no response type", { response_type: undefined }, "invalid_request"],
  ["no PKCE", { code_challenge: undefined, code_challenge_method: undefined }, "invalid_request"],
  ["an empty challenge", { code_challenge: "" }, "invalid_request"],
  ["a method left to its default, plain", { code_challenge_method: undefined }, "invalid_request"],
  ["plain", { code_challenge_method: "plain" }, "invalid_request"],
  ["an unknown method", { code_challenge_method: "S512" }, "invalid_request"],
  ["S256 where plain alone is offered", {}, "invalid_request", { codeChallengeMethods: ["plain"] }],
  [
    "plain where nothing is offered",
    { code_challenge_method: "plain" },
    "invalid_request",
    { codeChallengeMethods: [] },
  ],
  ["a padded challenge", { code_challenge: `${challenge}=` }, "invalid_request"],
  ["a challenge that is too long", { code_challenge: `${challenge}x` }, "invalid_request"],
  [
    "a plain challenge that is too short",
    { code_challenge: "short", code_challenge_method: "plain" },
    "invalid_request",
    { codeChallengeMethods: ["plain"] },
  ],
  ["a challenge that is too short", { code_challenge: "short" }, "invalid_request"],
  ["another resource", { resource: "https://other.example/mcp" }, "invalid_target"],
  ["the resource with a slash", { resource: "https://mcp.example.com/mcp/" }, "invalid_target"],
  ["scopes that do not exist", { scope: "b c" }, "invalid_scope", { scopes: ["a"] }],
])("redirects with an error for %s", async (_, changes, error, options) => {
  const { server, clientId } = await serverAndClient(options);
  const callback = await server.approve(authorizationUrl(server, clientId, challenge, changes));
  const { error_description: description, ...params } = paramsOf(callback);
  expect(params).toEqual({ error, state: "the-state", iss: server.issuer });
  expect(description).not.toBe("");
});

test.each(["response_type", "code_challenge", "code_challenge_method", "scope", "state"])(
  "redirects with an error for a repeated %s",
  async (name) => {
    const { server, clientId } = await serverAndClient();
    const url = authorizationUrl(server, clientId, challenge, { scope: "a" });
    url.searchParams.append(name, url.searchParams.get(name) ?? "");
    expect((await server.approve(url)).searchParams.get("error")).toBe("invalid_request");
  },
);

test("refuses one foreign resource among several", async () => {
  const { server, clientId } = await serverAndClient();
  const url = authorizationUrl(server, clientId, challenge);
  url.searchParams.append("resource", "https://other.example");
  expect((await server.approve(url)).searchParams.get("error")).toBe("invalid_target");
});

test("redirects with an error when the client is not registered for the grant", async () => {
  const server = createFakeAuthServer({
    clients: [{ client_id: "machine", redirect_uris: [REDIRECT_URI], grant_types: ["refresh_token"] }],
  });
  const callback = await server.approve(authorizationUrl(server, "machine", challenge));
  expect(callback.searchParams.get("error")).toBe("unauthorized_client");
});

test.each<[string, Record<string, string | undefined>, string]>([
  ["an unknown client", { client_id: "nobody" }, "invalid_client"],
  ["no client", { client_id: undefined }, "invalid_request"],
  ["no redirect URI", { redirect_uri: undefined }, "invalid_request"],
  ["another redirect URI", { redirect_uri: "https://evil.example/callback" }, "invalid_request"],
  ["another path", { redirect_uri: "http://127.0.0.1:8976/callback/" }, "invalid_request"],
  ["another loopback address", { redirect_uri: "http://localhost:8976/callback" }, "invalid_request"],
  ["another query", { redirect_uri: "http://127.0.0.1:8976/callback?x" }, "invalid_request"],
  ["userinfo", { redirect_uri: "http://me@127.0.0.1:8976/callback" }, "invalid_request"],
])("shows an error page, and does not redirect, for %s", async (_, changes, error) => {
  const { server, clientId } = await serverAndClient();
  const url = authorizationUrl(server, clientId, challenge, changes);
  const response = await server.fetch(url);
  expect([response.status, response.headers.get("location")]).toEqual([400, null]);
  expect((await jsonOf(response))["error"]).toBe(error);
  await expect(server.approve(url)).rejects.toThrow(`the authorization endpoint answered 400: {"error":"${error}"`);
});

test("shows an error page for a repeated client or redirect URI", async () => {
  const { server, clientId } = await serverAndClient();
  for (const name of ["client_id", "redirect_uri"]) {
    const url = authorizationUrl(server, clientId, challenge);
    url.searchParams.append(name, url.searchParams.get(name) ?? "");
    await expect(server.approve(url)).rejects.toThrow("is repeated");
  }
});

test.each<[string, string, string, boolean | undefined, boolean]>([
  ["another port of 127.0.0.1", "http://127.0.0.1/cb", "http://127.0.0.1:50000/cb", true, true],
  ["another port of 127.0.0.1, by default", "http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", undefined, true],
  ["another port of ::1", "http://[::1]:1/cb", "http://[::1]:50000/cb", true, true],
  ["another port where the port is compared", "http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", false, false],
  ["the same port where the port is compared", "http://127.0.0.1:1/cb", "http://127.0.0.1:1/cb", false, true],
  ["another port of localhost", "http://localhost:1/cb", "http://localhost:2/cb", true, false],
  ["another port of an https URI", "https://127.0.0.1:1/cb", "https://127.0.0.1:2/cb", true, false],
  ["the other loopback address", "http://127.0.0.1:1/cb", "http://[::1]:1/cb", true, false],
])("compares redirect URIs (RFC 8252 §7.3): %s", async (_, registered, used, anyLoopbackPort, isAccepted) => {
  const { server, clientId } = await serverAndClient({ anyLoopbackPort }, { redirect_uris: [registered] });
  const approval = server.approve(authorizationUrl(server, clientId, challenge, { redirect_uri: used }));
  if (isAccepted) expect((await approval).href.startsWith(used)).toBe(true);
  else await expect(approval).rejects.toThrow("not registered");
});

test("grants no scope that the user left out, and only those that exist", async () => {
  const { server, clientId } = await serverAndClient({ scopes: ["a", "b", "c"] });
  const scopeOf = async (scope: string | undefined, approved?: string): Promise<unknown> => {
    const callback = await server.approve(authorizationUrl(server, clientId, challenge, { scope }), {
      scope: approved,
    });
    const response = await server.fetch(`${server.issuer}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        client_id: clientId,
        code: callback.searchParams.get("code") ?? "",
        redirect_uri: REDIRECT_URI,
        code_verifier: verifier,
      }),
    });
    return (await jsonOf(response))["scope"];
  };
  expect(await scopeOf("b a a x")).toBe("b a");
  expect(await scopeOf("a b", "b c")).toBe("b");
  expect(await scopeOf("a", "")).toBe(undefined);
  expect(await scopeOf(undefined)).toBe(undefined);
});

test("knows clients by their metadata document (Client ID Metadata Documents)", async () => {
  const url = "https://app.example/client.json";
  const document = { client_id: url, client_name: "Example", redirect_uris: [REDIRECT_URI] };
  const asked: string[] = [];
  const serverWith = (found: Record<string, unknown> | Response): FakeAuthServer =>
    createFakeAuthServer({
      clientIdMetadataDocuments: true,
      fetch: (documentUrl) => {
        asked.push(String(documentUrl));
        return Promise.resolve(found instanceof Response ? found : Response.json(found));
      },
    });
  const approve = async (server: FakeAuthServer, clientId = url): Promise<boolean> =>
    (await server.approve(authorizationUrl(server, clientId, challenge))).searchParams.has("code");

  expect(await approve(serverWith(document))).toBe(true);
  expect(asked).toEqual([url]);
  for (const [found, clientId] of [
    [new Response(null, { status: 404 }), url],
    [Response.redirect("https://app.example/moved"), url],
    [Response.json(document, { status: 201 }), url],
    [new Response(JSON.stringify(document)), url],
    [new Response("{", { headers: { "content-type": "application/json" } }), url],
    [Response.json(null), url],
    [{ ...document, padding: "x".repeat(16_384) }, url],
    [{ ...document, client_id: "https://app.example/other.json" }, url],
    [{ ...document, client_name: undefined }, url],
    [{ ...document, redirect_uris: undefined }, url],
    [{ ...document, token_endpoint_auth_method: "client_secret_post" }, url],
    [{ ...document, client_secret: "s" }, url],
    [{ ...document, client_id: "http://app.example/client.json" }, "http://app.example/client.json"],
    [{ ...document, redirect_uris: ["http://app.example/callback"] }, url],
    [{ ...document, client_id: "https://app.example/" }, "https://app.example/"],
    [{ ...document, client_id: `${url}#x` }, `${url}#x`],
    [{ ...document, client_id: "https://me@app.example/c" }, "https://me@app.example/c"],
    [{ ...document, client_id: "https://app.example/a/../c" }, "https://app.example/a/../c"],
  ] as const) {
    await expect(approve(serverWith(found), clientId)).rejects.toThrow("not known");
  }
  await expect(approve(createFakeAuthServer({ clientIdMetadataDocuments: true }))).rejects.toThrow("not known");
  await expect(approve(createFakeAuthServer())).rejects.toThrow("not known");
});

test("takes either method where both are offered", async () => {
  const { server, clientId } = await serverAndClient({ codeChallengeMethods: ["plain", "S256"] });
  for (const code_challenge_method of ["plain", "S256", undefined]) {
    const callback = await server.approve(authorizationUrl(server, clientId, challenge, { code_challenge_method }));
    expect(callback.searchParams.has("code")).toBe(true);
  }
});

test("needs no resource parameter, and reads none, without protected resource metadata", async () => {
  const { server, clientId } = await serverAndClient({ resourceMetadata: "none" });
  const url = authorizationUrl(server, clientId, challenge, { resource: "https://anything.example" });
  expect((await server.approve(url)).searchParams.has("code")).toBe(true);
});
