import { describe, expect, it, onTestFinished } from "vitest";
import { discoverAuthServer, refreshTokens } from "../../src/index.js";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { askedOf, createPeerHost } from "./peer-host.ts";
import { startFastMcpPeer, type FastMcpPeer } from "./servers/fastmcp-peer.ts";

describe.each(MCP_CLIENTS)("FastMCP's proxy before oidc-provider, called by %s", (_name, connect) => {
  async function start(): Promise<FastMcpPeer> {
    const peer = await startFastMcpPeer();
    onTestFinished(() => peer.close());
    return peer;
  }

  it("registers the client with a secret, lets the user log in at the server behind it and serves the tool [spec-62]", async () => {
    const peer = await start();
    const { session, interactive } = createPeerHost(peer.serverUrl);
    const callTool = await connect(peer.serverUrl, interactive);

    expect(await callTool("whoami")).toBe("alice");
    expect(await session.getTokens()).toMatchObject({
      issuer: peer.issuer,
      refreshToken: expect.any(String) as string,
      registration: { source: "dynamic", clientSecret: expect.any(String) as string },
    });
    expect(askedOf(peer.requests)).toEqual([
      "/.well-known/oauth-authorization-server",
      "/oauth/register",
      "authorization_code",
    ]);
  });

  it("is asked once to renew an expired token for calls at the same time, and rotates the refresh token [spec-105]", async () => {
    const peer = await start();
    let later = 0;
    const { session, interactive, unattended } = createPeerHost(peer.serverUrl, { now: () => Date.now() + later });
    await connect(peer.serverUrl, interactive);
    const callTool = await connect(peer.serverUrl, unattended);
    const first = await session.getTokens();
    if (first === undefined) throw new Error("no tokens after the login");
    peer.requests.length = 0;
    peer.upstreamRequests.length = 0;

    later = 3_590_000;
    expect(await Promise.all(["whoami", "whoami", "whoami"].map((tool) => callTool(tool)))).toEqual([
      "alice",
      "alice",
      "alice",
    ]);
    expect(askedOf(peer.requests)).toEqual(["refresh_token"]);
    expect(askedOf(peer.upstreamRequests).filter((asked) => asked === "refresh_token")).toHaveLength(1);
    const second = await session.getTokens();
    expect(second?.accessToken).not.toBe(first.accessToken);
    expect(second?.refreshToken).not.toBe(first.refreshToken);

    // a copy of the old one is refused, and does the new one no harm
    const server = await discoverAuthServer(peer.serverUrl);
    await expect(refreshTokens(server, first)).rejects.toMatchObject({ code: "refresh_rejected" });
    later *= 2;
    expect(await callTool("whoami")).toBe("alice");
  });

  it("cannot revoke, and is not asked anything with forgotten tokens", async () => {
    const peer = await start();
    const { session, interactive, unattended } = createPeerHost(peer.serverUrl);
    await connect(peer.serverUrl, interactive);
    const callTool = await connect(peer.serverUrl, unattended);

    expect(await session.signOut()).toEqual({ revoked: "unsupported" });
    expect(await refusalOf(callTool("whoami"))).toBe("authorization_required");
  });

  it("tells the host that the user refused", async () => {
    const peer = await start();
    const { session, interactive } = createPeerHost(peer.serverUrl, { browser: { decision: "deny" } });

    expect(await refusalOf(connect(peer.serverUrl, interactive))).toBe("authorization_denied");
    expect(await session.getTokens()).toBeUndefined();
  });
});
