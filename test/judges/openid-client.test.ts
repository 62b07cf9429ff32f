import * as openid from "openid-client";
import { describe, expect, it } from "vitest";
import { createFakeAuthServer } from "../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../src/testing.js";
import { failureOf } from "../support/host.ts";
import { REDIRECT } from "./support.ts";

const fetchOf = (server: FakeAuthServer): openid.CustomFetch => {
  return (url, init) => server.fetch(url, init as RequestInit);
};

type Method = "none" | "client_secret_basic" | "client_secret_post";

/** Discovers the server and registers there, with every check that the client has. */
async function register(
  server: FakeAuthServer,
  algorithm: "oauth2" | "oidc",
  method: Method,
): Promise<openid.Configuration> {
  return openid.dynamicClientRegistration(
    new URL(server.issuer),
    {
      redirect_uris: [REDIRECT],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: method,
    },
    { none: openid.None, client_secret_basic: openid.ClientSecretBasic, client_secret_post: openid.ClientSecretPost }[
      method
    ](),
    { algorithm, [openid.customFetch]: fetchOf(server) },
  );
}

async function logIn(server: FakeAuthServer, config: openid.Configuration, scope: string, options = {}) {
  const verifier = openid.randomPKCECodeVerifier();
  const [state, nonce] = [openid.randomState(), openid.randomNonce()];
  const isOpenid = scope.includes("openid");
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope,
    state,
    resource: server.serverUrl,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(isOpenid && { nonce }),
  });
  const callback = await server.approve(url);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, ...(isOpenid && { expectedNonce: nonce }) };
  const parameters = { resource: server.serverUrl };
  return openid.authorizationCodeGrant(config, callback, checks, parameters, options);
}

const call = (server: FakeAuthServer, config: openid.Configuration, token: string, options = {}): Promise<Response> =>
  openid.fetchProtectedResource(config, token, new URL(server.serverUrl), "GET", null, undefined, options);

describe("openid-client", () => {
  it.each<["oauth2" | "oidc", Method, FakeAuthServerOptions]>([
    ["oauth2", "none", {}],
    ["oauth2", "client_secret_basic", { issuer: "https://auth.example.com/tenant1" }],
    ["oidc", "client_secret_post", { metadataKind: "openid" }],
  ])("discovers (%s), registers (%s), logs in, calls, refreshes and revokes", async (algorithm, method, options) => {
    const server = createFakeAuthServer(options);
    const config = await register(server, algorithm, method);
    const tokens = await logIn(server, config, "mcp:read");
    expect((await call(server, config, tokens.access_token)).status).toBe(200);
    const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? "");
    expect((await call(server, config, refreshed.access_token)).status).toBe(200);
    await openid.tokenRevocation(config, refreshed.refresh_token ?? "");
    expect(await failureOf(call(server, config, refreshed.access_token))).toBeInstanceOf(
      openid.WWWAuthenticateChallengeError,
    );
    server.expectNoUnexpectedRequests();
  });

  it("believes the ID token of an OpenID provider", async () => {
    const server = createFakeAuthServer({ metadataKind: "openid" });
    const config = await register(server, "oidc", "none");
    const tokens = await logIn(server, config, "openid mcp:read");
    expect(tokens.claims()).toMatchObject({ iss: server.issuer, sub: "user" });
  });

  it("connects a device", async () => {
    const server = createFakeAuthServer({ deviceAuthorization: {}, clients: [{ client_id: "tv" }] });
    const config = await openid.discovery(new URL(server.issuer), "tv", undefined, openid.None(), {
      algorithm: "oauth2",
      [openid.customFetch]: fetchOf(server),
    });
    const device = await openid.initiateDeviceAuthorization(config, { scope: "mcp:read" });
    server.approveDevice(device.user_code);
    const tokens = await openid.pollDeviceAuthorizationGrant(config, { ...device, interval: 0 });
    expect(tokens.scope).toBe("mcp:read");
  });

  it("gets tokens of its own", async () => {
    const server = createFakeAuthServer({
      clientCredentials: true,
      clients: [{ client_id: "batch", client_secret: "a secret+" }],
    });
    const config = await openid.discovery(new URL(server.issuer), "batch", "a secret+", openid.ClientSecretBasic(), {
      algorithm: "oauth2",
      [openid.customFetch]: fetchOf(server),
    });
    const tokens = await openid.clientCredentialsGrant(config, { scope: "mcp:read", resource: server.serverUrl });
    expect((await call(server, config, tokens.access_token)).status).toBe(200);
  });

  it("binds its tokens with DPoP, and repeats requests with the nonce that it is told", async () => {
    const server = createFakeAuthServer({ dpop: { required: true, nonces: true } });
    const config = await register(server, "oauth2", "none");
    const options = { DPoP: openid.getDPoPHandle(config, await openid.randomDPoPKeyPair("ES256")) };
    const tokens = await logIn(server, config, "mcp:read", options);
    expect(tokens.token_type).toBe("dpop");
    expect((await call(server, config, tokens.access_token, options)).status).toBe(200);
    expect(server.counts).toMatchObject({ token: 2, resource: 2 });
  });

  it("refuses what it should refuse: another issuer, another state", async () => {
    const server = createFakeAuthServer();
    const config = await register(server, "oauth2", "none");
    server.faults.add({ fault: "wrong_issuer", endpoint: "authorization" });
    expect(await failureOf(logIn(server, config, "mcp:read"))).toBeInstanceOf(openid.ClientError);
    server.faults.add({ fault: "wrong_state", times: 1 });
    expect(await failureOf(logIn(server, config, "mcp:read"))).toBeInstanceOf(openid.ClientError);
    expect(server.counts.token).toBe(0);
    server.faults.add({ fault: "wrong_issuer", endpoint: "authorizationServerMetadata" });
    expect(await failureOf(register(server, "oauth2", "none"))).toBeInstanceOf(openid.ClientError);
  });
});
