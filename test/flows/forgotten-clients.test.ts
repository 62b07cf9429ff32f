import { describe, expect, it } from "vitest";
import type { TokenSet } from "../../src/index.js";
import { createAuthFetch, createTokenStore } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, REDIRECT, until, viewOf } from "../support/host.js";
import { createProcesses, DAY, TOKENS } from "../support/refresh.js";

describe("a client that the server has forgotten", () => {
  it("is dropped with its tokens, and the next login registers anew", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { registration } = await session.authorize(approvedBy(server));
    server.forgetClient(registration.clientId);
    server.advance(DAY);

    expect(await session.getAccessToken()).toBeUndefined();
    const again = await session.authorize(approvedBy(server));
    expect(again.registration.clientId).not.toBe(registration.clientId);
    expect(server.counts).toMatchObject({ refresh: 1, registration: 2 });
  });

  it("is not dropped when a newer registration has taken its place", async () => {
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    const alice = client.session(server.serverUrl, { subject: "alice" });
    const bob = client.session(server.serverUrl, { subject: "bob" });
    const first = await alice.authorize(approvedBy(server));
    server.forgetClient(first.registration.clientId);
    // bob's login with the stored, forgotten client fails at the server; his refresh would, too
    await bob.startAuthorization({ redirectUri: REDIRECT });
    server.advance(DAY);
    expect(await alice.getAccessToken()).toBeUndefined();
    const second = await bob.authorize(approvedBy(server));
    // alice has old tokens once more, as a process that slept would
    expect(second.registration.clientId).not.toBe(first.registration.clientId);
    expect(server.counts.registration).toBe(2);
  });

  it("of tokens that are older than the registration at hand leaves the registration alone", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    const old = await session.authorize(approvedBy(server));
    server.forgetClient(old.registration.clientId);
    const key = { issuer: server.issuer, redirectUri: REDIRECT };
    await createTokenStore(store).setClientRegistration(key, { ...old.registration, clientId: "newer" });
    server.advance(DAY);

    expect(await session.getAccessToken()).toBeUndefined();
    expect((await createTokenStore(store).getClientRegistration(key))?.clientId).toBe("newer");
  });

  it("but was registered by the host stays: it is for the host to correct", async () => {
    const server = createFakeAuthServer({ clients: [{ client_id: "ours", redirect_uris: [REDIRECT] }] });
    const { session } = createHost(server, { preRegistered: [{ issuer: server.issuer, clientId: "ours" }] });
    await session.authorize(approvedBy(server));
    server.forgetClient("ours");
    server.advance(DAY);

    expect(await session.getAccessToken()).toBeUndefined();
    expect(server.counts.registration).toBe(0);
  });
});

describe("a server that has moved to another issuer", () => {
  it("is known by a 401: the tokens go, unless somebody has logged in there meanwhile", async () => {
    const server = createFakeAuthServer();
    const other = createFakeAuthServer({ issuer: "https://other.example.com" });
    const both = (input: string | URL, init?: RequestInit): Promise<Response> =>
      (String(input).startsWith(other.issuer) ? other : server).fetch(input, init);
    const { start, backing } = createProcesses(server, { fetch: both });
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.moveTo(other);
    const elsewhere = createHost(other, { store: viewOf(backing), fetch: both }).session;
    let theirs: TokenSet | undefined;
    other.faults.add({
      endpoint: "authorizationServerMetadata",
      fault: async (_, answer) => {
        await until(() => backing.get(TOKENS)?.includes("refresh_token-2") === true);
        theirs = await elsewhere.authorize(approvedBy(other, { force: true }));
        return await answer();
      },
    });
    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({ code: "authorization_required" });

    expect(theirs?.issuer).toBe(other.issuer);
    expect(await session.getTokens()).toEqual(theirs);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  });

  it("is not suspected when it is of a revision that publishes nothing about itself", async () => {
    const server = createFakeAuthServer({
      issuer: "https://mcp.example.com",
      resourceMetadata: "none",
      metadataKind: "none",
    });
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
  });
});
