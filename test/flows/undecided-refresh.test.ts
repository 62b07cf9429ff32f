import { describe, expect, it, vi } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import { isAuthError } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, until } from "../support/host.js";
import { createProcesses, DAY, refusal } from "../support/refresh.js";

describe("a refresh that decides nothing", () => {
  const faults = ["500", "503_retry_after", "429", "html_200", "bad_json", "network_error"] as const;

  it.each(faults)("(%s) keeps everything, and a token that still works in use [spec-3.8-18]", async (fault) => {
    const server = createFakeAuthServer();
    const { session, events } = createHost(server);
    const before = await session.authorize(approvedBy(server));
    server.advance(DAY - 20_000);
    server.faults.add({ endpoint: "refresh", fault });

    expect(await session.getAccessToken()).toBe(before.accessToken);
    expect(events.at(-1)).toMatchObject({ type: "refresh_failed", serverUrl: server.serverUrl });
    expect(await session.getTokens()).toEqual(before);
    expect(await session.getAccessToken()).toBe(before.accessToken);
    expect(server.counts.refresh).toBe(1);
    server.advance(120_000);
    expect(await session.getAccessToken()).not.toBe(before.accessToken);
    expect(server.counts).toMatchObject({ refresh: 2, registration: 1, authorization: 1 });
  });

  it.each(faults)(
    "(%s) is an error when the token has run out or was refused, and no logout [spec-3.8-18]",
    async (fault) => {
      const server = createFakeAuthServer();
      const store = new Map<string, string>();
      const { session } = createHost(server, { store });
      await session.authorize(approvedBy(server));
      server.advance(DAY);
      const before = new Map(store);
      server.faults.add({ endpoint: "refresh", fault, times: 2 });
      const byClock = await failureOf(session.getAccessToken());
      server.advance(121_000);
      const byFetch = await failureOf(createAuthFetch(session)(server.serverUrl));

      for (const error of [byClock, byFetch]) {
        expect(isAuthError(error) && ["server_error", "network_error"].includes(error.code)).toBe(true);
      }
      expect(server.counts.refresh).toBe(2);
      for (const [key, value] of before) if (/^v1:(tokens|client):/.test(key)) expect(store.get(key)).toBe(value);
      server.advance(121_000);
      expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    },
  );

  it.each(faults)("(%s) is that error when the server has just refused the token, and not a login", async (fault) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const before = await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    server.faults.add({ endpoint: "refresh", fault });
    let asked = 0;
    const authFetch = createAuthFetch(session, { onAuthorizationRequired: async () => void (asked += 1) });
    const error = await failureOf(authFetch(server.serverUrl));

    expect(isAuthError(error) && ["server_error", "network_error"].includes(error.code)).toBe(true);
    expect(asked).toBe(0);
    expect(server.counts.resource).toBe(1);
    expect(await session.getTokens()).toEqual(before);
    server.advance(3_600_001);
    expect((await authFetch(server.serverUrl)).status).toBe(200);
  });

  it("says when to come again", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    const error = await failureOf(session.getAccessToken());

    expect(isAuthError(error, "server_error") && (error.retryAt ?? 0) - server.now()).toBeGreaterThan(110_000);
  });

  it("ends within the client's own timeout when the server hangs [pain-39]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const server = createFakeAuthServer();
      const { session } = createHost(server, { timeoutMs: 5_000 });
      await session.authorize(approvedBy(server));
      server.advance(DAY);
      server.faults.add({ endpoint: "refresh", fault: "hang" });
      const work = failureOf(session.getAccessToken());
      await until(() => server.counts.refresh === 1);
      await vi.advanceTimersByTimeAsync(4_999);
      expect(vi.getTimerCount()).toBeGreaterThan(0);
      await vi.advanceTimersByTimeAsync(1);

      expect(await work).toMatchObject({ code: "request_timeout" });
      expect(vi.getTimerCount()).toBe(0);
      server.advance(1_000);
      expect(await session.getAccessToken()).toBeTypeOf("string");
    } finally {
      vi.useRealTimers();
    }
  });

  it("because its answer was lost after the rotation is an error, and the next refresh finds the session dead", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "lost_answer" });

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "network_error" });
    server.advance(1_000);
    expect(await session.getAccessToken()).toBeUndefined();
    expect(await session.getTokens()).toBeUndefined();
  });
});

describe("a refusal that no rule names", () => {
  it("is believed when it comes again half a minute later: the user is needed, and the registration stays", async () => {
    const server = createFakeAuthServer();
    const { start, tokens } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: refusal("invalid_request", 401), times: 2 });
    await expect(start().session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    expect(tokens()).not.toBeNull();
    server.advance(30_000);
    expect(await start().session.getAccessToken()).toBeUndefined();
    expect(tokens()).toBeNull();
    expect(await start().session.getAccessToken()).toBeUndefined();
    expect(server.counts.refresh).toBe(2);
    await start().session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(1);
  });

  it("is not believed within half a minute of the first: a mishap of that length ends no session", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: refusal("invalid_request"), times: 5 });
    // each as soon as the pause is over: within 31 s at most
    for (const pause of [0, 1_001, 2_001, 4_001, 8_001]) {
      server.advance(pause);
      await expect(start().session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    }
    server.advance(16_001);
    expect(await start().session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ refresh: 6, authorization: 1 });
  });

  it("is believed when it comes again after a failure of the server", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    const answers = [refusal("invalid_request"), refusal("server_error", 503), refusal("invalid_request")];
    for (const fault of answers) server.faults.add({ endpoint: "refresh", fault });
    await failureOf(session.getAccessToken());
    server.advance(60_000);
    await failureOf(session.getAccessToken());
    server.advance(60_000);
    expect(await session.getAccessToken()).toBeUndefined();
  });

  it.each([
    ["another follows", [refusal("invalid_request"), refusal("slow_down"), refusal("invalid_request", 403)]],
    [
      "there is none at the address any more",
      [404, 404, 405, 405, 410, 410].map((status) => refusal("not_found", status)),
    ],
    ["it is no JSON", Array.from({ length: 3 }, () => ({ status: 403, body: "Forbidden" }))],
  ])("is not believed when %s", async (_, faults) => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    for (const fault of faults) server.faults.add({ endpoint: "refresh", fault });
    while (server.counts.refresh < faults.length) {
      await failureOf(session.getAccessToken());
      server.advance(60_000);
    }
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ refresh: faults.length + 1, authorization: 1 });
  });
});

describe("what is no answer of the server", () => {
  it("such as a policy of the host that throws, reaches the caller as it is and changes nothing", async () => {
    const server = createFakeAuthServer();
    const mistake = new Error("no policy loaded");
    let broken = false;
    const { session } = createProcesses(server, {
      allowUrl: () => {
        if (broken) throw mistake;
        return true;
      },
    }).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    broken = true;
    expect(await failureOf(session.getAccessToken())).toBe(mistake);
    broken = false;
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts.refresh).toBe(1);
  });
});
