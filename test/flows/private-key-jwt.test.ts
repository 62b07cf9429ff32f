import { generateKeyPairSync } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, generateKeyPair, jwtVerify } from "jose";
import { describe, expect, it, vi } from "vitest";
import {
  clientCredentials,
  createAuthFetch,
  privateKeyJwt,
  type AuthSession,
  type ClientAuthentication,
} from "../../src/index.js";
import { createFakeAuthServer, type FakeAuthServer, type FakeAuthServerOptions } from "../../src/testing.js";
import { freezeClock } from "../support/freeze-clock.js";
import { approvedBy, createHost, failureOf, lockingViewOf, viewOf, type SharedLocks } from "../support/host.js";
import { clientRegistration, serverMetadata } from "../unit/protocol/records.js";
import { createSigner } from "../unit/testing/signed-assertion.js";

const CLIENT_URL = "https://host.example/client.json";
const METHODS = { tokenEndpointAuthMethods: ["private_key_jwt"] };

/** A server that knows the client `host` by its public key. */
async function startServer(alg = "ES256", options: FakeAuthServerOptions = {}) {
  const signer = await createSigner(alg);
  const jwks = { keys: signer.keys };
  const server = createFakeAuthServer({
    ...METHODS,
    clientCredentials: true,
    clients: [{ client_id: "host", jwks, redirect_uris: ["http://127.0.0.1:8976/callback"] }],
    clientIdMetadataDocuments: true,
    fetch: () =>
      Promise.resolve(
        Response.json({
          client_id: CLIENT_URL,
          client_name: "Test",
          redirect_uris: ["http://127.0.0.1:8976/callback"],
          grant_types: ["authorization_code", "refresh_token"],
          token_endpoint_auth_method: "private_key_jwt",
          jwks,
        }),
      ),
    ...options,
  });
  return { server, privateKey: signer.privateKey, jwks };
}

/** The assertions that a server was sent. */
function watch(server: FakeAuthServer) {
  const assertions: string[] = [];
  const fetch = (url: string | URL, init?: RequestInit): Promise<Response> => {
    const body = init?.body instanceof URLSearchParams ? init.body : undefined;
    assertions.push(...(body?.getAll("client_assertion") ?? []));
    return server.fetch(url, init);
  };
  return { assertions, fetch };
}

const machineAt = ({ issuer }: FakeAuthServer, clientAuthentication: ClientAuthentication) =>
  clientCredentials({ issuer, clientId: "host", clientAuthentication });

describe("a client assertion", () => {
  it("is of the client about itself, for the issuer alone, for a minute, and new each time [spec-133, spec-135]", async () => {
    freezeClock();
    const { server, privateKey } = await startServer();
    const { assertions, fetch } = watch(server);
    const { client } = createHost(server, { fetch });
    const grant = machineAt(server, privateKeyJwt({ privateKey, kid: "2026" }));
    const session = client.session(server.serverUrl, { grant });
    await session.getAccessToken();
    await session.signOut();
    const [first, second] = assertions.map((assertion) => decodeJwt(assertion));
    const now = Math.floor(server.now() / 1000);

    expect(decodeProtectedHeader(assertions[0] ?? "")).toEqual({ alg: "ES256", kid: "2026" });
    expect(first).toMatchObject({ iss: "host", sub: "host", aud: server.issuer });
    expect(first?.iat).toBe(now);
    expect((first?.exp ?? 0) - (first?.iat ?? 0)).toBe(60);
    expect(assertions).toHaveLength(2);
    expect(first?.jti).not.toBe(second?.jti);
    expect(server.requests.at(-1)?.form.get("client_assertion_type")).toBe(
      "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    );
    expect(server.requests.at(-1)?.headers).not.toHaveProperty("authorization");
  });

  it("has the times of the host's clock", async () => {
    freezeClock();
    const { server, privateKey } = await startServer();
    server.advance(-40 * 86_400_000);
    const { assertions, fetch } = watch(server);
    const { client } = createHost(server, { fetch });
    const grant = machineAt(server, privateKeyJwt({ privateKey }));

    expect(await client.session(server.serverUrl, { grant }).getAccessToken()).toBeDefined();
    expect(decodeJwt(assertions[0] ?? "").iat).toBe(Math.floor(server.now() / 1000));
  });

  it.each(["ES256", "ES384", "ES512", "RS256", "RS512", "PS256", "PS384", "EdDSA"])(
    "is signed as the key is made for: %s",
    async (alg) => {
      const { publicKey, privateKey } = await generateKeyPair(alg);
      const body = new URLSearchParams();
      await privateKeyJwt({ privateKey }).authenticate({
        server: serverMetadata(),
        registration: clientRegistration({ tokenEndpointAuthMethod: "private_key_jwt" }),
        headers: new Headers(),
        body,
        now: Date.now(),
      });

      const { protectedHeader } = await jwtVerify(body.get("client_assertion") ?? "", publicKey);
      expect(protectedHeader.alg).toBe(alg);
    },
  );

  it("takes the name of the algorithm that the issuer lists, or that the host names", async () => {
    const { server, privateKey } = await startServer("EdDSA", {
      authorizationServerMetadata: { token_endpoint_auth_signing_alg_values_supported: ["ES256", "Ed25519"] },
    });
    const { assertions, fetch } = watch(server);
    const { client } = createHost(server, { fetch });
    const named = createHost(server, { fetch, clientMetadata: {} }).client;
    await failureOf(
      client.session(server.serverUrl, { grant: machineAt(server, privateKeyJwt({ privateKey })) }).getAccessToken(),
    );
    const error = await failureOf(
      named
        .session(server.serverUrl, { grant: machineAt(server, privateKeyJwt({ privateKey, alg: "EdDSA" })) })
        .getAccessToken(),
    );

    expect(assertions.map((assertion) => decodeProtectedHeader(assertion).alg)).toEqual(["Ed25519"]);
    expect(error).toMatchObject({ code: "client_authentication_unsupported" });
  });

  it("is in no error, event or record [pain-40]", async () => {
    const { server, privateKey } = await startServer();
    const { assertions, fetch } = watch(server);
    const backing = new Map<string, string>();
    server.faults.add({
      endpoint: "token",
      fault: () =>
        Response.json({ error: "invalid_client", error_description: `what is ${assertions[0]}?` }, { status: 400 }),
    });
    const { client, events } = createHost(server, { fetch, store: viewOf(backing) });
    const grant = machineAt(server, privateKeyJwt({ privateKey }));
    const error = await failureOf(client.session(server.serverUrl, { grant }).getAccessToken());

    expect(error).toMatchObject({ code: "token_request_rejected" });
    const everything = JSON.stringify([String(error), { ...(error as object) }, events, [...backing]]);
    expect(everything).toContain("[redacted]");
    expect(everything).not.toContain(assertions[0]);
  });
});

describe("a key that the issuer cannot use", () => {
  it("of an algorithm that it does not list is found out before anything is sent", async () => {
    const { server, privateKey } = await startServer("ES256", {
      authorizationServerMetadata: { token_endpoint_auth_signing_alg_values_supported: ["RS256", "PS256"] },
    });
    const { client } = createHost(server);
    const session = client.session(server.serverUrl, { grant: machineAt(server, privateKeyJwt({ privateKey })) });
    const error = await failureOf(session.getAccessToken());

    expect(error).toMatchObject({ code: "client_authentication_unsupported", issuer: server.issuer });
    expect(String(error)).toMatch(/"RS256, PS256", but privateKey is for ES256/);
    await expect(session.getAccessToken()).rejects.toBe(error);
    expect(server.counts.token).toBe(0);
  });

  it("is used where what the issuer lists is no list", async () => {
    const { server, privateKey } = await startServer("ES256", {
      authorizationServerMetadata: { token_endpoint_auth_signing_alg_values_supported: 256 },
    });
    const { client } = createHost(server);
    const session = client.session(server.serverUrl, { grant: machineAt(server, privateKeyJwt({ privateKey })) });

    expect(await session.getAccessToken()).toBeDefined();
  });

  it("is refused by the issuer when it is another one's, once", async () => {
    const { server } = await startServer();
    const { privateKey } = await createSigner();
    const { client } = createHost(server);
    const session = client.session(server.serverUrl, { grant: machineAt(server, privateKeyJwt({ privateKey })) });

    await expect(session.getAccessToken()).rejects.toMatchObject({ oauthError: "invalid_client" });
    await expect(session.getAccessToken()).rejects.toMatchObject({ oauthError: "invalid_client" });
    expect(server.counts.token).toBe(1);
  });
});

describe("privateKeyJwt", () => {
  it("takes no public key, no secret key, no key for something else, and no PEM", async () => {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    const secret = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const exchange = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
    const weak = await crypto.subtle.generateKey(
      { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-1" },
      false,
      ["sign", "verify"],
    );
    const pem = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" });

    for (const key of [pair.publicKey, secret, exchange.privateKey, weak.privateKey, pem, undefined, null, {}]) {
      expect(() => privateKeyJwt({ privateKey: key as never })).toThrow(TypeError);
      expect(() => privateKeyJwt({ privateKey: key as never })).toThrow("privateKey");
    }
  });

  it("takes no algorithm that the key is not for", async () => {
    const { privateKey } = await createSigner("ES256");
    expect(() => privateKeyJwt({ privateKey, alg: "ES384" })).toThrow(/alg .* ES256/);
    expect(() => privateKeyJwt({ privateKey, alg: "none" })).toThrow(TypeError);
  });
});

describe("a host that signs", () => {
  const logIn = async (server: FakeAuthServer, options: Parameters<typeof createHost>[1]) => {
    const { session } = createHost(server, options);
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    const response = await createAuthFetch(session)(server.serverUrl);
    return { session, response };
  };

  it("is known beforehand: at the login, at the refresh and when it signs out [spec-93]", async () => {
    const { server, privateKey } = await startServer();
    const { assertions, fetch } = watch(server);
    const { session, response } = await logIn(server, {
      fetch,
      clientAuthentication: privateKeyJwt({ privateKey }),
      preRegistered: [{ issuer: server.issuer, clientId: "host", tokenEndpointAuthMethod: "private_key_jwt" }],
    });

    expect(response.status).toBe(200);
    expect(await session.signOut()).toEqual({ revoked: "yes" });
    // code, refresh, and one for each token that is revoked
    expect(assertions).toHaveLength(4);
  });

  it("is known by its metadata document, which asks for it [spec-42]", async () => {
    const { server, privateKey } = await startServer();
    const { session, response } = await logIn(server, {
      clientMetadata: { client_name: "Test", token_endpoint_auth_method: "private_key_jwt" },
      clientMetadataUrl: CLIENT_URL,
      clientAuthentication: privateKeyJwt({ privateKey }),
    });

    expect(response.status).toBe(200);
    expect((await session.getTokens())?.registration).toMatchObject({
      clientId: CLIENT_URL,
      tokenEndpointAuthMethod: "private_key_jwt",
    });
  });

  it("signs for no client that is known by other means", async () => {
    const { privateKey } = await startServer();
    const server = createFakeAuthServer();
    const { assertions, fetch } = watch(server);
    const { response } = await logIn(server, { fetch, clientAuthentication: privateKeyJwt({ privateKey }) });

    expect(response.status).toBe(200);
    expect(assertions).toHaveLength(0);
  });

  const broken = new Error("the key service is down");
  it.each<[string, string, ClientAuthentication["authenticate"], Error | undefined]>([
    ["fails", "the host's own error", () => Promise.reject(broken), broken],
    ["does not answer", "an outage", () => new Promise(() => undefined), undefined],
  ])("loses nothing when its key service %s during a refresh: that is %s", async (_, _is, outage, failure) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { server, privateKey } = await startServer();
      const signer = privateKeyJwt({ privateKey });
      let authenticate = signer.authenticate;
      const backing = new Map<string, string>();
      const locks: SharedLocks = new Map();
      const start = (): AuthSession =>
        createHost(server, {
          store: lockingViewOf(backing, locks),
          preRegistered: [{ issuer: server.issuer, clientId: "host", tokenEndpointAuthMethod: "private_key_jwt" }],
          clientAuthentication: { ...signer, authenticate: (request) => authenticate(request) },
        }).session;
      const session = start();
      const tokens = await session.authorize(approvedBy(server));
      authenticate = outage;

      // the old token works for some seconds yet
      server.advance((tokens.expiresAt ?? 0) - server.now() - 5_000);
      const early = session.getAccessToken().catch((error: unknown) => error);
      await vi.advanceTimersByTimeAsync(20_000);
      expect(await early).toBe(failure ?? tokens.accessToken);

      server.advance(60_000);
      const failed = failureOf(session.getAccessToken());
      await vi.advanceTimersByTimeAsync(20_000);
      expect(await failed).toMatchObject(failure ?? { code: "server_error", url: tokens.tokenEndpoint });
      expect(server.counts.refresh).toBe(0);

      authenticate = signer.authenticate;
      server.advance(60_000);
      const renewed = await start().getAccessToken();
      expect([undefined, tokens.accessToken]).not.toContain(renewed);
      expect(await session.getAccessToken()).toBe(renewed);
      expect(server.counts.refresh).toBe(1);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is told when tokens need the key that it does not pass any more", async () => {
    const { server, privateKey } = await startServer();
    const preRegistered = [
      { issuer: server.issuer, clientId: "host", tokenEndpointAuthMethod: "private_key_jwt" as const },
    ];
    const store = viewOf(new Map());
    const { session } = createHost(server, {
      store,
      preRegistered,
      clientAuthentication: privateKeyJwt({ privateKey }),
    });
    await session.authorize(approvedBy(server));
    server.advance(86_400_000);

    await expect(createHost(server, { store, preRegistered }).session.getAccessToken()).rejects.toThrow(
      "clientAuthentication",
    );
    expect(server.counts.refresh).toBe(0);
  });
});
