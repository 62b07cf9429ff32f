import { describe, expect, it } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import type { FakeAuthServerOptions, FakeEndpoint } from "../../src/testing.js";
import { createServer, createDpopHost, receivedBy, proofOf } from "../support/dpop-host.js";
import { approvedBy, failureOf } from "../support/host.js";

describe("a nonce", () => {
  const options: FakeAuthServerOptions = { dpop: { required: true, nonces: true } };

  it("is learnt from each of two servers on one origin, and kept until another is wanted [spec-150, spec-3.8-17]", async () => {
    const server = createServer({ ...options, issuer: "https://mcp.example.com", accessTokenTtlMs: 3_600_000 });
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    for (const call of [1, 2, 3]) expect((await authFetch(server.serverUrl)).status, `call ${call}`).toBe(200);
    expect(receivedBy(server, "token").map(({ status }) => status)).toEqual([400, 200]);
    expect(receivedBy(server, "resource").map(({ status }) => status)).toEqual([401, 200, 200, 200]);
    const proofs = [...receivedBy(server, "token"), ...receivedBy(server, "resource")].map(proofOf);
    expect(new Set(proofs.map(({ claims }) => claims.jti)).size).toBe(6);
    const [, exchange, , call] = proofs.map(({ claims }) => claims["nonce"]);
    expect(exchange).toMatch(/^authorization_server/);
    expect(call).toMatch(/^resource_server/);

    server.advance(300_000);
    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ resource: 6, refresh: 0 });
    server.advance(3_600_000);
    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(receivedBy(server, "refresh").map(({ status }) => status)).toEqual([400, 200]);
  });

  it("of one server is never shown to the other, though both are one origin [spec-150]", async () => {
    const server = createServer({ ...options, issuer: "https://mcp.example.com", accessTokenTtlMs: 60_000 });
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    await authFetch(server.serverUrl);
    server.advance(60_000);
    await authFetch(server.serverUrl);
    const sent = (endpoint: FakeEndpoint) =>
      receivedBy(server, endpoint).map((request) => String(proofOf(request).claims["nonce"]).replace(/-.*/, ""));
    expect(sent("token")).toEqual(["undefined", "authorization_server"]);
    expect(sent("refresh")).toEqual(["authorization_server"]);
    expect(sent("resource")).toEqual(["undefined", "resource_server", "resource_server"]);
  });

  it("is remembered from an answer that demands none", async () => {
    const server = createServer({ ...options, accessTokenTtlMs: 86_400_000 });
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    server.faults.add({
      endpoint: "resource",
      fault: async (_, answer) =>
        new Response(null, { headers: { "dpop-nonce": (await answer()).headers.get("dpop-nonce") ?? "" } }),
    });
    await authFetch(server.serverUrl);
    await authFetch(server.serverUrl);
    expect(proofOf(receivedBy(server, "resource").at(-1)).claims["nonce"]).toMatch(/^resource_server/);
  });

  it("that a request with a stream cannot get is there for the next one, and no token is renewed for it", async () => {
    const server = createServer(options);
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    const send = (): Promise<Response> =>
      authFetch(server.serverUrl, {
        method: "POST",
        body: new Blob(["x"]).stream(),
        duplex: "half",
      } as RequestInit);
    expect((await send()).status).toBe(401);
    expect((await send()).status).toBe(200);
    expect(server.counts).toMatchObject({ resource: 2, refresh: 0 });
  });

  it("that the MCP server goes on demanding ends with its own answer", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    const headers = { "www-authenticate": 'Bearer, DPoP error="use_dpop_nonce"', "dpop-nonce": "another" };
    server.faults.add({
      endpoint: "resource",
      fault: () => new Response(null, { status: 401, headers }),
      times: Infinity,
    });
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(401);
    expect(server.counts).toMatchObject({ resource: 2, refresh: 0 });
    expect(await session.getAccessToken()).toBe(accessToken);
  });

  it.each([["another"], [undefined]])(
    "that the token endpoint goes on demanding (%s) is an outage, and no logout",
    async (nonce) => {
      const server = createServer();
      const { session } = createDpopHost(server);
      await session.authorize(approvedBy(server));
      server.advance(86_400_000);
      const fault = { status: 400, headers: { "dpop-nonce": nonce }, body: { error: "use_dpop_nonce" } };
      server.faults.add({ endpoint: "refresh", fault, times: Infinity });
      expect(await failureOf(session.getAccessToken())).toMatchObject({ code: "server_error", status: 400 });
      expect(server.counts.refresh).toBe(nonce === undefined ? 1 : 2);
      server.faults.clear();
      server.advance(60_000);
      expect(await session.getAccessToken()).toBeDefined();
    },
  );
});
