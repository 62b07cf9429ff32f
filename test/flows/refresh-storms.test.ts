import { describe, expect, it, vi } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { freezeClock } from "../support/freeze-clock.js";
import { approvedBy, failureOf } from "../support/host.js";
import { createProcesses, DAY, repeating, TOKENS, unauthorized } from "../support/refresh.js";

describe("a server that answers a refresh with the same access token", () => {
  it("is asked once for each time of its life, and its new refresh token is used", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    const { accessToken } = await session.authorize(approvedBy(server));
    repeating(server, accessToken);
    for (const day of [1, 2]) {
      server.advance(DAY);
      for (let call = 0; call < 5; call += 1) expect(await session.getAccessToken()).toBe(accessToken);
      expect(server.counts.refresh).toBe(day);
    }
  });

  it("and refuses it ends in one error, not in a storm [pain-29]", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    repeating(server, (await session.authorize(approvedBy(server))).accessToken);
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    for (let time = 0; time < 20; time += 1) await failureOf(createAuthFetch(session)(server.serverUrl));

    expect(server.counts.refresh).toBe(1);
    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({ code: "token_not_accepted" });
  });
});

describe("a server that refuses every fresh token", () => {
  const sends = {
    POST: { method: "POST", body: "{}", headers: { accept: "application/json, text/event-stream" } },
    "GET stream": { method: "GET", headers: { accept: "text/event-stream" } },
  };

  it.each(Object.entries(sends))("ends in one error, not in a storm: %s [pain-29]", async (_, init) => {
    freezeClock();
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(3_600_000);
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    const asked = vi.fn(() => Promise.reject(new Error("no user here")));
    const callers = [session, start().session, start().session].map((one) => createAuthFetch(one));
    const codes = new Set<unknown>();
    for (let time = 0; time < 100; time += 1) {
      const failures = await Promise.all(callers.map((one) => failureOf(one(server.serverUrl, init))));
      for (const failure of failures) codes.add((failure as { code: string }).code);
      if (time > 0) expect(failures).toMatchObject(callers.map(() => ({ code: "token_not_accepted" })));
      server.advance(500);
    }
    expect([...codes].sort()).toEqual(["authorization_required", "token_not_accepted"]);
    expect(server.counts.refresh).toBe(2);
    expect(await failureOf(callers[0]?.(server.serverUrl, init) ?? asked())).toMatchObject({
      name: "AuthorizationError",
      challenge: { scheme: "bearer" },
      retryAt: expect.any(Number) as unknown,
    });
  });

  it("is asked for another after a minute, then two, and so on up to ten [pain-29]", async () => {
    freezeClock();
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    const at: number[] = [];
    for (let time = 0; time < 40 * 60; time += 5) {
      const { refresh } = server.counts;
      await failureOf(createAuthFetch(start().session)(server.serverUrl));
      for (let more = refresh; more < server.counts.refresh; more += 1) at.push(time);
      server.advance(5_000);
    }
    const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    expect(pauses).toEqual([60, 120, 240, 480, 600, 600]);
  });

  it("does not lead to login after login either, and a new login lifts the pause [pain-29]", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(3_600_000);
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async () => {
        await session.authorize(approvedBy(server));
      },
    });
    for (let time = 0; time < 50; time += 1) await failureOf(authFetch(server.serverUrl));
    expect(server.counts).toMatchObject({ refresh: 2, authorization: 2 });
    await expect(authFetch(server.serverUrl)).rejects.toMatchObject({ code: "token_not_accepted" });

    server.faults.clear();
    await session.authorize(approvedBy(server, { force: true }));
    expect((await authFetch(server.serverUrl)).status).toBe(200);
  });

  it("is forgiven once a token was good for its time", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    for (let hour = 0; hour < 5; hour += 1) {
      server.faults.add({ endpoint: "resource", fault: unauthorized });
      expect((await authFetch(server.serverUrl)).status).toBe(200);
      server.advance(3_600_000);
      expect((await authFetch(server.serverUrl)).status).toBe(200);
    }
    expect(server.counts.authorization).toBe(1);
  });

  it("is told from one that ends tokens early", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(session);
    for (const pause of [1_000, 120_000, 1_000, 120_000, 1_000]) {
      server.advance(pause);
      server.expireAccessTokens();
      expect((await authFetch(server.serverUrl)).status).toBe(200);
    }
  });

  it("is told from one whose tokens a process with another clock obtained", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    await start({ now: () => server.now() + 2 * DAY }).session.authorize(approvedBy(server));
    const authFetch = createAuthFetch(start().session);
    server.expireAccessTokens();
    const theirs = await authFetch(server.serverUrl);
    server.expireAccessTokens();
    expect([theirs.status, (await authFetch(server.serverUrl)).status]).toEqual([200, 200]);
  });

  it("is not asked on and on because others store one bad token after the other", async () => {
    const server = createFakeAuthServer();
    const { start, backing } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.faults.add({
      endpoint: "resource",
      times: Infinity,
      fault: () => {
        const stored = backing.get(TOKENS) ?? "";
        backing.set(TOKENS, stored.replace(/"accessToken":"[^"]*"/, `"accessToken":"bad-${server.counts.resource}"`));
        return unauthorized();
      },
    });
    await failureOf(createAuthFetch(session)(server.serverUrl));
    expect(server.counts.resource).toBe(3);
  });

  it("while its token has run out, and needs no 401 to be known [pain-29]", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 30_000 });
    const { start } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.faults.add({ endpoint: "resource", fault: unauthorized, times: Infinity });
    await failureOf(createAuthFetch(start().session)(server.serverUrl));
    server.advance(31_000);
    await expect(start().session.getAccessToken()).rejects.toMatchObject({ code: "token_not_accepted" });
    expect(server.counts.refresh).toBe(1);
  });
});
