import { UnauthorizedError, type OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { createScriptedBrowser } from "../support/scripted-browser.ts";
import { REDIRECT_URI, started } from "./peer-host.ts";
import { startOidcProviderPeer } from "./servers/oidc-provider-peer.ts";
import { startSdkExamplePeer } from "./servers/sdk-example-peer.ts";
import { startSdkRouterPeer } from "./servers/sdk-router-peer.ts";

/** Logs the official SDK's own client in, which shows that a peer works without any of our code. */
async function connectWithSdk(serverUrl: string): Promise<{ client: Client; accessToken: string }> {
  const browser = createScriptedBrowser({ callback: "capture" });
  let callback = "";
  let registered: OAuthClientInformationMixed | undefined;
  let tokens: OAuthTokens | undefined;
  let verifier = "";
  const authProvider: OAuthClientProvider = {
    redirectUrl: REDIRECT_URI,
    clientMetadata: {
      client_name: "smoke test",
      redirect_uris: [REDIRECT_URI],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "none",
    },
    clientInformation: () => registered,
    saveClientInformation: (information) => void (registered = information),
    tokens: () => tokens,
    saveTokens: (issued) => void (tokens = issued),
    codeVerifier: () => verifier,
    saveCodeVerifier: (value) => void (verifier = value),
    redirectToAuthorization: async (url) => void (callback = await browser.open(url)),
  };
  const first = new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider });
  await expect(new Client({ name: "smoke", version: "1" }).connect(first)).rejects.toBeInstanceOf(UnauthorizedError);
  await first.finishAuth(new URL(callback).searchParams.get("code") ?? "");
  const client = new Client({ name: "smoke", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider }));
  onTestFinished(() => client.close());
  return { client, accessToken: tokens?.access_token ?? "" };
}

async function call(serverUrl: string, accessToken: string, tool: string): Promise<Response> {
  const response = await fetch(serverUrl, {
    method: "POST",
    headers: {
      authorization: `Bearer ${accessToken}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: tool, arguments: { text: "x" } },
    }),
  });
  await response.text();
  return response;
}

describe.each([
  ["oidc-provider with opaque tokens", () => startOidcProviderPeer()],
  ["oidc-provider with JWT tokens", () => startOidcProviderPeer({ accessTokenFormat: "jwt" })],
  ["the SDK's mcpAuthRouter", () => startSdkRouterPeer()],
])("the peer %s", (_name, start) => {
  it("serves a tool to the official SDK's client after a login", async () => {
    const peer = await started<Awaited<ReturnType<typeof start>>>(start());
    const { client } = await connectWithSdk(peer.serverUrl);

    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["whoami", "write_note"]);
    const result = await client.callTool({ name: "whoami", arguments: {} });
    expect(result.isError).not.toBe(true);
    expect(peer.requests).toContainEqual({
      party: "mcp_server",
      by: "host",
      method: "POST",
      path: "/mcp",
      operation: "tools/call whoami",
      status: 200,
    });
    expect(peer.requests).toContainEqual(
      expect.objectContaining({
        party: "authorization_server",
        path: "/token",
        operation: "authorization_code",
        status: 200,
      }),
    );
  });

  it("challenges a request without a token, with a foreign one, with an expired one and with too small a scope", async () => {
    const peer = await started<Awaited<ReturnType<typeof start>>>(start());
    const metadata = `resource_metadata="${new URL("/.well-known/oauth-protected-resource/mcp", peer.serverUrl).href}"`;

    const without = await fetch(peer.serverUrl, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    expect(without.status).toBe(401);
    expect(without.headers.get("www-authenticate")).toContain(metadata);
    expect(without.headers.get("www-authenticate")).toContain('scope="mcp:read"');

    const { accessToken } = await connectWithSdk(peer.serverUrl);
    expect((await call(peer.serverUrl, `${accessToken.slice(0, -4)}AAAA`, "whoami")).status).toBe(401);
    expect((await call(peer.serverUrl, accessToken, "whoami")).status).toBe(200);

    const small = await call(peer.serverUrl, accessToken, "write_note");
    expect(small.status).toBe(403);
    expect(small.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
    expect(small.headers.get("www-authenticate")).toContain('scope="mcp:write"');
    expect(peer.notes).toEqual([]);

    peer.expireAccessTokens();
    expect((await call(peer.serverUrl, accessToken, "whoami")).status).toBe(401);
  });
});

describe("the peer oidc-provider", () => {
  it("names another authorization server once it has moved", async () => {
    const peer = await started(startOidcProviderPeer());
    const metadataUrl = new URL("/.well-known/oauth-protected-resource/mcp", peer.serverUrl);
    const servers = async (): Promise<unknown> =>
      ((await (await fetch(metadataUrl)).json()) as { authorization_servers: unknown }).authorization_servers;

    expect(await servers()).toEqual([peer.issuer]);
    peer.setAuthorizationServers(["https://other.example"]);
    expect(await servers()).toEqual(["https://other.example"]);
  });

  it("answers access_denied to a user who refuses", async () => {
    const peer = await started(
      startOidcProviderPeer({
        clients: [
          {
            client_id: "known",
            redirect_uris: [REDIRECT_URI],
            application_type: "native",
            token_endpoint_auth_method: "none",
          },
        ],
      }),
    );
    const authorizationUrl = new URL("/auth", peer.issuer);
    authorizationUrl.search = new URLSearchParams({
      client_id: "known",
      response_type: "code",
      redirect_uri: REDIRECT_URI,
      scope: "mcp:read",
      resource: peer.serverUrl,
      code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
      code_challenge_method: "S256",
    }).toString();

    const callback = new URL(
      await createScriptedBrowser({ callback: "capture", decision: "deny" }).open(authorizationUrl),
    );
    expect(callback.searchParams.get("error")).toBe("access_denied");
    expect(callback.searchParams.get("iss")).toBe(peer.issuer);
  });
});

describe("the peer that is the SDK's example server", () => {
  it("serves a tool to the official SDK's client after a login", async () => {
    const peer = await started(startSdkExamplePeer());
    const { client } = await connectWithSdk(peer.serverUrl);

    const result = await client.callTool({ name: "greet", arguments: { name: "Ada" } });
    expect(result.content).toEqual([{ type: "text", text: "Hello, Ada!" }]);
  });
});
