import { describe, expect, it } from "vitest";
import { createAuthFetch, createDpop } from "../../src/index.js";
import { of, shows } from "./features.ts";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { createPeerHost, started } from "./peer-host.ts";
import {
  startOidcProviderPeer,
  type OidcProviderPeer,
  type OidcProviderPeerOptions,
} from "./servers/oidc-provider-peer.ts";

const start = (options: OidcProviderPeerOptions): Promise<OidcProviderPeer> => started(startOidcProviderPeer(options));

/** What the MCP server answered to the host, save for what it answers to the transport's own attempts. */
const refusals = ({ requests }: OidcProviderPeer): number =>
  requests.filter(({ party, status }) => party === "mcp_server" && status === 401).length;

describe.each(MCP_CLIENTS)("%s with bound tokens at oidc-provider", of("oidc-provider"), (_name, connect) => {
  it("logs in, calls, refreshes and steps up with proofs [spec-148, spec-149]", shows({ DPoP: "yes" }), async () => {
    const peer = await start({ dpop: "proofs" });
    const { session, interactive } = createPeerHost(peer.serverUrl, { dpop: createDpop() });
    const callTool = await connect(peer.serverUrl, interactive);
    expect(await callTool("whoami")).toBe("alice");
    const first = await session.getTokens();
    expect(first?.tokenType).toBe("DPoP");

    peer.expireAccessTokens();
    expect(await callTool("whoami")).toBe("alice");
    const second = await session.getTokens();
    expect(second).toMatchObject({ tokenType: "DPoP", dpopKeyId: first?.dpopKeyId });
    expect(second?.accessToken).not.toBe(first?.accessToken);

    expect(await callTool("write_note", { text: "hello" })).toMatch(/written/);
    expect(peer.notes).toEqual(["hello"]);
    const third = await session.getTokens();
    expect(third?.tokenType).toBe("DPoP");
    expect(third?.dpopKeyId).not.toBe(first?.dpopKeyId);
  });

  const nonces = "gives each server the nonce that it wants, and asks once more when it wants another [spec-150]";
  it(nonces, shows({ "DPoP nonces": "yes" }), async () => {
    const peer = await start({ dpop: "nonces" });
    const { session, interactive } = createPeerHost(peer.serverUrl, { dpop: createDpop({ required: true }) });
    const callTool = await connect(peer.serverUrl, interactive);
    expect(await callTool("whoami")).toBe("alice");
    const afterLogin = refusals(peer);
    const tokenRequests = peer.requests.filter(({ path }) => path === "/token");
    expect(tokenRequests.map(({ status }) => status)).toEqual([400, 200]);

    expect(await callTool("whoami")).toBe("alice");
    expect(refusals(peer)).toBe(afterLogin);
    peer.rotateNonce();
    expect(await callTool("whoami")).toBe("alice");
    expect(refusals(peer)).toBe(afterLogin + 1);
    peer.expireAccessTokens();
    expect(await callTool("whoami")).toBe("alice");
    expect((await session.getTokens())?.tokenType).toBe("DPoP");
  });
});

describe("oidc-provider", of("oidc-provider"), () => {
  it.each(["opaque", "jwt"] as const)(
    "takes no refresh without a proof by the key of the login, which another process has: %s tokens [spec-149]",
    async (accessTokenFormat) => {
      const [[, connect]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];
      const peer = await start({ dpop: "nonces", accessTokenFormat });
      const store = new Map<string, string>();
      const { interactive } = createPeerHost(peer.serverUrl, { dpop: createDpop(), store });
      await connect(peer.serverUrl, interactive);
      peer.expireAccessTokens();

      const other = createPeerHost(peer.serverUrl, { dpop: createDpop(), store });
      const callTool = await connect(peer.serverUrl, other.unattended);
      expect(await callTool("whoami")).toBe("alice");
      expect(await createPeerHost(peer.serverUrl, { store }).session.getAccessToken()).toBeUndefined();
      await other.session.signOut();
      expect([...store.keys()].filter((key) => key.startsWith("v1:dpop:"))).toEqual([]);
    },
  );

  it("hears nothing more of tokens whose key is lost: the user logs in again [spec-153]", async () => {
    const [[, connect]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];
    const peer = await start({ dpop: "proofs" });
    const store = new Map<string, string>();
    const { interactive } = createPeerHost(peer.serverUrl, { dpop: createDpop(), store });
    await connect(peer.serverUrl, interactive);
    for (const key of store.keys()) if (key.startsWith("v1:dpop:")) store.delete(key);

    const restarted = createPeerHost(peer.serverUrl, { dpop: createDpop(), store });
    expect(await refusalOf(connect(peer.serverUrl, createAuthFetch(restarted.session)))).toBe("authorization_required");
    const callTool = await connect(peer.serverUrl, restarted.interactive);
    expect(await callTool("whoami")).toBe("alice");
  });
});
