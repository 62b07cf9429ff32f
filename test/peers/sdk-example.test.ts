import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { of, shows } from "./features.ts";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { createPeerHost } from "./peer-host.ts";
import { startSdkExamplePeer, type SdkExamplePeer } from "./servers/sdk-example-peer.ts";

/** One for all tests, for it is a process of its own: each test is another client there. */
let peer: SdkExamplePeer;
beforeAll(async () => {
  peer = await startSdkExamplePeer();
});
afterAll(() => peer.close());

const [[, connectV1]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];

describe.each(MCP_CLIENTS)("the SDK's own example server, called by %s", of("SDK example"), (_name, connect) => {
  const login = "registers a client, gives it tokens without a refresh token, and serves a tool [spec-104]";
  it(login, shows({ "login and tool call": "yes", registration: "yes" }), async () => {
    const { serverUrl, issuer } = peer;
    const { session, interactive } = createPeerHost(serverUrl);
    const callTool = await connect(serverUrl, interactive);

    expect(await callTool("greet", { name: "Ada" })).toBe("Hello, Ada!");
    const tokens = await session.getTokens();
    expect(tokens).toMatchObject({
      issuer,
      resource: serverUrl,
      scope: "mcp:tools",
      registration: { source: "dynamic" },
    });
    expect(tokens).not.toHaveProperty("refreshToken");
  });

  const cells = shows({ "refresh and rotation": "no: login again", "copied refresh token": "no: none issued" });
  it("needs another login when its token has expired", cells, async () => {
    const { serverUrl } = peer;
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
});

describe("the SDK's own example server", of("SDK example"), () => {
  it("cannot revoke, and is not asked", shows({ revocation: "no: forgotten only" }), async () => {
    const { serverUrl } = peer;
    const { session, interactive, unattended } = createPeerHost(serverUrl);
    await connectV1(serverUrl, interactive);
    const callTool = await connectV1(serverUrl, unattended);

    expect(await session.signOut()).toEqual({ revoked: "unsupported" });
    expect(await session.getTokens()).toBeUndefined();
    expect(await refusalOf(callTool("greet", { name: "Ada" }))).toBe("authorization_required");
  });

  const cells = shows({ "user refuses": "no: not asked", "step-up": "no: never asked for" });
  it("asks no user, and serves a tool whatever was granted", cells, async () => {
    const { serverUrl } = peer;
    const { login, unattended } = createPeerHost(serverUrl, { browser: { decision: "deny" } });

    expect(await login({ scope: "other" })).toMatchObject({ scope: "other" });
    const callTool = await connectV1(serverUrl, unattended);
    expect(await callTool("greet", { name: "Ada" })).toBe("Hello, Ada!");
  });
});
