import { describe, expect, it } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import type { FakeAuthServerOptions } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf } from "../support/host.js";
import { createProcesses, DAY } from "../support/refresh.js";

describe("the time of expiry", () => {
  it("outlives a restart, and the token is renewed before it [pain-5]", async () => {
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
    const { start } = createProcesses(server);
    const first = await start().session.authorize(approvedBy(server));
    server.advance(3_000_000);
    expect(await start().session.getAccessToken()).toBe(first.accessToken);
    server.advance(580_000);
    expect(await start().session.getAccessToken()).not.toBe(first.accessToken);
    expect(server.counts).toMatchObject({ refresh: 1, resource: 0 });
  });

  it.each([
    ["the last minute", 86_400_000, 60_000],
    ["the last tenth of a short life", 300_000, 30_000],
  ])("is met in %s, by each process at a moment of its own", async (_, accessTokenTtlMs, marginMs) => {
    const issuedAt = Date.UTC(2027, 0, 1);
    let time = issuedAt;
    const server = createFakeAuthServer({ accessTokenTtlMs, now: () => time });
    const hosts = Array.from({ length: 40 }, () => createHost(server));
    for (const { session } of hosts) await session.authorize(approvedBy(server));
    const refreshesAt = async (beforeExpiryMs: number): Promise<number> => {
      time = issuedAt + accessTokenTtlMs - beforeExpiryMs;
      for (const { session } of hosts) await session.getAccessToken();
      return server.counts.refresh;
    };
    expect(await refreshesAt(marginMs + 1)).toBe(0);
    const halfway = await refreshesAt(0.75 * marginMs);
    expect(halfway).toBeGreaterThan(2);
    expect(halfway).toBeLessThan(38);
    expect(await refreshesAt(marginMs / 2)).toBe(40);
  });

  it("is found by processes whose clocks differ, once each has asked the server", async () => {
    let hour = 0;
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000, now: () => Date.UTC(2027, 0, 1) + hour });
    const { start } = createProcesses(server);
    const right = start().session;
    const fast = start({ now: () => server.now() + 1_800_000 }).session;
    await right.authorize(approvedBy(server));
    hour += 3_600_000;
    // each learns how wrong its clock is
    await fast.getAccessToken();
    hour += 3_600_000;
    const theirs = await right.getAccessToken();
    hour += 3_000_000;
    expect(await fast.getAccessToken()).toBe(theirs);
    expect(server.counts.refresh).toBe(2);
    hour += 600_000;
    const ours = await fast.getAccessToken();
    hour += 3_000_000;
    expect(await right.getAccessToken()).toBe(ours);
    hour += 600_000;
    expect(await right.getAccessToken()).not.toBe(ours);
    expect(server.counts).toMatchObject({ refresh: 4, resource: 0 });
  });

  it.each([-DAY, DAY])("does not end a session when the clock jumps by %d ms", async (jump) => {
    let offset = 0;
    const server = createFakeAuthServer({ accessTokenTtlMs: 3_600_000 });
    const { start } = createProcesses(server, { now: () => server.now() + offset });
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(3_600_000);
    server.faults.add({ endpoint: "refresh", fault: "503_retry_after" });
    await failureOf(session.getAccessToken());
    offset = jump;
    server.advance(130_000);
    // a pause that now lies a day ahead is none, and the 401 says what the clock does not
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect((await createAuthFetch(start().session)(server.serverUrl)).status).toBe(200);
    offset = 0;
    server.advance(3_600_000);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts.authorization).toBe(1);
  });
});

describe("the token endpoint", () => {
  it("after a restart is the one that gave the tokens, and nothing is asked about it [pain-6]", async () => {
    const server = createFakeAuthServer({ issuer: "https://auth.example.com/tenant" });
    const { start, backing } = createProcesses(server);
    await start().session.authorize(approvedBy(server));
    for (const key of backing.keys()) if (/^v1:(server|issuer|client):/.test(key)) backing.delete(key);
    server.advance(DAY);
    const before = server.requests.length;
    expect(await start().session.getAccessToken()).toBeTypeOf("string");
    expect(server.requests.slice(before).map(({ url }) => url)).toEqual(["https://auth.example.com/tenant/token"]);
  });

  /** A server whose token endpoint moves, with its old address gone. */
  function createMovingServer(gone: () => Response | Promise<Response>, options: FakeAuthServerOptions = {}) {
    const authorizationServerMetadata: Record<string, unknown> = {};
    const server = createFakeAuthServer({ authorizationServerMetadata, ...options });
    const asked: string[] = [];
    let moved = false;
    return {
      server,
      asked,
      move: (issuer = server.issuer) => {
        moved = true;
        Object.assign(authorizationServerMetadata, { issuer, token_endpoint: `${server.issuer}/oauth/token` });
      },
      fetch: async (input: string | URL, init?: RequestInit): Promise<Response> => {
        const url = String(input);
        if (init?.method === "POST") asked.push(new URL(url).pathname);
        if (moved && url === `${server.issuer}/token`) return await gone();
        return await server.fetch(url.replace("/oauth/token", "/token"), init);
      },
    };
  }

  it.each([
    ["answers 404", () => new Response("gone", { status: 404 })],
    ["answers 410 in JSON", () => Response.json({ error: "gone" }, { status: 410 })],
    ["cannot be reached", () => Promise.reject(new TypeError("fetch failed"))],
  ])("that %s is looked up once, and the refresh made where it is now", async (_, gone) => {
    const { server, asked, move, fetch } = createMovingServer(gone);
    const { start, tokens } = createProcesses(server, { fetch });
    const { session } = start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    move();
    asked.length = 0;
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(asked).toEqual(["/token", "/oauth/token"]);
    expect(tokens()?.tokenEndpoint).toBe(`${server.issuer}/oauth/token`);
    server.advance(DAY);
    await start().session.getAccessToken();
    expect(asked).toEqual(["/token", "/oauth/token", "/oauth/token"]);
  });

  it("is looked up even where its metadata were read a moment ago, and no further than one step", async () => {
    const { server, asked, move, fetch } = createMovingServer(() => new Response("gone", { status: 404 }));
    const { session } = createProcesses(server, {
      fetch: async (url, init) =>
        String(url).endsWith("/oauth/token") && asked.push("/oauth/token") < 3
          ? new Response("gone as well", { status: 404 })
          : await fetch(url, init),
    }).start();
    await session.authorize(approvedBy(server));
    asked.length = 0;
    server.expireAccessTokens();
    move();
    expect(await failureOf(createAuthFetch(session)(server.serverUrl))).toMatchObject({ status: 404 });
    expect(asked).toEqual(["/token", "/oauth/token"]);
    server.advance(60_000);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  });

  it("of another issuer gets nothing", async () => {
    const { server, asked, move, fetch } = createMovingServer(() => new Response("gone", { status: 404 }));
    const other = createFakeAuthServer({ issuer: "https://other.example.com" });
    const { session } = createProcesses(server, { fetch }).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    move();
    server.moveTo(other);
    asked.length = 0;

    expect(await failureOf(session.getAccessToken())).toMatchObject({ code: "server_error", status: 404 });
    expect(asked).toEqual(["/token"]);
    expect(other.counts).toMatchObject({ token: 0, refresh: 0 });
  });

  it("that is just down is asked again there, when nothing else is known", async () => {
    const server = createFakeAuthServer();
    const { session } = createProcesses(server).start();
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "network_error" });
    server.faults.add({ endpoint: "protectedResourceMetadata", fault: "network_error", times: 9 });
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "network_error" });
    server.advance(1_000);
    expect(await session.getAccessToken()).toBeTypeOf("string");
  });

  it("is chosen among several issuers by the tokens, not by their order", async () => {
    const other = createFakeAuthServer({ issuer: "https://other.example.com" });
    const issuers = { authorization_servers: [other.issuer, "https://auth.example.com"] };
    const { server, asked, move, fetch } = createMovingServer(() => new Response("gone", { status: 404 }), {
      protectedResourceMetadata: issuers,
    });
    const { session } = createHost(server, {
      fetch: (url, init) => (String(url).startsWith(other.issuer) ? other.fetch(url, init) : fetch(url, init)),
      selectIssuer: ([, second]) => second ?? "",
    });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    move();
    asked.length = 0;
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(asked).toEqual(["/token", "/oauth/token"]);
  });
});
