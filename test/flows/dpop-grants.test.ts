import { decodeJwt, exportJWK, generateKeyPair } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  authorizeWithDeviceCode,
  clientCredentials,
  createAuthFetch,
  createDpop,
  enterpriseManaged,
  privateKeyJwt,
} from "../../src/index.js";
import { createFakeAuthServer, type FakeAuthServer, type FakeAuthServerOptions } from "../../src/testing.js";
import { createHost, failureOf, until } from "../support/host.js";

const HOUR = 3_600_000;

const startServer = (options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({
    now: () => 1_800_000_000_000,
    dpop: { required: true, nonces: true },
    clientCredentials: true,
    accessTokenTtlMs: HOUR,
    clients: [{ client_id: "machine", client_secret: "s3cret" }],
    ...options,
  });

const tokenRequests = (server: FakeAuthServer) => server.requests.filter(({ endpoint }) => endpoint === "token");
const grantOf = (server: FakeAuthServer) =>
  clientCredentials({ issuer: server.issuer, clientId: "machine", clientSecret: "s3cret" });

afterEach(() => void vi.useRealTimers());

describe("a machine with DPoP", () => {
  it("has its tokens bound, and renews them with the key it has [spec-148, spec-149]", async () => {
    const server = startServer();
    const store = new Map<string, string>();
    const start = () =>
      createHost(server, { store, dpop: createDpop({ required: true }) }).client.session(server.serverUrl, {
        grant: grantOf(server),
      });
    const session = start();
    const call = createAuthFetch(session);
    expect((await call(server.serverUrl)).status).toBe(200);
    const first = await session.getTokens();
    expect(first).toMatchObject({ tokenType: "DPoP" });
    expect(tokenRequests(server).map(({ status }) => status)).toEqual([400, 200]);

    server.advance(HOUR);
    expect((await createAuthFetch(start())(server.serverUrl)).status).toBe(200);
    const second = await session.getTokens();
    expect(second).toMatchObject({ tokenType: "DPoP", dpopKeyId: first?.dpopKeyId });
    expect(second?.accessToken).not.toBe(first?.accessToken);
    await session.signOut();
    expect([...store.keys()].filter((key) => key.startsWith("v1:dpop:"))).toEqual([]);
  });

  it("gets a new key when its own is lost, without anybody being asked [spec-153]", async () => {
    const server = startServer();
    const store = new Map<string, string>();
    const start = () => {
      const { client, events } = createHost(server, { store, dpop: createDpop() });
      return { session: client.session(server.serverUrl, { grant: grantOf(server) }), events };
    };
    await start().session.getAccessToken();
    for (const key of store.keys()) if (key.startsWith("v1:dpop:")) store.delete(key);
    const { session, events } = start();
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(events.map(({ type }) => type)).toContain("dpop_key_missing");
  });

  it("is refused a bearer token where the server offers DPoP", async () => {
    const server = startServer({ dpop: {} });
    const { client } = createHost(server, { dpop: createDpop() });
    server.faults.add({
      endpoint: "token",
      fault: { members: { token_type: "Bearer" } },
    });
    const session = client.session(server.serverUrl, { grant: grantOf(server) });
    expect(await failureOf(session.getAccessToken())).toMatchObject({ code: "token_response_invalid" });
  });

  it("signs a new assertion for the request that it repeats with a nonce [spec-150]", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwks = { keys: [await exportJWK(publicKey)] };
    const server = startServer({
      clients: [{ client_id: "machine", token_endpoint_auth_method: "private_key_jwt", jwks }],
    });
    const { client } = createHost(server, { dpop: createDpop() });
    const grant = clientCredentials({
      issuer: server.issuer,
      clientId: "machine",
      clientAuthentication: privateKeyJwt({ privateKey }),
    });
    const assertions: string[] = [];
    server.faults.add({
      endpoint: "token",
      times: Infinity,
      fault: async (request, answer) => {
        assertions.push(new URLSearchParams(await request.clone().text()).get("client_assertion") ?? "");
        return answer();
      },
    });
    expect(await client.session(server.serverUrl, { grant }).getAccessToken()).toBeDefined();
    const [first = "", second = ""] = assertions;
    expect(assertions).toHaveLength(2);
    expect(decodeJwt(second).jti).not.toBe(decodeJwt(first).jti);
  });
});

it("an identity provider gets no proof, and the server that takes its assertion does [spec-149]", async () => {
  const issuer = "https://auth.example.com";
  const idpIssuer = "https://idp.corp.example";
  const server: FakeAuthServer = startServer({
    issuer,
    identityProviders: [{ issuer: idpIssuer, keys: () => idp.signingKeys() }],
    clients: [{ client_id: "chat", client_secret: "secret at the server" }],
  });
  const idp: FakeAuthServer = createFakeAuthServer({
    issuer: idpIssuer,
    now: server.now,
    dpop: {},
    idJag: { audiences: { [issuer]: "chat" }, subjectTokens: { "proof of alice": "alice" } },
    clients: [{ client_id: "sso", client_secret: "secret at the server" }],
  });
  const { client } = createHost(server, {
    dpop: createDpop(),
    fetch: (url, init) => (new URL(url).origin === idpIssuer ? idp : server).fetch(url, init),
  });
  const session = client.session(server.serverUrl, {
    subject: "alice",
    grant: enterpriseManaged({
      issuer,
      client: { clientId: "chat", clientSecret: "secret at the server" },
      idp: {
        issuer: idpIssuer,
        tokenEndpoint: `${idpIssuer}/token`,
        clientId: "sso",
        clientSecret: "secret at the server",
      },
      getSubjectToken: () => ({ token: "proof of alice", type: "id_token" }),
    }),
  });
  expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  expect(tokenRequests(idp).map(({ headers }) => "dpop" in headers)).toEqual([false]);
  expect(tokenRequests(server).map(({ headers }) => "dpop" in headers)).toEqual([true, true]);
});

it("a device proves the key of its login with every question, and its refresh too [spec-149]", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const server = createFakeAuthServer({
    deviceAuthorization: {},
    dpop: { required: true, nonces: true },
    accessTokenTtlMs: HOUR,
  });
  const { session } = createHost(server, { dpop: createDpop() });
  let userCode: string | undefined;
  const login = authorizeWithDeviceCode(session, { onUserCode: (prompt) => void (userCode = prompt.userCode) });
  const statuses = () => tokenRequests(server).map(({ status }) => status);
  // the cryptography takes time of its own, in which the timers must not move
  await until(() => userCode !== undefined && vi.getTimerCount() === 1);
  await vi.advanceTimersByTimeAsync(5_000);
  await until(() => statuses()[1] === 400 && vi.getTimerCount() === 1);
  server.approveDevice(userCode ?? "");
  await vi.advanceTimersByTimeAsync(5_000);
  const tokens = await login;
  expect(statuses()).toEqual([400, 400, 200]);
  expect(tokens.tokenType).toBe("DPoP");
  expect(tokenRequests(server).every(({ headers }) => "dpop" in headers)).toBe(true);
  server.advance(HOUR);
  expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
  expect(await session.getTokens()).toMatchObject({ tokenType: "DPoP", dpopKeyId: tokens.dpopKeyId });
});
