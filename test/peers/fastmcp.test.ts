import { describe, expect, it } from "vitest";
import { describeLogins } from "./describe-logins.ts";
import { of, shows } from "./features.ts";
import { MCP_CLIENTS } from "./mcp-clients.ts";
import { askedOf, createPeerHost, REDIRECT_URI, started } from "./peer-host.ts";
import { startFastMcpPeer } from "./servers/fastmcp-peer.ts";

const [[, connect]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];
const DOCUMENT_URL = "https://host.example/client.json";

describeLogins({
  peer: "FastMCP",
  name: "FastMCP's proxy before oidc-provider",
  start: () => startFastMcpPeer(),
  asks: ["/.well-known/oauth-authorization-server", "/oauth/register", "authorization_code"],
  expires: false,
  asksUser: true,
  stepsUp: false,
  copiedRefreshToken: "refused",
});

describe("FastMCP's proxy before oidc-provider", of("FastMCP"), () => {
  it(
    "registers every client with a secret, for tokens to all of its origin",
    shows({ registration: "yes" }),
    async () => {
      const peer = await started(startFastMcpPeer());
      const { login } = createPeerHost(peer.serverUrl);

      expect(await login()).toMatchObject({
        resource: new URL(peer.serverUrl).origin,
        registration: {
          source: "dynamic",
          tokenEndpointAuthMethod: "client_secret_basic",
          clientSecret: expect.any(String) as string,
        },
      });
    },
  );

  it(
    "takes a client by the URL of its metadata document, without a secret although it lists no such way [spec-35]",
    shows({ "metadata document": "yes" }),
    async () => {
      const document = { client_id: DOCUMENT_URL, client_name: "peer test", redirect_uris: [REDIRECT_URI] };
      const peer = await started(startFastMcpPeer({ clientIdMetadataDocuments: { [DOCUMENT_URL]: document } }));
      const { login, session, unattended } = createPeerHost(peer.serverUrl, { clientMetadataUrl: DOCUMENT_URL });

      expect((await login()).registration).toMatchObject({
        source: "metadata_document",
        clientId: DOCUMENT_URL,
        tokenEndpointAuthMethod: "none",
      });
      expect((await unattended(peer.serverUrl, { method: "DELETE" })).status).not.toBe(401);
      expect(askedOf(peer.requests)).toEqual([
        "/.well-known/oauth-authorization-server",
        "refresh_token",
        "authorization_code",
      ]);
      expect(await session.signOut()).toEqual({ revoked: "unsupported" });
    },
  );

  it(
    "hides a tool that needs more scope, and never asks for that",
    shows({ "step-up": "no: tool hidden" }),
    async () => {
      const peer = await started(startFastMcpPeer());
      const { login, unattended } = createPeerHost(peer.serverUrl);
      await login();
      const callTool = await connect(peer.serverUrl, unattended);

      await expect(callTool("write_note", { text: "hello" })).rejects.toThrow(/write_note/);
      expect(peer.requests.map(({ status }) => status)).not.toContain(403);
    },
  );

  it("asks the server behind it once for each renewal", async () => {
    const peer = await started(startFastMcpPeer());
    let later = 0;
    const { login, session } = createPeerHost(peer.serverUrl, { now: () => Date.now() + later });
    await login();
    peer.upstreamRequests.length = 0;

    later = 3_590_000;
    await Promise.all([session.getAccessToken(), session.getAccessToken()]);
    expect(askedOf(peer.upstreamRequests)).toEqual(["refresh_token"]);
  });
});
