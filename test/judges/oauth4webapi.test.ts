import * as oauth from "oauth4webapi";
import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../src/testing.js";
import { REDIRECT } from "./support.ts";

interface Requests {
  readonly [oauth.customFetch]: (url: string, init: object) => Promise<Response>;
  readonly DPoP?: oauth.DPoPHandle;
}

/** Requests of an independent client, with its own strict validation of every answer. */
const requestsTo = (server: FakeAuthServer, dpop?: oauth.DPoPHandle): Requests => ({
  [oauth.customFetch]: (url, init) => server.fetch(url, init),
  ...(dpop !== undefined && { DPoP: dpop }),
});

async function discover(
  server: FakeAuthServer,
  algorithm: "oauth2" | "oidc" = "oauth2",
): Promise<oauth.AuthorizationServer> {
  const url = new URL(server.serverUrl);
  const resource = await oauth.processResourceDiscoveryResponse(
    url,
    await oauth.resourceDiscoveryRequest(url, requestsTo(server)),
  );
  const issuer = new URL(resource.authorization_servers?.[0] ?? "");
  return oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { ...requestsTo(server), algorithm }),
  );
}

async function register(server: FakeAuthServer, as: oauth.AuthorizationServer, method: string): Promise<oauth.Client> {
  return oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(
      as,
      {
        redirect_uris: [REDIRECT],
        grant_types: ["authorization_code", "refresh_token"],
        token_endpoint_auth_method: method,
      },
      requestsTo(server),
    ),
  );
}

function clientAuth(client: oauth.Client): oauth.ClientAuth {
  if (client["token_endpoint_auth_method"] === "none") return oauth.None();
  const secret = client["client_secret"] as string;
  return client["token_endpoint_auth_method"] === "client_secret_post"
    ? oauth.ClientSecretPost(secret)
    : oauth.ClientSecretBasic(secret);
}

async function logIn(
  server: FakeAuthServer,
  as: oauth.AuthorizationServer,
  client: oauth.Client,
  requests = requestsTo(server),
) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(as.authorization_endpoint ?? "");
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: REDIRECT,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    scope: "mcp:read",
    resource: server.serverUrl,
  }).toString();
  const params = oauth.validateAuthResponse(as, client, await server.approve(url), state);
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    clientAuth(client),
    params,
    REDIRECT,
    verifier,
    { ...requests, additionalParameters: { resource: server.serverUrl } },
  );
  return oauth.processAuthorizationCodeResponse(as, client, response);
}

const callWith = (server: FakeAuthServer, token: string, requests = requestsTo(server)): Promise<Response> =>
  oauth.protectedResourceRequest(token, "GET", new URL(server.serverUrl), undefined, undefined, requests);

test.each(["none", "client_secret_basic", "client_secret_post"])(
  "oauth4webapi discovers, registers with %s, logs in, calls, refreshes and revokes",
  async (method) => {
    const server = createFakeAuthServer({ scopes: ["mcp:read"] });
    const as = await discover(server);
    const client = await register(server, as, method);
    expect(client["token_endpoint_auth_method"]).toBe(method);
    expect("client_secret" in client).toBe(method !== "none");

    const tokens = await logIn(server, as, client);
    expect((await callWith(server, tokens.access_token)).status).toBe(200);

    const refreshed = await oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, clientAuth(client), tokens.refresh_token ?? "", {
        ...requestsTo(server),
        additionalParameters: { resource: server.serverUrl },
      }),
    );
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
    expect((await callWith(server, refreshed.access_token)).status).toBe(200);

    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, clientAuth(client), refreshed.refresh_token ?? "", requestsTo(server)),
    );
    await expect(callWith(server, refreshed.access_token)).rejects.toThrow(oauth.WWWAuthenticateChallengeError);
    expect(server.counts).toMatchObject({
      protectedResourceMetadata: 1,
      authorizationServerMetadata: 1,
      registration: 1,
      authorization: 1,
      token: 1,
      refresh: 1,
      revocation: 1,
      resource: 3,
      unknown: 0,
    });
  },
);

test.each<[string, "oauth2" | "oidc", FakeAuthServerOptions]>([
  ["RFC 8414, issuer with a path", "oauth2", { issuer: "https://auth.example.com/tenant1" }],
  ["OpenID Connect", "oidc", { metadataKind: "openid" }],
  [
    "OpenID Connect, issuer with a path",
    "oidc",
    { metadataKind: "openid", issuer: "https://auth.example.com/tenant1" },
  ],
  ["an MCP server at the root", "oauth2", { serverUrl: "https://mcp.example.com" }],
])("oauth4webapi discovers: %s", async (_, algorithm, options) => {
  const server = createFakeAuthServer(options);
  expect((await discover(server, algorithm)).issuer).toBe(server.issuer);
});

test("oauth4webapi reads the challenges", async () => {
  const server = createFakeAuthServer({ requiredScope: "mcp:read" });
  const error: unknown = await callWith(server, "made-up").catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(oauth.WWWAuthenticateChallengeError);
  expect((error as oauth.WWWAuthenticateChallengeError).cause).toEqual([
    {
      scheme: "bearer",
      parameters: {
        error: "invalid_token",
        error_description: "the access token is not known here",
        scope: "mcp:read",
        resource_metadata: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
      },
    },
  ]);
});

test("oauth4webapi asks about a token as a resource server does", async () => {
  const server = createFakeAuthServer({ introspectionToken: "of-the-resource-server" });
  const as = await discover(server);
  const client = await register(server, as, "none");
  const { access_token: token } = await logIn(server, as, client);
  const bearer: oauth.ClientAuth = (_as, _client, _body, headers) => {
    headers.set("authorization", "Bearer of-the-resource-server");
  };
  const ask = async (): Promise<oauth.IntrospectionResponse> =>
    oauth.processIntrospectionResponse(
      as,
      client,
      await oauth.introspectionRequest(as, client, bearer, token, requestsTo(server)),
    );
  expect(await ask()).toMatchObject({
    active: true,
    iss: server.issuer,
    aud: server.serverUrl,
    client_id: client.client_id,
    scope: "mcp:read",
  });
  server.expireAccessTokens();
  expect(await ask()).toEqual({ active: false });
});

/** Once more with the nonce that the server asked for. */
async function withNonce<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return work();
  }
}

test.each([false, true])("oauth4webapi binds its tokens with DPoP; nonces: %s", async (nonces) => {
  // the proofs of the client are of its own time
  const server = createFakeAuthServer({ dpop: { required: true, nonces } });
  const as = await discover(server);
  const client = await register(server, as, "none");
  const dpop = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));
  const requests = requestsTo(server, dpop);
  if (nonces) await expect(logIn(server, as, client, requests)).rejects.toSatisfy(oauth.isDPoPNonceError);
  const tokens = await logIn(server, as, client, requests);
  expect(tokens.token_type).toBe("dpop");
  const response = await withNonce(() => callWith(server, tokens.access_token, requests));
  expect(response.status).toBe(200);
  const refreshed = await withNonce(async () =>
    oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token ?? "", {
        ...requests,
        additionalParameters: { resource: server.serverUrl },
      }),
    ),
  );
  expect((await withNonce(() => callWith(server, refreshed.access_token, requests))).status).toBe(200);
  await expect(callWith(server, refreshed.access_token)).rejects.toThrow(oauth.WWWAuthenticateChallengeError);
});
