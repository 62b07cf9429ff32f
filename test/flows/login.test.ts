import { describe, expect, it } from "vitest";
import type { KVStore } from "../../src/index.js";
import { createMemoryStore } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, lockingViewOf, REDIRECT, viewOf } from "../support/host.js";

const stores: readonly [string, (now: () => number) => KVStore][] = [
  ["a plain Map", () => new Map<string, string>()],
  ["a store with take", (now) => createMemoryStore({ now })],
  ["a store with a lock", () => lockingViewOf(new Map(), new Map())],
];

describe("a login in two steps", () => {
  it("is finished by another process that knows neither server nor state, and serves both [pain-35]", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const one = createHost(server, { store: viewOf(backing) });
    const other = createHost(server, { store: viewOf(backing) });
    const { authorizationUrl } = await one.session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    const { session, tokens } = await other.client.finishAuthorization(callback);

    expect(session.serverUrl).toBe(server.serverUrl);
    expect(session.subject).toBeUndefined();
    expect(await session.getAccessToken()).toBe(tokens.accessToken);
    expect(await one.session.getAccessToken()).toBe(tokens.accessToken);
    expect(server.counts).toMatchObject({ registration: 1, token: 1, refresh: 0 });
  });

  it.each([undefined, "/callback", "http://app.example.com/callback", { redirect_uri: REDIRECT }])(
    "registers no client for a redirectUri that nobody could be sent to: %j",
    async (redirectUri) => {
      const server = createFakeAuthServer();
      const { session } = createHost(server);
      const login = session.startAuthorization({ redirectUri: redirectUri as never });
      await expect(login).rejects.toThrow(/^redirectUri must be https/);
      expect(server.counts.registration).toBe(0);
    },
  );

  it("goes on beside other logins of the same user: each callback completes its own [spec-73, pain-35]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const first = await session.startAuthorization({ redirectUri: REDIRECT });
    const second = await session.startAuthorization({ redirectUri: REDIRECT });
    const callbacks = [await server.approve(first.authorizationUrl), await server.approve(second.authorizationUrl)];
    const challenges = [first, second].map(({ authorizationUrl }) =>
      authorizationUrl.searchParams.get("code_challenge"),
    );

    expect(first.state).not.toBe(second.state);
    expect(new Set(challenges).size).toBe(2);
    const later = await session.finishAuthorization(callbacks[1] ?? "");
    const earlier = await session.finishAuthorization(callbacks[0] ?? "");
    expect(later.accessToken).not.toBe(earlier.accessToken);
    expect(await session.getAccessToken()).toBe(earlier.accessToken);
  });

  it("keeps the tokens of several users of one server apart", async () => {
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    const started = await Promise.all(
      ["alice", "bob"].map(async (subject) => {
        const { authorizationUrl } = await client
          .session(server.serverUrl, { subject })
          .startAuthorization({ redirectUri: REDIRECT });
        return { subject, callback: await server.approve(authorizationUrl) };
      }),
    );
    const finished = await Promise.all(
      started.map(({ subject, callback }) => client.finishAuthorization(callback, { subject })),
    );

    expect(finished.map(({ session }) => session.subject)).toEqual(["alice", "bob"]);
    for (const { session, tokens } of finished) expect(await session.getAccessToken()).toBe(tokens.accessToken);
    expect(finished[0]?.tokens.accessToken).not.toBe(finished[1]?.tokens.accessToken);
    expect(await client.session(server.serverUrl).getTokens()).toBeUndefined();
    expect(server.counts.registration).toBe(1);
  });

  it("says until when the callback will be accepted, and records issuer and verifier before anyone leaves [spec-71]", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const { session } = createHost(server, { store: backing });
    const { state, expiresAt } = await session.startAuthorization({ redirectUri: REDIRECT });
    const record: unknown = JSON.parse(backing.get(`v1:pending:${state}`) ?? "");

    expect(record).toMatchObject({
      data: { server: { issuer: server.issuer }, registration: { issuer: server.issuer } },
    });
    expect(record).toHaveProperty("data.codeVerifier", expect.stringMatching(/^[\w.~-]{43,128}$/));
    expect(expiresAt - server.now()).toBeGreaterThan(595_000);
    expect(expiresAt - server.now()).toBeLessThanOrEqual(600_000);
  });

  it("exchanges the code against what was recorded, although the server has moved meanwhile [spec-85]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    const other = createFakeAuthServer({ issuer: "https://other.example.com" });
    server.moveTo(other);
    const tokens = await session.finishAuthorization(callback);

    expect(tokens.issuer).toBe(server.issuer);
    expect(server.counts.token).toBe(1);
    expect(other.requests).toEqual([]);
  });
});

describe.each(stores)("a callback, over %s", (_, createStore) => {
  it("counts once: a reload finds no login and sends no code [spec-122]", async () => {
    const server = createFakeAuthServer();
    const { client, session } = createHost(server, { store: createStore(server.now) });
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    const tokens = await session.finishAuthorization(callback);

    await expect(session.finishAuthorization(callback)).rejects.toMatchObject({ code: "state_unknown" });
    await expect(client.finishAuthorization(callback)).rejects.toMatchObject({ code: "state_unknown" });
    expect(await session.getAccessToken()).toBe(tokens.accessToken);
    expect(server.counts.token).toBe(1);
  });

  it("counts once, too, when it arrives several times at the same moment", async () => {
    const server = createFakeAuthServer();
    const { client, session } = createHost(server, { store: createStore(server.now) });
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => client.finishAuthorization(callback)));

    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "state_unknown" });
    }
    expect(server.counts.token).toBe(1);
  });

  it("is gone after an exchange that failed, and leaves what is stored [spec-3.8-18]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server, { store: createStore(server.now) });
    const before = await session.authorize(approvedBy(server));
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    server.faults.add({ endpoint: "token", fault: "503_retry_after" });

    await expect(session.finishAuthorization(callback)).rejects.toMatchObject({ code: "server_error", status: 503 });
    await expect(session.finishAuthorization(callback)).rejects.toMatchObject({ code: "state_unknown" });
    expect(await session.getAccessToken()).toBe(before.accessToken);
  });
});

describe("a callback that is not this login's", () => {
  it("of yesterday is refused as expired, and as unknown once the store has tidied up [spec-81]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server, { store: new Map<string, string>() });
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    server.advance(86_400_000);

    await expect(session.finishAuthorization(callback)).rejects.toMatchObject({ code: "state_expired" });
    await expect(session.finishAuthorization(callback)).rejects.toMatchObject({ code: "state_unknown" });

    const tidy = createHost(server);
    const { authorizationUrl: url } = await tidy.session.startAuthorization({ redirectUri: REDIRECT });
    const other = await server.approve(url);
    server.advance(86_400_000);
    await expect(tidy.session.finishAuthorization(other)).rejects.toMatchObject({ code: "state_unknown" });
    expect(server.counts.token).toBe(0);
  });

  it("for another user is refused, and the right user's login still completes [spec-122]", async () => {
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    const alice = client.session(server.serverUrl, { subject: "alice" });
    const mallory = client.session(server.serverUrl, { subject: "mallory" });
    const { authorizationUrl } = await alice.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);

    await expect(client.finishAuthorization(callback, { subject: "mallory" })).rejects.toMatchObject({
      code: "subject_mismatch",
    });
    await expect(client.finishAuthorization(callback)).rejects.toMatchObject({ code: "subject_mismatch" });
    await expect(mallory.finishAuthorization(callback)).rejects.toMatchObject({ code: "subject_mismatch" });
    expect(server.counts.token).toBe(0);
    expect((await client.finishAuthorization(callback, { subject: "alice" })).session.subject).toBe("alice");
    expect(await mallory.getTokens()).toBeUndefined();
  });

  it("of a browser that did not start the login is refused, and the right one's still completes [spec-85, spec-122]", async () => {
    const server = createFakeAuthServer();
    const { client, session } = createHost(server);
    const attacker = await session.startAuthorization({ redirectUri: REDIRECT });
    const victim = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(attacker.authorizationUrl);

    for (const state of [victim.state, undefined, ""]) {
      await expect(client.finishAuthorization(callback, { state })).rejects.toMatchObject({ code: "state_unknown" });
      await expect(session.finishAuthorization(callback, { state })).rejects.toMatchObject({ code: "state_unknown" });
    }
    expect(server.counts.token).toBe(0);
    await client.finishAuthorization(callback, { state: attacker.state });
    expect(server.counts.token).toBe(1);
  });

  it.each([
    ["tampered with", (callback: URL) => callback.searchParams.set("state", "forged")],
    ["taken away", (callback: URL) => callback.searchParams.delete("state")],
    ["emptied", (callback: URL) => callback.searchParams.set("state", "")],
  ])("is refused when its state was %s, and the login goes on waiting [spec-70, spec-81]", async (_, spoil) => {
    const server = createFakeAuthServer();
    const { client, session } = createHost(server);
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    const spoilt = new URL(callback);
    spoil(spoilt);

    await expect(client.finishAuthorization(spoilt)).rejects.toMatchObject({ code: "state_unknown" });
    expect(server.counts.token).toBe(0);
    await client.finishAuthorization(callback);
    expect(server.counts.token).toBe(1);
  });

  it("but of another server of the same user is refused by this session alone", async () => {
    const server = createFakeAuthServer();
    const { client, session } = createHost(server);
    const elsewhere = client.session("https://elsewhere.example.com/mcp");
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);

    await expect(elsewhere.finishAuthorization(callback)).rejects.toMatchObject({ code: "state_unknown" });
    expect((await session.finishAuthorization(callback)).accessToken).toBe(await session.getAccessToken());
  });

  it.each(["state", "code", "iss", "error"])(
    "is refused when %s occurs twice, and costs the login nothing [spec-86]",
    async (name) => {
      const server = createFakeAuthServer();
      const { session } = createHost(server);
      const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
      const callback = await server.approve(authorizationUrl);
      const twice = new URL(callback);
      twice.searchParams.append(name, "one");
      twice.searchParams.append(name, "two");

      await expect(session.finishAuthorization(twice)).rejects.toMatchObject({ code: "callback_invalid" });
      expect(server.counts.token).toBe(0);
      callback.searchParams.append("session_state", "ignored");
      await session.finishAuthorization(callback);
    },
  );
});
