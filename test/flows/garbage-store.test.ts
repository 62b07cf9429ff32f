import { describe, expect, it } from "vitest";
import type { KVStore, TokenStore } from "../../src/index.js";
import { createAuthFetch, createTokenStore } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT, viewOf } from "../support/host.js";

const DAY = 86_400_000;
const GARBAGE: readonly (readonly [string, unknown])[] = [
  ["a number", 7],
  ["true", true],
  ["an object", { v: 1, data: {} }],
  ["a list", ["x"]],
  ["bytes", new Uint8Array([123, 125])],
];

describe("a store that gives back garbage", () => {
  it.each(GARBAGE)("(%s) has nothing: the user is needed, and nothing is sent in vain", async (_, garbage) => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    await createHost(server, { store: viewOf(backing) }).session.authorize(approvedBy(server));
    const store: KVStore = { ...viewOf(backing), get: () => garbage as string };
    const { session, events } = createHost(server, { store });
    const before = server.requests.length;

    expect(await session.getTokens()).toBeUndefined();
    expect(await session.getAccessToken()).toBeUndefined();
    expect(server.requests).toHaveLength(before);
    expect(events).toContainEqual(expect.objectContaining({ type: "record_ignored" }));
    expect(await failureOf(createAuthFetch(session)(server.serverUrl))).toMatchObject({
      code: "authorization_required",
    });
    // what is stored is still there, and a store that works again has it
    expect(await createHost(server, { store: viewOf(backing) }).session.getAccessToken()).toBeTypeOf("string");
  });

  it.each(GARBAGE)("(%s) for a login that waits makes its callback unknown", async (_, garbage) => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const { session } = createHost(server, { store: viewOf(backing) });
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    const store: KVStore = { ...viewOf(backing), take: () => garbage as string };
    expect(await failureOf(createHost(server, { store }).session.finishAuthorization(callback))).toMatchObject({
      code: "state_unknown",
    });
    expect(server.counts.token).toBe(0);
  });

  it.each([...GARBAGE, ["half a record", { accessToken: "x", refreshToken: "y" }] as const])(
    "(%s) in the tables of the host has no tokens: it is reported, and none of it is sent",
    async (_, garbage) => {
      const server = createFakeAuthServer();
      const store = new Map<string, string>();
      const tokenStore: TokenStore = { ...createTokenStore(store), getTokens: () => garbage as never };
      const { session, events } = createHost(server, { store, tokenStore });

      expect(await session.getTokens()).toBeUndefined();
      expect(await failureOf(createAuthFetch(session)(server.serverUrl))).toMatchObject({
        code: "authorization_required",
      });
      expect(server.requests.filter(({ headers }) => headers["authorization"] !== undefined)).toEqual([]);
      expect(events).toContainEqual(expect.objectContaining({ type: "record_ignored" }));
    },
  );
});

it.each(GARBAGE)(
  "a registration that is %s in the tables of the host is none: the client is registered anew",
  async (_, garbage) => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const tokenStore: TokenStore = { ...createTokenStore(store), getClientRegistration: () => garbage as never };
    const { session } = createHost(server, { store, tokenStore });
    await session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(1);
  },
);

describe("a clock that jumps by a day", () => {
  it.each([
    [DAY, "state_expired"],
    [-DAY, undefined],
  ])("(%d ms) while a login waits ends it with an error that says so, or not at all", async (jump, code) => {
    const server = createFakeAuthServer();
    let offset = 0;
    const { session } = createHost(server, { now: () => server.now() + offset });
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    offset = jump;
    const outcome = await session.finishAuthorization(callback).catch((error: unknown) => error);
    expect(outcome).toMatchObject(code === undefined ? { accessToken: expect.any(String) as unknown } : { code });
    offset = 0;
    // either way the next request finds its way
    if (code !== undefined) await session.authorize(approvedBy(server));
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  });

  it.each([DAY, -DAY])("(%d ms) in the middle of a refresh loses nothing", async (jump) => {
    const server = createFakeAuthServer();
    let offset = 0;
    const { session } = createHost(server, { now: () => server.now() + offset });
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    server.faults.add({ endpoint: "refresh", fault: (_, answer) => ((offset = jump), answer()) });
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    offset = 0;
    server.expireAccessTokens();
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ authorization: 1, refresh: 2 });
  });
});
