import { describe, expect, it } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import { authorizeWithLoopback } from "../../src/node.js";
import { createScriptedBrowser } from "../support/scripted-browser.ts";
import { of, shows } from "./features.ts";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { askedOf, createPeerHost, REDIRECT_URI, started } from "./peer-host.ts";
import {
  startOidcProviderPeer,
  type OidcProviderPeer,
  type OidcProviderPeerOptions,
} from "./servers/oidc-provider-peer.ts";

const [[, connectV1]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];

const start = (options?: OidcProviderPeerOptions): Promise<OidcProviderPeer> => started(startOidcProviderPeer(options));

describe("oidc-provider", of("oidc-provider"), () => {
  const document = "knows the client by its metadata document and registers nothing [spec-34, spec-35, spec-36]";
  it(document, shows({ "metadata document": "yes" }), async () => {
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
    const { registration } = await createPeerHost(peer.serverUrl, { clientMetadataUrl: clientId }).login();

    expect(registration).toMatchObject({ clientId, source: "metadata_document" });
    expect(askedOf(peer.requests)).toEqual([
      "/.well-known/oauth-authorization-server",
      "refresh_token",
      "authorization_code",
    ]);
  });

  it.each(["client_secret_basic", "client_secret_post"] as const)(
    "knows a client that was registered beforehand by its secret, odd characters included: %s [spec-45, spec-93]",
    shows({ "registered by hand": "yes" }),
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
      const { login, session, unattended } = createPeerHost(peer.serverUrl, {
        preRegistered: [{ issuer: peer.issuer, clientId, clientSecret, tokenEndpointAuthMethod }],
      });
      await login();

      const response = await unattended(peer.serverUrl, { method: "GET" });
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
