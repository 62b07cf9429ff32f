import { describe, expect, it } from "vitest";
import type { ClientRegistration, IgnoredRecord, TokenSet, TokenStore } from "../../../src/index.js";
import { createAuthFetch, createTokenStore } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import { approvedBy, createHost, REDIRECT } from "../../support/host.js";

const SERVER = { serverUrl: "https://mcp.example.com/mcp" };
const CLIENT = { issuer: "https://auth.example.com", redirectUri: REDIRECT };

describe("the token store over a plain store", () => {
  it("shows and changes what a client stored", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    const tokens = await session.authorize(approvedBy(server));
    const tokenStore = createTokenStore(store);

    expect(await tokenStore.getTokens(SERVER)).toEqual(tokens);
    expect(await tokenStore.getClientRegistration(CLIENT)).toEqual(tokens.registration);
    await tokenStore.deleteTokens(SERVER);
    await tokenStore.deleteClientRegistration(CLIENT);
    expect(await tokenStore.getTokens(SERVER)).toBeUndefined();
    expect(await session.getTokens()).toBeUndefined();
    await tokenStore.setTokens({ ...SERVER, subject: "alice" }, tokens);
    expect(
      await createHost(server, { store }).client.session(server.serverUrl, { subject: "alice" }).getTokens(),
    ).toEqual(tokens);
  });

  it.each(["https://MCP.example.com:443/mcp/", "https://mcp.example.com/mcp//#top"])(
    "puts tokens that are moved in for %s where the session of that server looks",
    async (serverUrl) => {
      const server = createFakeAuthServer();
      const tokens = await createHost(server).session.authorize(approvedBy(server));
      const store = new Map<string, string>();
      await createTokenStore(store).setTokens({ serverUrl }, tokens);

      expect(await createHost(server, { store }).session.getTokens()).toEqual(tokens);
      expect(await createHost(server, { store }).client.session(serverUrl).getTokens()).toEqual(tokens);
      expect(await createTokenStore(store).getTokens(SERVER)).toEqual(tokens);
    },
  );

  it("names the URL that is none, as when a key is given as a string", () => {
    const tokenStore = createTokenStore(new Map<string, string>());
    expect(() => tokenStore.getTokens("https://mcp.example.com/mcp" as never)).toThrow("serverUrl must be");
    expect(() => tokenStore.getTokens({ serverUrl: "mcp.example.com" })).toThrow("serverUrl must be");
  });

  it("finds a registration whatever the port of its loopback redirect URI, and tells the names of loopback apart", async () => {
    const store = new Map<string, string>();
    const tokenStore = createTokenStore(store);
    const registration: ClientRegistration = {
      issuer: CLIENT.issuer,
      clientId: "one",
      tokenEndpointAuthMethod: "none",
      redirectUris: [REDIRECT],
      source: "dynamic",
      createdAt: 0,
    };
    const found = async (redirectUri: string) =>
      (await tokenStore.getClientRegistration({ issuer: CLIENT.issuer, redirectUri }))?.clientId;
    await tokenStore.setClientRegistration(CLIENT, registration);

    expect(await found("http://127.0.0.1:1/callback")).toBe("one");
    expect(await found("http://127.0.0.1/callback")).toBe("one");
    for (const other of [
      "http://localhost:8976/callback",
      "http://[::1]:8976/callback",
      "http://127.0.0.1:8976/other",
      "https://127.0.0.1:8976/callback",
      "http://127.0.0.1.example.com:8976/callback",
    ]) {
      expect(await found(other)).toBeUndefined();
    }
    await tokenStore.setClientRegistration(
      { ...CLIENT, redirectUri: "http://[::1]:5/callback" },
      { ...registration, clientId: "two" },
    );
    await tokenStore.setClientRegistration(
      { ...CLIENT, redirectUri: "https://a.example:5/callback" },
      { ...registration, clientId: "three" },
    );
    expect(await found("http://[::1]/callback")).toBe("two");
    expect(await found("https://a.example:6/callback")).toBeUndefined();
    expect(await found("https://a.example:5/callback")).toBe("three");
  });

  it("reports what it cannot use, and is silent when nobody listens", async () => {
    const key = "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:=alice";
    const store = new Map([[key, "nonsense"]]);
    const ignored: IgnoredRecord[] = [];
    const tokenStore = createTokenStore(store, { onIgnored: (record) => ignored.push(record) });

    expect(await tokenStore.getTokens({ ...SERVER, subject: "alice" })).toBeUndefined();
    expect(await createTokenStore(store).getTokens({ ...SERVER, subject: "alice" })).toBeUndefined();
    expect(ignored).toEqual([{ key, reason: "it is not JSON" }]);
  });

  it.each<[string, (tokens: TokenSet) => unknown]>([
    ["accessToken", ({ accessToken: _, ...rest }) => rest],
    ["tokenType", (tokens) => ({ ...tokens, tokenType: 1 })],
    ["issuer", ({ issuer: _, ...rest }) => rest],
    ["tokenEndpoint", (tokens) => ({ ...tokens, tokenEndpoint: null })],
    ["resource", ({ resource: _, ...rest }) => rest],
    ["registration", ({ registration: _, ...rest }) => rest],
    ["registration.clientId", (tokens) => ({ ...tokens, registration: { ...tokens.registration, clientId: 1 } })],
    [
      "registration.redirectUris",
      (tokens) => ({ ...tokens, registration: { ...tokens.registration, redirectUris: "x" } }),
    ],
  ])("does not take tokens without a proper %s for tokens", async (member, spoil) => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const tokens = await createHost(server, { store }).session.authorize(approvedBy(server));
    const key = [...store.keys()].find((one) => one.startsWith("v1:tokens:")) ?? "";
    store.set(key, JSON.stringify({ v: 1, data: spoil(tokens) }));
    const { session, events } = createHost(server, { store });

    expect(await session.getTokens()).toBeUndefined();
    expect(events).toHaveLength(1);
    expect(JSON.stringify(events)).toContain(member);
    expect(JSON.stringify(events)).not.toContain(tokens.accessToken);
    expect(store.has(key)).toBe(true);
  });
});

describe("a token store of the host's own", () => {
  it("holds tokens and registrations; logins, locks and metadata stay in the store", async () => {
    const server = createFakeAuthServer();
    const tables = { tokens: new Map<string, TokenSet>(), clients: new Map<string, ClientRegistration>() };
    const tokenStore: TokenStore = {
      getTokens: ({ serverUrl, subject }) => tables.tokens.get(`${serverUrl} ${subject ?? ""}`) ?? null,
      setTokens: ({ serverUrl, subject }, tokens) => void tables.tokens.set(`${serverUrl} ${subject ?? ""}`, tokens),
      deleteTokens: ({ serverUrl, subject }) => void tables.tokens.delete(`${serverUrl} ${subject ?? ""}`),
      getClientRegistration: ({ issuer }) => tables.clients.get(issuer) ?? null,
      setClientRegistration: ({ issuer }, registration) => void tables.clients.set(issuer, registration),
      deleteClientRegistration: ({ issuer }) => void tables.clients.delete(issuer),
    };
    const store = new Map<string, string>();
    const { client } = createHost(server, { store, tokenStore });
    const session = client.session(server.serverUrl, { subject: "alice" });
    await session.authorize(approvedBy(server));
    server.advance(86_400_000);
    await createAuthFetch(session)(server.serverUrl);

    expect([...tables.tokens.keys()]).toEqual([`${server.serverUrl} alice`]);
    expect([...tables.clients.keys()]).toEqual([server.issuer]);
    expect([...store.keys()].map((key) => key.split(":")[1]).sort()).toEqual(["issuer", "server"]);
    await session.signOut();
    expect(tables.tokens.size).toBe(0);
    expect(server.counts).toMatchObject({ registration: 1, refresh: 1 });
  });
});
