import { describe, expect, it } from "vitest";
import type { AuthClientOptions } from "../../src/index.js";
import { createAuthFetch, discoverAuthServer } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { freezeClock } from "../support/freeze-clock.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.js";
import { createRecorder } from "../support/recorder.js";

describe("metadata", () => {
  it("of the resource is read anew for every login, that of the issuer when it is older than an hour [spec-21]", async () => {
    freezeClock();
    const server = createFakeAuthServer();
    const { session } = createHost(server, { store: new Map<string, string>() });
    const counts: (readonly number[])[] = [];
    for (const pause of [0, 3_599_000, 2_000, -3_700_000]) {
      server.advance(pause);
      await session.startAuthorization({ redirectUri: REDIRECT });
      counts.push([server.counts.protectedResourceMetadata, server.counts.authorizationServerMetadata]);
    }

    expect(counts).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
      // a clock that was set back makes nothing fresh for longer
      [4, 3],
    ]);
  });

  it("of an issuer that is stored without its time is old", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    await session.startAuthorization({ redirectUri: REDIRECT });
    const key = "v1:issuer:https%3A%2F%2Fauth.example.com";
    store.set(key, (store.get(key) ?? "").replace("fetchedAt", "at"));
    await session.startAuthorization({ redirectUri: REDIRECT });

    expect(server.counts.authorizationServerMetadata).toBe(2);
  });

  it("of an issuer that is stored in a form that cannot be used is read again", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session, events } = createHost(server, { store });
    const key = "v1:issuer:https%3A%2F%2Fauth.example.com";
    store.set(key, "nonsense");
    await session.startAuthorization({ redirectUri: REDIRECT });

    expect(events).toContainEqual({ type: "record_ignored", key, reason: "it is not JSON" });
    expect(server.counts.authorizationServerMetadata).toBe(1);
  });

  it("at a place of the server's own is found again when a login starts without a challenge [spec-13]", async () => {
    const location = "https://mcp.example.com/custom/metadata/location.json";
    const server = createFakeAuthServer({ resourceMetadataUrl: location });
    const { session } = createHost(server);
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async ({ challenge }) => {
        await session.authorize(approvedBy(server, { challenge }));
      },
    });
    expect((await authFetch(server.serverUrl)).status).toBe(200);
    const before = server.requests.length;
    await session.startAuthorization({ redirectUri: REDIRECT, challenge: { scheme: "Bearer", scope: "more" } });

    expect(server.requests.slice(before).map(({ url }) => url)).toEqual([location]);
  });

  it("comes from the host's own discovery where it has one, and is used as it is", async () => {
    const server = createFakeAuthServer({ codeChallengeMethods: [] });
    const told: URL[] = [];
    const { session } = createHost(server, {
      discover: async (serverUrl, options) => {
        told.push(serverUrl);
        const found = await discoverAuthServer(serverUrl, options);
        return {
          ...found,
          authorizationServer: { ...found.authorizationServer, code_challenge_methods_supported: ["S256"] },
        };
      },
    });
    await session.authorize(approvedBy(server));

    expect(told.map(({ href }) => href)).toEqual([server.serverUrl]);
    expect(server.counts.token).toBe(1);
  });

  it("comes from the host's own discovery, which may do with the URL that it is given what it likes", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server, {
      discover: async (serverUrl, options) => {
        const found = await discoverAuthServer(serverUrl.href, options);
        serverUrl.pathname = "/";
        return found;
      },
    });
    await session.startAuthorization({ redirectUri: REDIRECT });
    const { fetch } = createRecorder(() => new Response("theirs", { status: 401 }));
    const response = await createAuthFetch(session, { fetch })(new URL("/elsewhere", server.serverUrl));

    expect(await response.text()).toBe("theirs");
  });

  it("that lists no S256 ends the login before anything is registered for it or anybody is sent away [spec-30, spec-66]", async () => {
    const server = createFakeAuthServer({ codeChallengeMethods: [] });
    const { session } = createHost(server);

    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "pkce_unsupported" });
    expect(server.counts).toMatchObject({ authorization: 0, token: 0 });
  });

  it("of several issuers is chosen by the host [spec-18]", async () => {
    const server = createFakeAuthServer({
      protectedResourceMetadata: { authorization_servers: ["https://first.example.com", "https://auth.example.com"] },
    });
    const { session } = createHost(server, { selectIssuer: (issuers) => issuers[1] ?? "" });
    const tokens = await session.authorize(approvedBy(server));

    expect(tokens.issuer).toBe("https://auth.example.com");
  });

  it("that is listed beside others is still the server's after a 401, and the session goes on [spec-21]", async () => {
    const issuers = ["https://first.example.com", "https://auth.example.com"];
    const server = createFakeAuthServer({ protectedResourceMetadata: { authorization_servers: issuers } });
    const { session } = createHost(server, { selectIssuer: ([, second]) => second ?? "" });
    await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ refresh: 1, authorization: 1 });
  });

  it("that is missing everywhere is taken for an old server, unless the host forbids it [spec-15]", async () => {
    const server = createFakeAuthServer({
      issuer: "https://mcp.example.com",
      resourceMetadata: "none",
      metadataKind: "none",
    });
    const tokens = await createHost(server).session.authorize(approvedBy(server));
    expect(tokens).toMatchObject({ issuer: "https://mcp.example.com", resource: server.serverUrl });

    const { session } = createHost(server, { legacyFallback: false });
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "discovery_failed" });
  });
});

it("keeps metadata of an issuer that is listed with the slash of an empty path, and not for longer than others", async () => {
  const issuer = "https://auth.example.com";
  const server = createFakeAuthServer({ issuer, protectedResourceMetadata: { authorization_servers: [`${issuer}/`] } });
  const { session } = createHost(server);
  const login = (): Promise<unknown> => session.authorize(approvedBy(server, { force: true }));
  await login();
  server.advance(3_500_000);
  await login();
  expect(server.counts.authorizationServerMetadata).toBe(1);
  server.advance(200_000);
  await login();
  expect(server.counts.authorizationServerMetadata).toBe(2);
});

describe("a server that is in trouble", () => {
  it.each(["500", "503_retry_after", "429", "html_200", "bad_json", "network_error"] as const)(
    "(%s) costs a login, and nothing that is stored",
    async (fault) => {
      const server = createFakeAuthServer();
      const store = new Map<string, string>();
      const { session } = createHost(server, { store });
      const tokens = await session.authorize(approvedBy(server));
      const before = new Map(store);
      server.faults.add({ endpoint: "protectedResourceMetadata", fault, times: Infinity });

      expect(await failureOf(session.startAuthorization({ redirectUri: REDIRECT }))).toHaveProperty("code");
      expect(store).toEqual(before);
      expect(await session.getAccessToken()).toBe(tokens.accessToken);
    },
  );

  it("and publishes the metadata of another issuer is not believed [spec-29]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    server.faults.add({ endpoint: "authorizationServerMetadata", fault: "wrong_issuer", times: Infinity });

    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "metadata_issuer_mismatch" });
    expect(server.counts).toMatchObject({ registration: 0, authorization: 0, token: 0 });
  });

  it("and names another resource is not believed [spec-17]", async () => {
    const server = createFakeAuthServer({ protectedResourceMetadata: { resource: "https://other.example.com/mcp" } });
    const { session } = createHost(server);

    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "resource_mismatch" });
    expect(server.counts).toMatchObject({ registration: 0, authorization: 0, token: 0 });
  });

  it("and names a script as its authorization endpoint sends nobody there [spec-74]", async () => {
    const server = createFakeAuthServer({
      authorizationServerMetadata: { authorization_endpoint: "javascript:alert(1)" },
    });
    const { session } = createHost(server);

    await expect(session.startAuthorization({ redirectUri: REDIRECT })).rejects.toMatchObject({
      code: "metadata_invalid",
    });
  });
});

describe("a server that moves to another authorization server", () => {
  const move = (options: Partial<AuthClientOptions> = {}) => {
    const old = createFakeAuthServer();
    const next = createFakeAuthServer({ issuer: "https://next.example.com" });
    const host = createHost(old, options);
    return { old, next, ...host };
  };

  it("gets nothing that the old one issued: the client registers and logs in anew [spec-19, spec-20, spec-54, spec-100, spec-3.8-03]", async () => {
    const { old, next, session } = move();
    const before = await session.authorize(approvedBy(old));
    old.moveTo(next);
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async ({ challenge }) => {
        await session.authorize(approvedBy(next, { challenge }));
      },
    });
    const oldCount = old.requests.length;
    const response = await authFetch(old.serverUrl);
    const after = await session.getTokens();

    expect(response.status).toBe(200);
    expect(after).toMatchObject({ issuer: next.issuer });
    expect(after?.registration.clientId).not.toBe(before.registration.clientId);
    expect(next.counts).toMatchObject({ registration: 1, token: 1, refresh: 0, revocation: 0 });
    const atNext = JSON.stringify(next.requests.filter(({ endpoint }) => endpoint !== "resource"));
    for (const secret of [before.accessToken, before.refreshToken ?? "", before.registration.clientId]) {
      expect(atNext).not.toContain(next.nameOf(secret));
      expect(atNext).not.toContain(secret);
    }
    // the refresh that ran beside the new metadata went to where its token came from
    expect(old.requests.slice(oldCount).map(({ endpoint }) => endpoint)).toEqual(["refresh"]);
    // the 401 that started it is all that the old token was sent for
    const carried = next.requests.filter(({ headers }) =>
      headers["authorization"]?.includes(next.nameOf(before.accessToken)),
    );
    expect(carried).toHaveLength(1);
  });

  it("makes the session ask for a login, and keeps no token of the old one [spec-21, spec-103]", async () => {
    const { old, next, session } = move();
    await session.authorize(approvedBy(old));
    old.moveTo(next);

    await expect(createAuthFetch(session)(old.serverUrl)).rejects.toMatchObject({ code: "authorization_required" });
    expect(await session.getTokens()).toBeUndefined();
    expect(old.counts.refresh).toBe(1);
    expect(next.counts.refresh).toBe(0);
  });

  it("refreshes at the old one as long as only the clock says so", async () => {
    const { old, next, session } = move();
    await session.authorize(approvedBy(old));
    old.moveTo(next);
    old.advance(86_400_001);

    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(old.counts.refresh).toBe(1);
    expect(next.requests).toEqual([]);
  });

  it("does not end the session when the new metadata cannot be read: that says nothing", async () => {
    const { old, session } = move();
    const before = await session.authorize(approvedBy(old));
    old.expireAccessTokens();
    old.faults.add({ endpoint: "protectedResourceMetadata", fault: "500", times: Infinity });

    expect((await createAuthFetch(session)(old.serverUrl)).status).toBe(200);
    expect((await session.getTokens())?.registration).toEqual(before.registration);
  });
});
