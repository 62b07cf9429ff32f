import { decodeJwt } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { DpopOptions } from "../../src/index.js";
import { createAuthFetch, createDpop, createTokenStore } from "../../src/index.js";
import { createServer, createDpopHost, keysIn } from "../support/dpop-host.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.js";

afterEach(() => void vi.unstubAllGlobals());

describe("a key", () => {
  const loseKeys = (store: Map<string, string>): void => {
    for (const key of keysIn(store)) store.delete(key);
  };

  it("that is lost makes the user log in, is reported once, and nothing is sent [spec-153]", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    await createDpopHost(server, { store }).session.authorize(approvedBy(server));
    loseKeys(store);
    const before = server.requests.length;
    const { session, events } = createDpopHost(server, { store });
    expect(await session.getAccessToken()).toBeUndefined();
    expect(await session.getTokens()).toBeUndefined();
    expect(events).toEqual([{ type: "dpop_key_missing", serverUrl: server.serverUrl }]);
    expect(server.requests.length).toBe(before);

    await session.authorize(approvedBy(server));
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  });

  it("that is lost is reported anew after a thousand others, so that a process of many users stays small", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const tokens = await createDpopHost(server, { store }).session.authorize(approvedBy(server));
    loseKeys(store);
    const { client, events } = createDpopHost(server, { store });
    const look = async (user: number): Promise<void> => {
      const key = { serverUrl: server.serverUrl, subject: String(user) };
      await createTokenStore(store).setTokens(key, { ...tokens, dpopKeyId: String(user) });
      await client.session(server.serverUrl, { subject: String(user) }).getTokens();
    };
    for (let user = 0; user <= 1_000; user += 1) await look(user);
    expect(events).toHaveLength(1_001);
    await look(1_000);
    expect(events).toHaveLength(1_001);
    await look(0);
    expect(events).toHaveLength(1_002);
  });

  it.each([
    ["is corrupt", () => "{"],
    ["is of another version", (text: string) => text.replace('"v":1', '"v":2')],
    ["is incomplete", (text: string) => text.replace('"d":', '"e":')],
    ["cannot be imported", (text: string) => text.replace(/"d":"[^"]*"/, '"d":"AA"')],
  ])("that %s counts as lost", async (_, spoil) => {
    const server = createServer();
    const store = new Map<string, string>();
    await createDpopHost(server, { store }).session.authorize(approvedBy(server));
    for (const key of keysIn(store)) store.set(key, spoil(store.get(key) ?? ""));
    const { session, events } = createDpopHost(server, { store });
    expect(await session.getAccessToken()).toBeUndefined();
    expect(events).toMatchObject([{ type: "dpop_key_missing" }]);
  });

  it("that is another one's counts as lost", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const { client } = createDpopHost(server, { store });
    for (const subject of ["alice", "bob"]) {
      await client.session(server.serverUrl, { subject }).authorize(approvedBy(server));
    }
    const [alices = "", bobs = ""] = keysIn(store);
    store.set(alices, store.get(bobs) ?? "");
    const restarted = createDpopHost(server, { store });
    expect(await restarted.client.session(server.serverUrl, { subject: "alice" }).getAccessToken()).toBeUndefined();
    expect(await restarted.client.session(server.serverUrl, { subject: "bob" }).getAccessToken()).toBeDefined();
  });

  it("that is lost before the login is finished ends that login", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const { authorizationUrl } = await createDpopHost(server, { store }).session.startAuthorization({
      redirectUri: REDIRECT,
    });
    loseKeys(store);
    const { client } = createDpopHost(server, { store });
    const callback = await server.approve(authorizationUrl);
    expect(await failureOf(client.finishAuthorization(callback))).toMatchObject({ code: "authorization_required" });
    expect(server.counts.token).toBe(0);
  });

  it("goes with its tokens: at sign-out, and when the refresh is refused", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const { session } = createDpopHost(server, { store });
    await session.authorize(approvedBy(server));
    expect(await session.signOut()).toEqual({ revoked: "yes" });
    expect(keysIn(store)).toEqual([]);

    const { refreshToken } = await session.authorize(approvedBy(server));
    server.revokeGrant(refreshToken ?? "");
    server.advance(86_400_000);
    expect(await session.getAccessToken()).toBeUndefined();
    expect(keysIn(store)).toEqual([]);
  });

  it("of a host's own store does not leave the runtime", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    const pairs = new Map<string, Parameters<NonNullable<DpopOptions["keys"]>["set"]>[1]>();
    const keys = {
      get: (id: string) => pairs.get(id),
      set: (id: string, pair: never) => pairs.set(id, pair),
      delete: (id: string) => pairs.delete(id),
    };
    const { session } = createDpopHost(server, { store, dpop: createDpop({ keys }) });
    const { dpopKeyId = "" } = await session.authorize(approvedBy(server));
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect([...pairs.keys()]).toEqual([dpopKeyId]);
    expect(pairs.get(dpopKeyId)).toMatchObject({
      publicKey: { extractable: true },
      privateKey: { extractable: false },
    });
    expect(keysIn(store)).toEqual([]);
  });

  it("whose store fails is no lost key", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    await createDpopHost(server, { store }).session.authorize(approvedBy(server));
    const failing = (): never => {
      throw new Error("the disk is gone");
    };
    const dpop = createDpop({ keys: { get: failing, set: failing, delete: failing } });
    const { session, events } = createDpopHost(server, { store, dpop });
    const failure = await failureOf(session.getAccessToken());
    expect(failure).toMatchObject({ code: "store_failed", key: expect.stringMatching(/^v1:dpop:/) as unknown });
    expect(events).toEqual([]);
  });
});

describe("a bound token", () => {
  it("is not used by a client without DPoP, nor from a table that lost the name of its key [spec-148]", async () => {
    const server = createServer();
    const store = new Map<string, string>();
    await createDpopHost(server, { store }).session.authorize(approvedBy(server));
    const before = server.requests.length;
    expect(await createHost(server, { store }).session.getAccessToken()).toBeUndefined();
    for (const [key, value] of store) store.set(key, value.replace(/"dpopKeyId":"[^"]*"/, '"other":""'));
    expect(await createDpopHost(server, { store }).session.getAccessToken()).toBeUndefined();
    expect(server.requests.length).toBe(before);
  });

  it("is proved anew for each redirect inside the server, and left behind with its proof outside of it [spec-148]", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const seen: { url: string; proof: string | null; authorization: string | null }[] = [];
    const locations = ["/mcp/moved", "https://other.example.com/mcp"];
    const fetch = (input: string | URL, init?: RequestInit): Promise<Response> => {
      const headers = new Headers(init?.headers);
      seen.push({ url: String(input), proof: headers.get("dpop"), authorization: headers.get("authorization") });
      const location = locations.shift();
      return Promise.resolve(
        location === undefined ? new Response() : new Response(null, { status: 307, headers: { location } }),
      );
    };
    await createAuthFetch(session, { fetch })(server.serverUrl);
    const [first, second, third] = seen;
    expect(seen.map(({ url }) => url)).toEqual([
      "https://mcp.example.com/mcp",
      "https://mcp.example.com/mcp/moved",
      "https://other.example.com/mcp",
    ]);
    expect(decodeJwt(first?.proof ?? "")).toMatchObject({ htu: "https://mcp.example.com/mcp" });
    expect(decodeJwt(second?.proof ?? "")).toMatchObject({ htu: "https://mcp.example.com/mcp/moved" });
    expect(third).toEqual({ url: "https://other.example.com/mcp", proof: null, authorization: null });
  });

  it("ends with an error at a redirect whose target a browser hides, and the proof goes nowhere", async () => {
    vi.stubGlobal("navigator", { userAgent: "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/150.0" });
    const server = createServer();
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const inits: (RequestInit | undefined)[] = [];
    const fetch = (_: string | URL, init?: RequestInit): Promise<Response> => {
      inits.push(init);
      return Promise.resolve(Object.defineProperty(new Response(), "type", { value: "opaqueredirect" }));
    };
    const failure = await failureOf(createAuthFetch(session, { fetch })(`${server.serverUrl}?q=1`));
    expect(failure).toMatchObject({ code: "redirect_refused", url: server.serverUrl });
    expect(inits).toMatchObject([{ redirect: "manual" }]);
    const given = await createAuthFetch(session, { fetch })(server.serverUrl, { redirect: "manual" });
    expect(given.type).toBe("opaqueredirect");
  });

  it("is asked for after a challenge of the scheme DPoP alone [spec-154]", async () => {
    const server = createServer({ resourceMetadataUrl: "https://mcp.example.com/elsewhere" });
    const { session } = createDpopHost(server);
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async ({ challenge }) => {
        expect(challenge).toMatchObject({ scheme: "dpop", resourceMetadataUrl: "https://mcp.example.com/elsewhere" });
        await session.authorize(approvedBy(server, { challenge }));
      },
    });
    expect((await authFetch(server.serverUrl)).status).toBe(200);
  });

  it("is not sent to other servers, and their requests get no proof", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    const fetch = createAuthFetch(session);
    await fetch("https://other.example.com/mcp");
    await fetch(`${server.issuer}/token`, { method: "POST" });
    for (const { headers } of server.requests.slice(-2)) {
      expect(headers).not.toHaveProperty("dpop");
      expect(headers).not.toHaveProperty("authorization");
    }
  });

  it("that the MCP server refuses is renewed once with a proof", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ resource: 2, refresh: 1 });
  });

  it("and its proof appear in no message that the token endpoint says back [pain-40]", async () => {
    const server = createServer();
    const { session } = createDpopHost(server);
    let proof = "";
    server.faults.add({
      endpoint: "token",
      fault: (request) => {
        proof = request.headers.get("dpop") ?? "";
        return Response.json({ error: "invalid_dpop_proof", error_description: `bad: ${proof}` }, { status: 400 });
      },
    });
    const failure = await failureOf(session.authorize(approvedBy(server)));
    expect(failure).toMatchObject({ code: "token_request_rejected", oauthError: "invalid_dpop_proof" });
    expect(proof).not.toBe("");
    expect(`${String(failure)} ${JSON.stringify(Object.entries(failure as object))}`).not.toContain(proof);
  });
});
