import { describe, expect, it, onTestFinished } from "vitest";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { createPeerHost } from "./peer-host.ts";
import { startSdkExamplePeer, type SdkExamplePeer } from "./servers/sdk-example-peer.ts";

describe.each(MCP_CLIENTS)("the SDK's own example server, called by %s", (_name, connect) => {
  async function start(): Promise<SdkExamplePeer> {
    const peer = await startSdkExamplePeer();
    onTestFinished(() => peer.close());
    return peer;
  }

  it("gives tokens without a refresh token, and serves a tool [spec-104]", async () => {
    const { serverUrl, issuer } = await start();
    const { session, interactive } = createPeerHost(serverUrl);
    const callTool = await connect(serverUrl, interactive);

    expect(await callTool("greet", { name: "Ada" })).toBe("Hello, Ada!");
    const tokens = await session.getTokens();
    expect(tokens).toMatchObject({ issuer, resource: serverUrl, scope: "mcp:tools" });
    expect(tokens).not.toHaveProperty("refreshToken");
  });

  it("needs another login when its token has expired", async () => {
    const { serverUrl } = await start();
    let offset = 0;
    const { session, interactive, unattended } = createPeerHost(serverUrl, { now: () => Date.now() + offset });
    const callTool = await connect(serverUrl, interactive);
    const callUnattended = await connect(serverUrl, unattended);
    const first = await session.getTokens();

    offset = 3_600_000;
    expect(await session.getAccessToken()).toBeUndefined();
    expect(await refusalOf(callUnattended("greet", { name: "Ada" }))).toBe("authorization_required");
    expect(await callTool("greet", { name: "Ada" })).toBe("Hello, Ada!");
    expect((await session.getTokens())?.accessToken).not.toBe(first?.accessToken);
  });

  it("cannot revoke, and is not asked anything with forgotten tokens", async () => {
    const { serverUrl } = await start();
    const { session, interactive, unattended } = createPeerHost(serverUrl);
    await connect(serverUrl, interactive);
    const callTool = await connect(serverUrl, unattended);

    expect(await session.signOut()).toEqual({ revoked: "unsupported" });
    expect(await session.getTokens()).toBeUndefined();
    expect(await refusalOf(callTool("greet", { name: "Ada" }))).toBe("authorization_required");
  });
});
