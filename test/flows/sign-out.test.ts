import { describe, expect, it } from "vitest";
import type { KVStore } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, viewOf } from "../support/host.js";
import { DAY, STATE } from "../support/refresh.js";

describe("signing out", () => {
  it("forgets the tokens, then revokes the refresh token and after it the access token", async () => {
    const server = createFakeAuthServer();
    const { session, events } = createHost(server);
    const { accessToken, refreshToken = "" } = await session.authorize(approvedBy(server));
    const result = await session.signOut();
    const revoked = server.requests.filter(({ endpoint }) => endpoint === "revocation");

    expect(result).toEqual({ revoked: "yes" });
    expect(revoked.map(({ form }) => [form.get("token"), form.get("token_type_hint")])).toEqual([
      [server.nameOf(refreshToken), "refresh_token"],
      [server.nameOf(accessToken), "access_token"],
    ]);
    expect(await session.getTokens()).toBeUndefined();
    expect(await session.getAccessToken()).toBeUndefined();
    expect(events.at(-1)).toEqual({ type: "signed_out", serverUrl: server.serverUrl });
    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({ code: "authorization_required" });
  });

  it("forgets what was remembered of refreshing, too", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    await failureOf(session.getAccessToken());
    expect(store.has(STATE)).toBe(true);
    await session.signOut({ localOnly: true });

    expect([...store.keys()].filter((key) => /^v1:(tokens|state):/.test(key))).toEqual([]);
  });

  it("keeps the registration and the other users of the server", async () => {
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    const alice = client.session(server.serverUrl, { subject: "alice" });
    const bob = client.session(server.serverUrl, { subject: "bob" });
    await alice.authorize(approvedBy(server));
    const { accessToken } = await bob.authorize(approvedBy(server));
    await alice.signOut();

    expect(await bob.getAccessToken()).toBe(accessToken);
    await alice.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(1);
  });

  it("is noticed by every session of the same user at once, and by another process at its next look", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const { client, session } = createHost(server, { store: viewOf(backing) });
    const other = createHost(server, { store: viewOf(backing) }).session;
    await session.authorize(approvedBy(server));
    await other.getAccessToken();
    const twin = client.session(`${server.serverUrl}/`);
    expect(await twin.getAccessToken()).toBeTypeOf("string");
    await session.signOut();

    expect(await twin.getAccessToken()).toBeUndefined();
    expect(await other.getAccessToken()).toBeTypeOf("string");
    await expect(createAuthFetch(other)(server.serverUrl)).rejects.toMatchObject({ code: "authorization_required" });
    expect(await other.getAccessToken()).toBeUndefined();
  });

  it("may leave the server alone", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));

    expect(await session.signOut({ localOnly: true })).toEqual({ revoked: "skipped" });
    expect(await session.getTokens()).toBeUndefined();
    expect(server.counts.revocation).toBe(0);
  });

  it("of somebody who is not signed in does nothing", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);

    expect(await session.signOut()).toEqual({ revoked: "skipped" });
    expect(server.requests).toEqual([]);
  });

  it("says so where nothing can be revoked", async () => {
    const server = createFakeAuthServer({ revocation: false });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));

    expect(await session.signOut()).toEqual({ revoked: "unsupported" });
    expect(await session.getTokens()).toBeUndefined();
  });

  it.each([
    ["network_error", "network_error"],
    ["500", "server_error"],
    ["429", "server_error"],
  ] as const)("forgets the tokens although the server is in trouble: %s", async (fault, code) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.faults.add({ endpoint: "revocation", fault, times: Infinity });

    expect(await session.signOut()).toMatchObject({ revoked: { code } });
    expect(await session.getTokens()).toBeUndefined();
  });

  it("finds the endpoint again when the metadata is no longer stored, and asks no other issuer", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    for (const key of store.keys()) if (key.startsWith("v1:issuer:")) store.delete(key);
    expect(await session.signOut()).toEqual({ revoked: "yes" });

    await session.authorize(approvedBy(server));
    for (const key of store.keys()) if (key.startsWith("v1:issuer:")) store.delete(key);
    const next = createFakeAuthServer({ issuer: "https://next.example.com" });
    server.moveTo(next);
    expect(await session.signOut()).toEqual({ revoked: "unsupported" });
    expect(next.counts.revocation).toBe(0);
  });

  it("fails when the store does, and then the user is still signed in", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    let broken = false;
    const store: KVStore = {
      ...viewOf(backing),
      delete: async (key) => {
        if (broken) throw new Error("read-only");
        backing.delete(key);
      },
    };
    const { session } = createHost(server, { store });
    const tokens = await session.authorize(approvedBy(server));
    broken = true;

    await expect(session.signOut()).rejects.toMatchObject({ code: "store_failed" });
    expect(await session.getTokens()).toEqual(tokens);
    expect(server.counts.revocation).toBe(0);
    broken = false;
    expect(await session.signOut()).toEqual({ revoked: "yes" });
  });

  it("comes after a refresh that is under way, so that nothing is left behind", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(86_400_000);
    const refresh = session.getAccessToken();
    const signOut = session.signOut();
    await Promise.all([refresh, signOut]);

    expect(await session.getTokens()).toBeUndefined();
    expect(await session.getAccessToken()).toBeUndefined();
  });

  it("can be given up before it has begun, and while the server is asked", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const reason = new Error("never mind");
    const tokens = await session.authorize(approvedBy(server));
    expect(await failureOf(session.signOut({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await session.getTokens()).toEqual(tokens);

    const controller = new AbortController();
    server.faults.add({
      endpoint: "revocation",
      fault: () => {
        controller.abort(reason);
        return new Promise(() => undefined);
      },
    });
    expect(await failureOf(session.signOut({ signal: controller.signal }))).toBe(reason);
    expect(await session.getTokens()).toBeUndefined();
  });
});
