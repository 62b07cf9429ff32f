import { describe, expect, it, onTestFinished } from "vitest";
import { createAuthClient, createAuthFetch, discoverAuthServer, type AuthClientOptions } from "../../src/index.js";
import { authorizeWithLoopback } from "../../src/node.js";
import { createScriptedBrowser, type ScriptedBrowserOptions } from "../support/scripted-browser.ts";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { askedOf, createPeerHost } from "./peer-host.ts";
import {
  startOidcProviderPeer,
  type OidcProviderPeer,
  type OidcProviderPeerOptions,
} from "./servers/oidc-provider-peer.ts";

const [[, connectV1]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];
const REDIRECT_URI = "http://127.0.0.1:9/callback";

async function start(options?: OidcProviderPeerOptions): Promise<OidcProviderPeer> {
  const peer = await startOidcProviderPeer(options);
  onTestFinished(() => peer.close());
  return peer;
}

/** A login whose callback is read off the browser's address bar. */
async function login(
  peer: OidcProviderPeer,
  options: Partial<AuthClientOptions>,
  browserOptions: ScriptedBrowserOptions = {},
): Promise<ReturnType<ReturnType<typeof createAuthClient>["session"]>> {
  const browser = createScriptedBrowser({ ...browserOptions, callback: "capture" });
  const client = createAuthClient({ clientMetadata: { client_name: "peer test" }, ...options });
  const session = client.session(peer.serverUrl);
  await session.authorize({ redirectUri: REDIRECT_URI, scope: "mcp:read", interact: (url) => browser.open(url) });
  return session;
}

describe("oidc-provider", () => {
  it("knows the client by its metadata document and registers nothing [spec-34, spec-35, spec-36]", async () => {
    const clientId = "https://host.example/client.json";
    const document = {
      client_id: clientId,
      client_name: "peer test",
      redirect_uris: [REDIRECT_URI],
      application_type: "native",
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "none",
    };
    const peer = await start({ clientIdMetadataDocuments: { [clientId]: document } });
    const session = await login(peer, { clientMetadataUrl: clientId });

    expect((await session.getTokens())?.registration).toMatchObject({ clientId, source: "metadata_document" });
    expect(askedOf(peer.requests)).toEqual([
      "/.well-known/oauth-authorization-server",
      "refresh_token",
      "authorization_code",
    ]);
  });

  it.each(["client_secret_basic", "client_secret_post"] as const)(
    "knows a client that was registered beforehand by its secret, odd characters included: %s [spec-45, spec-93]",
    async (tokenEndpointAuthMethod) => {
      const [clientId, clientSecret] = ["host:one-two_three.four", "p%20ss+w/rd & ~!*'()"];
      const peer = await start({
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            redirect_uris: [REDIRECT_URI],
            application_type: "native",
            grant_types: ["authorization_code", "refresh_token"],
            token_endpoint_auth_method: tokenEndpointAuthMethod,
          },
        ],
      });
      const session = await login(peer, {
        preRegistered: [{ issuer: peer.issuer, clientId, clientSecret, tokenEndpointAuthMethod }],
      });

      const response = await createAuthFetch(session)(peer.serverUrl, { method: "GET" });
      expect(response.status).toBe(405);
      expect(await session.signOut()).toEqual({ revoked: "yes" });
    },
  );

  it("lets a native client come back on another port without registering again", async () => {
    const peer = await start();
    const { session, interactive } = createPeerHost(peer.serverUrl);
    await interactive(peer.serverUrl);
    const browser = createScriptedBrowser();
    const openUrl = async (url: URL): Promise<void> => {
      await browser.open(url);
    };
    await authorizeWithLoopback(session, { openUrl, force: true });

    expect(askedOf(peer.requests).filter((asked) => asked === "/reg")).toHaveLength(1);
  });

  it("passes on that the user refused a login [spec-84]", async () => {
    const peer = await start();

    await expect(login(peer, {}, { decision: "deny" })).rejects.toMatchObject({
      code: "authorization_denied",
      oauthError: "access_denied",
    });
  });

  it("leaves what was granted before alone when the user refuses more", async () => {
    const peer = await start();
    const { session, interactive } = createPeerHost(peer.serverUrl);
    await connectV1(peer.serverUrl, interactive);
    const granted = await session.getTokens();
    const refusing = createScriptedBrowser({ decision: "deny", callback: "capture" });
    const callTool = await connectV1(
      peer.serverUrl,
      createAuthFetch(session, {
        onAuthorizationRequired: async ({ scope, challenge }) => {
          await session.authorize({
            redirectUri: REDIRECT_URI,
            scope,
            challenge,
            interact: (url) => refusing.open(url),
          });
        },
      }),
    );

    expect(await refusalOf(callTool("write_note", { text: "hello" }))).toBe("authorization_denied");
    expect(await session.getTokens()).toEqual(granted);
    expect(await callTool("whoami")).toBe("alice");
  });

  it("refuses a token for a resource that is not its own", async () => {
    const peer = await start();
    const session = createAuthClient({
      clientMetadata: { client_name: "peer test" },
      discover: async (serverUrl, options) => ({
        ...(await discoverAuthServer(serverUrl, options)),
        resource: "https://other.example/mcp",
      }),
    }).session(peer.serverUrl);
    const browser = createScriptedBrowser({ callback: "capture" });

    await expect(
      session.authorize({ redirectUri: REDIRECT_URI, interact: (url) => browser.open(url) }),
    ).rejects.toMatchObject({ code: "authorization_denied", oauthError: "invalid_target" });
  });

  it("is left for another issuer when the MCP server moves, with a new client there [spec-54, spec-100]", async () => {
    const [peer, other] = [await start(), await start()];
    const { session, interactive, unattended } = createPeerHost(peer.serverUrl);
    await interactive(peer.serverUrl);
    const before = await session.getTokens();

    peer.setAuthorizationServers([other.issuer]);
    peer.expireAccessTokens();
    expect(await refusalOf(unattended(peer.serverUrl))).toBe("authorization_required");
    expect(await session.getTokens()).toBeUndefined();
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT_URI });
    expect(authorizationUrl.origin).toBe(other.issuer);
    expect(authorizationUrl.searchParams.get("client_id")).not.toBe(before?.registration.clientId);
    expect(askedOf(other.requests)).toEqual(["/.well-known/oauth-authorization-server", "/reg"]);
  });
});
