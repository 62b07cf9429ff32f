import { describe, expect, it } from "vitest";
import { createAuthFetch, createMemoryStore, createTokenStore } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, viewOf } from "../support/host.js";
import { createProcesses, DAY, STATE, TOKENS, unauthorized } from "../support/refresh.js";

describe("a refresh token that the server refuses", () => {
  it.each([
    ["invalid_grant", "[spec-3.8-12]"],
    ["unauthorized_client", "[spec-3.8-14]"],
    ["unsupported_grant_type", "[spec-3.8-14]"],
    ["invalid_scope", "[spec-3.8-15]"],
    ["invalid_target", "[spec-3.8-16]"],
  ])("with %s is forgotten, the registration stays, and the user is needed %s", async (error) => {
    const server = createFakeAuthServer();
    const { session, events } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: { status: 400, body: { error } } });

    expect(await session.getAccessToken()).toBeUndefined();
    expect(await session.getTokens()).toBeUndefined();
    expect(events.at(-1)).toMatchObject({
      type: "refresh_failed",
      error: { code: "refresh_rejected", oauthError: error },
    });
    expect(server.counts.refresh).toBe(1);
    await session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(1);
  });

  it("with status 200 is forgotten as well [spec-3.8-19]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "error_in_200" });

    expect(await session.getAccessToken()).toBeUndefined();
    expect(await session.getTokens()).toBeUndefined();
  });

  it("because the grant was taken back leads to a login through the fetch [spec-3.8-12]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server));
    server.revokeGrant(accessToken);
    const reasons: string[] = [];
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async ({ reason, challenge }) => {
        reasons.push(reason);
        await session.authorize(approvedBy(server, { challenge }));
      },
    });

    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(reasons).toEqual(["login"]);
    expect(server.counts).toMatchObject({ refresh: 1, registration: 1, authorization: 2 });
  });

  it("was used by another process first: what that one stored is taken over, not deleted", async () => {
    const server = createFakeAuthServer({ revokeOnReuse: false });
    const backing = new Map<string, string>();
    const one = createHost(server, { store: viewOf(backing) });
    const other = createHost(server, { store: viewOf(backing) });
    await one.session.authorize(approvedBy(server));
    await other.session.getAccessToken();
    server.advance(DAY);
    // without a lock both read the same refresh token before either has used it
    const got = await Promise.all([one.session.getAccessToken(), other.session.getAccessToken()]);

    expect(server.counts.refresh).toBe(2);
    expect(got[0]).toBe(got[1]);
    expect(await createHost(server, { store: viewOf(backing) }).session.getAccessToken()).toBe(got[0]);
    const types = [...one.events, ...other.events].map(({ type }) => type);
    expect(types.filter((type) => type === "refresh_adopted")).toHaveLength(1);
  });

  const rejection = () => Response.json({ error: "invalid_grant" }, { status: 400 });
  it("while another process signed out leaves nothing to delete", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({
      endpoint: "refresh",
      fault: async () => {
        await createTokenStore(store).deleteTokens({ serverUrl: server.serverUrl });
        return rejection();
      },
    });

    expect(await session.getAccessToken()).toBeUndefined();
  });

  it("while another process stored tokens that have expired as well leads to a refresh of those", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({
      endpoint: "refresh",
      fault: async () => {
        await createHost(server, { store: viewOf(store) }).session.getAccessToken();
        server.advance(DAY);
        return rejection();
      },
    });

    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ refresh: 3, authorization: 1 });
  });
});

describe("a token that was refused for good", () => {
  it("is remembered, and not tried again at the next start even if it is still there [pain-4]", async () => {
    const server = createFakeAuthServer();
    const { start, backing, state } = createProcesses(server);
    const { accessToken } = await start().session.authorize(approvedBy(server));
    server.revokeGrant(accessToken);
    server.advance(DAY);
    const stored = backing.get(TOKENS) ?? "";
    expect(await start().session.getAccessToken()).toBeUndefined();
    expect(backing.has(TOKENS)).toBe(false);
    expect(state()).toEqual({ refusedRefresh: expect.stringMatching(/^[\w+/]{43}=$/) as unknown });

    for (let time = 0; time < 5; time += 1) {
      backing.set(TOKENS, stored);
      expect(await start().session.getAccessToken()).toBeUndefined();
    }
    expect(server.counts.refresh).toBe(1);
    await start().session.authorize(approvedBy(server));
    expect(backing.has(STATE)).toBe(false);
  });

  it("leaves nothing behind of a user who does not come back within a month", async () => {
    const server = createFakeAuthServer();
    const store = createMemoryStore({ now: server.now });
    const { session } = createHost(server, { store });
    const { accessToken } = await session.authorize(approvedBy(server));
    server.revokeGrant(accessToken);
    server.advance(DAY);
    expect(await session.getAccessToken()).toBeUndefined();

    const ofUser = async (): Promise<readonly string[]> => {
      const keys: string[] = [];
      for await (const key of store.keys?.("v1:") ?? []) if (key.includes(":user:")) keys.push(key);
      return keys;
    };
    expect(await ofUser()).toEqual([STATE]);
    server.advance(29 * DAY);
    expect(await ofUser()).toEqual([STATE]);
    server.advance(DAY);
    expect(await ofUser()).toEqual([]);
  });

  it("is not tried again in this process even if the store can remember nothing [pain-4]", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    let broken = false;
    const { session } = createHost(server, {
      store: { ...viewOf(backing), set: (key, value) => (check(), backing.set(key, value)) },
    });
    const check = (): void => {
      if (broken) throw new Error("read-only");
    };
    const { accessToken } = await session.authorize(approvedBy(server));
    server.revokeGrant(accessToken);
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: (_, answer) => ((broken = true), answer()) });

    expect(await failureOf(session.getAccessToken())).toMatchObject({ code: "store_failed" });
    expect(await session.getAccessToken()).toBeUndefined();
    expect(server.counts.refresh).toBe(1);
  });

  it("and has no refresh token is not sent again after a restart", async () => {
    const server = createFakeAuthServer({ issueRefreshTokens: false });
    const { start, backing } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    const stored = backing.get(TOKENS) ?? "";
    server.expireAccessTokens();
    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({ code: "authorization_required" });
    expect(backing.has(TOKENS)).toBe(false);
    backing.set(TOKENS, stored);
    expect(await start().session.getAccessToken()).toBeUndefined();
    expect(await start().session.getTokens()).toBeUndefined();
    backing.set(TOKENS, stored.replace(/"accessToken":"[^"]*"/, '"accessToken":"another"'));
    expect(await start().session.getAccessToken()).toBe("another");
  });

  it("by one process is forgotten only if it is still the one that is stored", async () => {
    const server = createFakeAuthServer({ issueRefreshTokens: false });
    const { start } = createProcesses(server);
    const [one, other] = [start().session, start().session];
    const { accessToken } = await one.authorize(approvedBy(server));
    const newer = await other.authorize(approvedBy(server, { force: true }));
    await one.handleChallenge(unauthorized(), { accessToken });

    expect(await one.getAccessToken()).toBe(newer.accessToken);
  });

  it("is forgotten with all else at a sign-out", async () => {
    const server = createFakeAuthServer();
    const { start, backing } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    await createAuthFetch(session)(server.serverUrl);
    expect(backing.has(STATE)).toBe(true);
    await session.signOut();

    expect([...backing.keys()].filter((key) => /^v1:(tokens|state):/.test(key))).toEqual([]);
  });
});
