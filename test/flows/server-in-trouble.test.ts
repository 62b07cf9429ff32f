import { describe, expect, it, vi } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, viewOf } from "../support/host.js";
import { createProcesses, DAY } from "../support/refresh.js";

describe("a server in trouble", () => {
  it("is not asked by anyone before its Retry-After, and nobody is logged in [pain-3]", async () => {
    const server = createFakeAuthServer();
    const { start } = createProcesses(server);
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    const retryAt = server.now() + 120_000;
    const asked = vi.fn();
    const authFetch = createAuthFetch(session, { onAuthorizationRequired: asked });
    const error = (await failureOf(authFetch(server.serverUrl))) as { retryAt: number };
    expect(error).toMatchObject({ code: "server_error", status: 503 });
    expect(Math.abs(error.retryAt - retryAt)).toBeLessThan(5_000);

    const callers = [start().session, start().session, session];
    const failures = await Promise.all(callers.map((one) => failureOf(one.getAccessToken())));
    for (const failure of failures) {
      expect(failure).toMatchObject({ name: "TransportError", code: "server_error", retryAt: error.retryAt });
    }
    expect(server.counts.refresh).toBe(1);
    server.advance(120_001);
    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ refresh: 2, authorization: 1 });
    expect(asked).not.toHaveBeenCalled();
  });

  it("is left alone for longer each time, a minute at most, at moments of chance [pain-3]", async () => {
    const server = createFakeAuthServer();
    const { start, state } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "429", times: 9 });
    const pauses: number[] = [];
    for (let time = 0; time < 9; time += 1) {
      const before = server.now();
      await failureOf(start().session.getAccessToken());
      pauses.push(Number(state()["retryAt"]) - before);
      server.advance(60_000);
    }
    expect(server.counts.refresh).toBe(9);
    pauses.forEach((pause, time) => {
      const longest = Math.min(60_000, 1000 * 2 ** time);
      expect(pause).toBeGreaterThanOrEqual(longest / 2);
      expect(pause).toBeLessThan(longest + 1000);
    });
    // up to half of a pause is left to chance
    const shares = pauses.map((pause, time) => pause / Math.min(60_000, 1000 * 2 ** time));
    expect(Math.min(...shares)).toBeLessThan(0.95);
    expect(await start().session.getAccessToken()).toBeTypeOf("string");
    expect(state()).toEqual({});
  });

  it("costs callers with a token that works neither a request nor a look at the store [pain-3]", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const get = vi.fn((key: string) => backing.get(key));
    const { session } = createHost(server, { store: { ...viewOf(backing), get } });
    const { accessToken } = await session.authorize(approvedBy(server));
    server.advance(DAY - 25_000);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    await session.getAccessToken();
    get.mockClear();
    server.advance(20_000);
    expect(await session.getAccessToken()).toBe(accessToken);
    expect(get).not.toHaveBeenCalled();
    server.advance(5_001);
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "server_error" });
    expect(server.counts.refresh).toBe(1);
  });

  it("as told by another process costs one look at the store [pain-3]", async () => {
    const server = createFakeAuthServer();
    const { start, backing, state } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    server.advance(DAY - 25_000);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    await start().session.getAccessToken();
    expect(state()).not.toHaveProperty("refreshing");
    const get = vi.fn((key: string) => backing.get(key));
    const { session } = createHost(server, { store: { ...viewOf(backing), get } });
    await session.getAccessToken();
    get.mockClear();
    await session.getAccessToken();
    expect(get).not.toHaveBeenCalled();
    expect(server.counts.refresh).toBe(1);
  });

  it.each([
    ["in a year", String(365 * 86_400)],
    ["on a date in a year", new Date(Date.now() + 365 * DAY).toUTCString()],
  ])("that wants to be asked again %s is asked again within the hour", async (_, retryAfter) => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    const headers = { "retry-after": retryAfter };
    server.faults.add({ endpoint: "refresh", fault: { status: 503, headers, body: "" } });
    await failureOf(session.getAccessToken());
    server.advance(3_500_000);
    await failureOf(session.getAccessToken());
    expect(server.counts.refresh).toBe(1);
    server.advance(100_001);
    expect(await session.getAccessToken()).toBeTypeOf("string");
  });

  it("that answers 200 without tokens is asked again later", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: { body: { ok: true } }, times: 3 });
    for (let time = 0; time < 3; time += 1) {
      await expect(session.getAccessToken()).rejects.toMatchObject({ code: "token_response_invalid" });
      server.advance(10_000);
    }
    expect(await session.getAccessToken()).toBeTypeOf("string");
  });
});
