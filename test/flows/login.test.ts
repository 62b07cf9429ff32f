import { describe, expect, it, vi } from "vitest";
import type { KVStore } from "../../src/index.js";
import { createMemoryStore, startCallbackServer } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { SharedLocks } from "../support/host.js";
import { approvedBy, createHost, failureOf, lockingViewOf, REDIRECT, until, viewOf } from "../support/host.js";

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

describe("authorize", () => {
  it("leads to one login when many ask at once, and all get its tokens", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const all = await Promise.all(Array.from({ length: 4 }, () => session.authorize(approvedBy(server))));

    expect(new Set(all.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(server.counts).toMatchObject({ authorization: 1, token: 1, registration: 1 });
  });

  it("leads to one login among processes that share a lock", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const locks: SharedLocks = new Map();
    const sessions = Array.from(
      { length: 3 },
      () => createHost(server, { store: lockingViewOf(backing, locks) }).session,
    );
    const all = await Promise.all(sessions.map((session) => session.authorize(approvedBy(server))));

    expect(new Set(all.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(server.counts).toMatchObject({ authorization: 1, token: 1 });
  });

  it("logs in anew when nobody else did meanwhile", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const first = await session.authorize(approvedBy(server));
    const second = await session.authorize(approvedBy(server));

    expect(second.accessToken).not.toBe(first.accessToken);
    expect(server.counts.authorization).toBe(2);
  });

  it("does not settle for another's login with less scope, nor for any when forced", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const asked: (string | null)[] = [];
    const more = (scope: string, force = false) =>
      approvedBy(server, {
        scope,
        force,
        interact: (url) => {
          asked.push(url.searchParams.get("scope"));
          return server.approve(url);
        },
      });
    await Promise.all([
      session.authorize(more("read")),
      session.authorize(more("read write")),
      session.authorize(more("write")),
    ]);
    expect(asked).toEqual(["read", "read write"]);

    asked.length = 0;
    await Promise.all([session.authorize(more("read")), session.authorize(more("read", true))]);
    expect(asked).toEqual(["read", "read"]);
  });

  it("leaves no record of a login that was given up, however it was", async () => {
    const server = createFakeAuthServer();
    const store = createMemoryStore({ now: server.now });
    const { session } = createHost(server, { store });
    const left = async (): Promise<string[]> => {
      const keys: string[] = [];
      for await (const key of store.keys?.("v1:pending:") ?? []) keys.push(key);
      return keys;
    };
    const reason = new Error("the user closed the window");
    await expect(session.authorize(approvedBy(server, { interact: () => Promise.reject(reason) }))).rejects.toBe(
      reason,
    );
    expect(await left()).toEqual([]);
    const interactAtOnce = (): never => {
      throw reason;
    };
    await expect(session.authorize(approvedBy(server, { interact: interactAtOnce }))).rejects.toBe(reason);
    expect(await left()).toEqual([]);

    const controller = new AbortController();
    let seen: string[] = [];
    const interact = async (): Promise<never> => {
      seen = await left();
      controller.abort(reason);
      return new Promise(() => undefined);
    };
    await expect(session.authorize(approvedBy(server, { interact, signal: controller.signal }))).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
    expect(await left()).toEqual([]);
  });

  it("rejects with what interact rejected with, and lets the next one in", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const closed = new Error("the user closed the window");
    const first = session.authorize(approvedBy(server, { interact: () => Promise.reject(closed) }));
    const second = session.authorize(approvedBy(server));

    expect(await failureOf(first)).toBe(closed);
    expect((await second).accessToken).toBe(await session.getAccessToken());
  });

  it("hands interact the state that the callback will carry", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    let told: string | undefined;
    await session.authorize(
      approvedBy(server, {
        interact: (url, { state }) => {
          told = state;
          expect(url.searchParams.get("state")).toBe(state);
          return server.approve(url);
        },
      }),
    );
    expect(told).toMatch(/^[\w-]{22,}$/);
  });

  it("refuses the callback of another login that interact came back with", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const foreign = await server.approve(authorizationUrl);

    await expect(session.authorize(approvedBy(server, { interact: async () => foreign }))).rejects.toMatchObject({
      code: "state_unknown",
    });
    expect(server.counts.token).toBe(0);
  });
});

describe("a login whose callback never comes", () => {
  it("ends when the waiting for it does, and the next one starts anew [spec-3.8-11]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const listener = await startCallbackServer();
    try {
      const server = createFakeAuthServer();
      const { session } = createHost(server);
      let waiting = false;
      const login = failureOf(
        session.authorize(
          approvedBy(server, {
            redirectUri: listener.redirectUri,
            interact: (_, { state, signal }) => {
              waiting = true;
              return listener.waitForCallback({ state, signal, timeoutMs: 60_000 });
            },
          }),
        ),
      );
      await until(() => waiting);
      await vi.advanceTimersByTimeAsync(60_000);

      expect(await login).toMatchObject({ code: "callback_timeout" });
      await session.authorize(approvedBy(server, { redirectUri: listener.redirectUri }));
      expect(server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1 });
    } finally {
      await listener.close();
      vi.useRealTimers();
    }
  });
});

describe("an aborted login rejects with the caller's own reason", () => {
  const reason = new Error("the user went away");

  it("before anything was sent", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const signal = AbortSignal.abort(reason);

    expect(await failureOf(session.startAuthorization({ redirectUri: REDIRECT, signal }))).toBe(reason);
    expect(await failureOf(session.authorize(approvedBy(server, { signal })))).toBe(reason);
    expect(await failureOf(session.finishAuthorization(`${REDIRECT}?state=x`, { signal }))).toBe(reason);
    expect(server.requests).toEqual([]);
  });

  it("while the server hangs [pain-39]", async () => {
    const server = createFakeAuthServer();
    server.faults.add({ endpoint: "protectedResourceMetadata", fault: "hang" });
    const { session } = createHost(server);
    const controller = new AbortController();
    const login = failureOf(session.authorize(approvedBy(server, { signal: controller.signal })));
    await until(() => server.requests.length === 1);
    controller.abort(reason);

    expect(await login).toBe(reason);
  });

  it("while another's login is under way, which goes on", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const controller = new AbortController();
    let approve = (): void => undefined;
    const approved = new Promise<void>((resolve) => (approve = resolve));
    const first = session.authorize(
      approvedBy(server, {
        interact: async (url) => {
          await approved;
          return server.approve(url);
        },
      }),
    );
    const second = failureOf(session.authorize(approvedBy(server, { signal: controller.signal })));
    controller.abort(reason);
    expect(await second).toBe(reason);
    const third = session.authorize(approvedBy(server));
    approve();

    expect((await third).accessToken).toBe((await first).accessToken);
    expect(server.counts.authorization).toBe(1);
  });

  it("while the user does nothing, although interact does not look at the signal", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const controller = new AbortController();
    let asked = false;
    const login = failureOf(
      session.authorize(
        approvedBy(server, {
          signal: controller.signal,
          interact: () => {
            asked = true;
            return new Promise(() => undefined);
          },
        }),
      ),
    );
    await until(() => asked);
    controller.abort(reason);

    expect(await login).toBe(reason);
    expect((await session.authorize(approvedBy(server))).accessToken).toBeTruthy();
  });
});
