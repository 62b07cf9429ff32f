import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryStore, discoverAuthServer, refreshTokens } from "../../src/index.js";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { askedOf, browserVisits, createPeerHost } from "./peer-host.ts";
import { startOidcProviderPeer } from "./servers/oidc-provider-peer.ts";
import type { RecordedRequest } from "./servers/recorded-request.ts";
import { startSdkRouterPeer } from "./servers/sdk-router-peer.ts";

/** Requests that have a name; the stream that the stateful wire opens beside the calls has none. */
const named = (requests: readonly RecordedRequest[]): unknown[] =>
  requests.filter(({ operation }) => operation !== undefined).map(({ operation, status }) => [operation, status]);

/** What the peers that rotate refresh tokens have in common. */
interface RotatingPeer {
  readonly serverUrl: string;
  readonly requests: RecordedRequest[];
  readonly notes: readonly string[];
  expireAccessTokens(): void;
  close(): Promise<void>;
}

interface Row {
  readonly peer: string;
  readonly start: () => Promise<RotatingPeer>;
  /** What an access token is worth after it was revoked: a JWT lives until it expires. */
  readonly afterRevocation: number;
}

const PEERS: readonly Row[] = [
  { peer: "oidc-provider with opaque tokens", start: () => startOidcProviderPeer(), afterRevocation: 401 },
  {
    peer: "oidc-provider with JWT tokens",
    start: () => startOidcProviderPeer({ accessTokenFormat: "jwt" }),
    afterRevocation: 200,
  },
  { peer: "the SDK's mcpAuthRouter", start: () => startSdkRouterPeer(), afterRevocation: 401 },
];

const MATRIX = PEERS.flatMap((row) => MCP_CLIENTS.map(([name, connect]) => ({ ...row, name, connect })));

describe.each(MATRIX)("$peer, called by $name", ({ start: startPeer, connect, afterRevocation }) => {
  async function start(): Promise<RotatingPeer> {
    const peer = await startPeer();
    onTestFinished(() => peer.close());
    return peer;
  }

  it("asks for a login, gets one with the scope it names, and serves the tool [spec-60, spec-62, spec-97, spec-98]", async () => {
    const peer = await start();
    const { session, interactive } = createPeerHost(peer.serverUrl);
    const callTool = await connect(peer.serverUrl, interactive);

    expect(await callTool("whoami")).not.toBe("");
    expect(await session.getTokens()).toMatchObject({
      scope: "mcp:read",
      resource: peer.serverUrl,
      refreshToken: expect.any(String) as string,
    });
    const [, registration, exchange, ...more] = askedOf(peer.requests);
    expect([registration, exchange, ...more]).toEqual([expect.stringMatching(/^\/reg/), "authorization_code"]);
    expect(browserVisits(peer.requests)).toBeGreaterThan(0);
  });

  it("is asked to renew a token that has expired before it is used [spec-105]", async () => {
    const peer = await start();
    let offset = 0;
    const { session, interactive } = createPeerHost(peer.serverUrl, { now: () => Date.now() + offset });
    const callTool = await connect(peer.serverUrl, interactive);
    const first = await session.getTokens();
    peer.requests.length = 0;

    offset = 3_600_000;
    peer.expireAccessTokens();
    await callTool("whoami");
    expect(named(peer.requests)).toEqual([
      ["refresh_token", 200],
      ["tools/call whoami", 200],
    ]);
    const second = await session.getTokens();
    expect(second?.accessToken).not.toBe(first?.accessToken);
    expect(second?.refreshToken).not.toBe(first?.refreshToken);
  });

  it("is asked once to renew a token that it refuses, however many calls wait [spec-107]", async () => {
    const peer = await start();
    const { interactive } = createPeerHost(peer.serverUrl);
    const callTool = await connect(peer.serverUrl, interactive);
    peer.requests.length = 0;

    peer.expireAccessTokens();
    const answers = await Promise.all(Array.from({ length: 5 }, () => callTool("whoami")));
    expect(new Set(answers).size).toBe(1);
    expect(askedOf(peer.requests).filter((asked) => asked === "refresh_token")).toHaveLength(1);
    expect(browserVisits(peer.requests)).toBe(0);
  });

  it("sees no refresh token twice when two clients on one store renew at the same time", async () => {
    const peer = await start();
    const store = createMemoryStore();
    const first = createPeerHost(peer.serverUrl, { store });
    const second = createPeerHost(peer.serverUrl, { store });
    const callFirst = await connect(peer.serverUrl, first.interactive);
    const callSecond = await connect(peer.serverUrl, second.unattended);
    peer.requests.length = 0;

    peer.expireAccessTokens();
    await Promise.all([callFirst("whoami"), callSecond("whoami")]);
    await callFirst("whoami");
    expect(askedOf(peer.requests).filter((asked) => asked === "refresh_token")).toHaveLength(1);
    expect(browserVisits(peer.requests)).toBe(0);
  });

  it("ends the session when an old refresh token turns up, and a new login begins another", async () => {
    const peer = await start();
    let later = 0;
    const { session, interactive, unattended } = createPeerHost(peer.serverUrl, { now: () => Date.now() + later });
    const callTool = await connect(peer.serverUrl, interactive);
    const callUnattended = await connect(peer.serverUrl, unattended);
    const old = await session.getTokens();
    if (old === undefined) throw new Error("no tokens after the login");
    peer.expireAccessTokens();
    await callTool("whoami");

    // somebody has a copy of what was stored before
    const server = await discoverAuthServer(peer.serverUrl);
    await expect(refreshTokens(server, old)).rejects.toMatchObject({
      code: "refresh_rejected",
      oauthError: "invalid_grant",
    });
    // a token that is refused in its first minute was never any good, which is another story
    later = 61_000;
    peer.expireAccessTokens();
    peer.requests.length = 0;
    expect(await refusalOf(callUnattended("whoami"))).toBe("authorization_required");
    expect(await session.getTokens()).toBeUndefined();
    expect(askedOf(peer.requests).filter((asked) => asked === "refresh_token")).toHaveLength(1);
    expect(await refusalOf(callUnattended("whoami"))).toBe("authorization_required");
    expect(askedOf(peer.requests).filter((asked) => asked === "refresh_token")).toHaveLength(1);

    expect(await callTool("whoami")).not.toBe("");
    expect(await callUnattended("whoami")).not.toBe("");
  });

  it("gets more scope out of the user where a tool needs it, and the call goes through [spec-63, spec-108, spec-111]", async () => {
    const peer = await start();
    const { session, interactive } = createPeerHost(peer.serverUrl);
    const callTool = await connect(peer.serverUrl, interactive);
    const client = (await session.getTokens())?.registration.clientId;
    peer.requests.length = 0;

    expect(await callTool("write_note", { text: "hello" })).toBe("note 1 written");
    expect(peer.notes).toEqual(["hello"]);
    expect(
      peer.requests.filter(({ operation }) => operation === "tools/call write_note").map(({ status }) => status),
    ).toEqual([403, 200]);
    expect(askedOf(peer.requests)).toEqual(["authorization_code"]);
    const tokens = await session.getTokens();
    expect(tokens?.scope?.split(" ")).toEqual(expect.arrayContaining(["mcp:read", "mcp:write"]));
    expect(tokens?.registration.clientId).toBe(client);
    expect(await callTool("whoami")).not.toBe("");
  });

  it("keeps serving what was granted when nobody can be asked for more", async () => {
    const peer = await start();
    const { session, interactive, unattended } = createPeerHost(peer.serverUrl);
    await connect(peer.serverUrl, interactive);
    const callTool = await connect(peer.serverUrl, unattended);

    expect(await refusalOf(callTool("write_note", { text: "hello" }))).toBe("insufficient_scope");
    expect(peer.notes).toEqual([]);
    expect((await session.getTokens())?.scope).toBe("mcp:read");
    expect(await callTool("whoami")).not.toBe("");
  });

  it("is told of a sign-out and takes nothing back afterwards", async () => {
    const peer = await start();
    const { session, interactive, unattended } = createPeerHost(peer.serverUrl);
    await connect(peer.serverUrl, interactive);
    const callTool = await connect(peer.serverUrl, unattended);
    const old = await session.getTokens();
    if (old === undefined) throw new Error("no tokens after the login");

    expect(await session.signOut()).toEqual({ revoked: "yes" });
    expect(await session.getTokens()).toBeUndefined();
    expect(await refusalOf(callTool("whoami"))).toBe("authorization_required");
    const withOldToken = await connect(peer.serverUrl, (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set("authorization", `Bearer ${old.accessToken}`);
      return fetch(input, { ...init, headers });
    }).then(
      () => 200,
      () => 401,
    );
    expect(withOldToken).toBe(afterRevocation);
    const server = await discoverAuthServer(peer.serverUrl);
    await expect(refreshTokens(server, old)).rejects.toMatchObject({ code: "refresh_rejected" });
    expect(await session.signOut()).toEqual({ revoked: "skipped" });
  });
});
