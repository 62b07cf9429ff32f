import { describe, expect, it, onTestFinished } from "vitest";
import { createAuthClient, createMemoryStore, discoverAuthServer, refreshTokens } from "../../src/index.js";
import { createScriptedBrowser } from "../support/scripted-browser.ts";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { askedOf, createPeerHost } from "./peer-host.ts";
import {
  startWorkersOAuthProviderPeer,
  type WorkersOAuthProviderPeer,
  type WorkersOAuthProviderPeerOptions,
} from "./servers/workers-oauth-provider-peer.ts";

const DOCUMENT_URL = "https://host.example/client.json";
const REDIRECT_URI = "http://127.0.0.1:9/callback";

async function start(options?: WorkersOAuthProviderPeerOptions): Promise<WorkersOAuthProviderPeer> {
  const peer = await startWorkersOAuthProviderPeer(options);
  onTestFinished(() => peer.close());
  return peer;
}

describe.each(MCP_CLIENTS)("workers-oauth-provider in workerd, called by %s", (_name, connect) => {
  it("is found by its metadata, registers the client, logs the user in and serves the tool [spec-60, spec-62]", async () => {
    const peer = await start();
    const { session, interactive } = createPeerHost(peer.serverUrl);
    const callTool = await connect(peer.serverUrl, interactive);

    expect(await callTool("whoami")).toBe("alice");
    expect(await session.getTokens()).toMatchObject({
      issuer: peer.issuer,
      resource: peer.serverUrl,
      scope: expect.stringContaining("mcp:read") as string,
      refreshToken: expect.any(String) as string,
    });
    expect(askedOf(peer.requests)).toEqual([
      "/.well-known/oauth-authorization-server",
      "/register",
      "authorization_code",
    ]);
  });

  it("renews a refused token once for calls at the same time, and rotates the refresh token [spec-105]", async () => {
    const peer = await start();
    let later = 0;
    const { session, interactive, unattended } = createPeerHost(peer.serverUrl, { now: () => Date.now() + later });
    await connect(peer.serverUrl, interactive);
    const callTool = await connect(peer.serverUrl, unattended);
    const first = await session.getTokens();
    later = 61_000;
    await peer.expireAccessTokens();
    peer.requests.length = 0;

    expect(await Promise.all(["whoami", "whoami", "whoami"].map((tool) => callTool(tool)))).toEqual([
      "alice",
      "alice",
      "alice",
    ]);
    expect(askedOf(peer.requests)).toEqual(["refresh_token"]);
    const second = await session.getTokens();
    expect(second?.accessToken).not.toBe(first?.accessToken);
    expect(second?.refreshToken).not.toBe(first?.refreshToken);
  });

  it("gets more scope out of the user where a tool needs it, and the call goes through [spec-63, spec-108]", async () => {
    const peer = await start();
    const { session, interactive } = createPeerHost(peer.serverUrl);
    const callTool = await connect(peer.serverUrl, interactive);
    const client = (await session.getTokens())?.registration.clientId;
    peer.requests.length = 0;

    expect(await callTool("write_note", { text: "hello" })).toBe("note 1 written");
    expect(
      peer.requests.filter(({ operation }) => operation === "tools/call write_note").map(({ status }) => status),
    ).toEqual([403, 200]);
    expect(askedOf(peer.requests)).toEqual(["authorization_code"]);
    const tokens = await session.getTokens();
    expect(tokens?.scope?.split(" ")).toEqual(expect.arrayContaining(["mcp:read", "mcp:write"]));
    expect(tokens?.registration.clientId).toBe(client);
  });

  it("is told of a sign-out and takes nothing back afterwards", async () => {
    const peer = await start();
    const { session, interactive, unattended } = createPeerHost(peer.serverUrl);
    await connect(peer.serverUrl, interactive);
    const callTool = await connect(peer.serverUrl, unattended);
    const old = await session.getTokens();
    if (old === undefined) throw new Error("no tokens after the login");

    expect(await session.signOut()).toEqual({ revoked: "yes" });
    expect(await refusalOf(callTool("whoami"))).toBe("authorization_required");
    const { status } = await fetch(peer.serverUrl, { headers: { authorization: `Bearer ${old.accessToken}` } });
    expect(status).toBe(401);
    const server = await discoverAuthServer(peer.serverUrl);
    await expect(refreshTokens(server, old)).rejects.toMatchObject({ code: "refresh_rejected" });
  });
});

describe("workers-oauth-provider in workerd", () => {
  it("takes a client by the URL of its metadata document and registers nothing [spec-35]", async () => {
    const document = { client_id: DOCUMENT_URL, client_name: "peer test", redirect_uris: [REDIRECT_URI] };
    const peer = await start({
      clientIdMetadataDocuments: { [DOCUMENT_URL]: { ...document, token_endpoint_auth_method: "none" } },
    });
    const browser = createScriptedBrowser({ callback: "capture" });
    const client = createAuthClient({
      clientMetadata: { client_name: "peer test" },
      clientMetadataUrl: DOCUMENT_URL,
      store: createMemoryStore(),
    });
    const session = client.session(peer.serverUrl);
    const interact = (url: URL): Promise<string> => browser.open(url);
    const tokens = await session.authorize({ redirectUri: REDIRECT_URI, interact });

    expect(tokens.registration).toMatchObject({ source: "metadata_document", clientId: DOCUMENT_URL });
    // between them, whether the server takes the document, before the user's browser opens
    expect(askedOf(peer.requests)).toEqual([
      "/.well-known/oauth-authorization-server",
      "refresh_token",
      "authorization_code",
    ]);
  });

  it("says that the user refused, and nothing is stored", async () => {
    const peer = await start();
    const { session, interactive } = createPeerHost(peer.serverUrl, { browser: { decision: "deny" } });

    expect(await refusalOf(interactive(peer.serverUrl, { method: "POST" }))).toBe("authorization_denied");
    expect(await session.getTokens()).toBeUndefined();
  });

  it("accepts a copied refresh token after the rotation, and the user has to log in again", async () => {
    const peer = await start();
    let later = 0;
    const { session, interactive, unattended } = createPeerHost(peer.serverUrl, { now: () => Date.now() + later });
    await interactive(peer.serverUrl);
    const old = await session.getTokens();
    if (old === undefined) throw new Error("no tokens after the login");
    later = 3_600_000;
    await unattended(peer.serverUrl);

    const server = await discoverAuthServer(peer.serverUrl);
    expect(await refreshTokens(server, old)).toHaveProperty("refreshToken");
    later *= 2;
    await peer.expireAccessTokens();
    expect(await refusalOf(unattended(peer.serverUrl))).toBe("authorization_required");
    expect(await session.getTokens()).toBeUndefined();
  });
});
