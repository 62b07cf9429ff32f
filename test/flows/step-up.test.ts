import { describe, expect, it } from "vitest";
import type { AuthorizationRequiredContext, AuthSession } from "../../src/index.js";
import { createAuthFetch, createGrant, isAuthError } from "../../src/index.js";
import type { FakeAuthServer } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { freezeClock } from "../support/freeze-clock.js";
import { approvedBy, createHost, failureOf, until, viewOf } from "../support/host.js";

const ADMIN = { requiredScope: "read", pathScopes: { "/mcp/admin": "admin" } };

/** Logs in whenever it is asked to, as it is told to, and notes what it was asked. */
function obedient(server: FakeAuthServer, session: AuthSession, grant?: string) {
  const asked: AuthorizationRequiredContext[] = [];
  const requested: (string | null)[] = [];
  return {
    asked,
    requested,
    async onAuthorizationRequired(context: AuthorizationRequiredContext): Promise<void> {
      asked.push(context);
      const { scope, challenge, signal } = context;
      await session.authorize({
        ...approvedBy(server),
        scope,
        challenge,
        signal,
        interact: (url) => {
          requested.push(url.searchParams.get("scope"));
          return server.approve(url, { scope: grant });
        },
      });
    },
  };
}

const forbidden = (scope?: string): Response =>
  new Response("no", {
    status: 403,
    headers: {
      "www-authenticate": `Bearer error="insufficient_scope"${scope === undefined ? "" : `, scope="${scope}"`}`,
    },
  });

describe("a login through the fetch", () => {
  it("starts with the scope of the challenge, whatever the metadata lists [spec-12, spec-60, spec-61, spec-62, spec-3.8-01]", async () => {
    const server = createFakeAuthServer({ scopes: ["profile", "read", "write"], requiredScope: "read" });
    const { session } = createHost(server);
    const host = obedient(server, session);
    const response = await createAuthFetch(session, host)(server.serverUrl);

    expect(response.status).toBe(200);
    expect(host.requested).toEqual(["read"]);
    expect(host.asked[0]).toMatchObject({ session, reason: "login", scope: undefined, challenge: { scope: "read" } });
  });

  it("is not started by the library itself: the error says that the user is needed, and why [spec-3.8-01, pain-30]", async () => {
    const server = createFakeAuthServer({ requiredScope: "read" });
    const { session } = createHost(server);
    const error = await failureOf(createAuthFetch(session)(server.serverUrl));

    expect(error).toMatchObject({ code: "authorization_required", challenge: { scope: "read" } });
    expect(String(error)).toContain("session.authorize");
    expect(server.requests.map(({ endpoint }) => endpoint)).toEqual(["resource"]);
  });

  it("that does not help ends with the server's refusal, after one try [spec-3.8-02]", async () => {
    const server = createFakeAuthServer();
    server.faults.add({ endpoint: "resource", fault: "401", times: Infinity });
    const { session } = createHost(server);
    const host = obedient(server, session);

    await expect(createAuthFetch(session, host)(server.serverUrl)).rejects.toMatchObject({
      code: "authorization_required",
    });
    expect(host.asked).toHaveLength(1);
    expect(server.counts).toMatchObject({ resource: 2, authorization: 1 });
  });

  it("follows a refresh that did not help, once", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(61_000);
    server.faults.add({ endpoint: "resource", fault: "401", times: 2 });
    const host = obedient(server, session);

    expect((await createAuthFetch(session, host)(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ refresh: 1, resource: 3, authorization: 2 });
  });

  it("rejects with what the host rejected with", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const refusal = new Error("not now");
    const authFetch = createAuthFetch(session, { onAuthorizationRequired: () => Promise.reject(refusal) });

    expect(await failureOf(authFetch(server.serverUrl))).toBe(refusal);
    expect(await failureOf(authFetch(server.serverUrl))).toBe(refusal);
  });
});

describe("a 403 that asks for scope", () => {
  it("leads to a login for the union of scopes, and the request again [spec-63, spec-108, spec-109, spec-111, spec-3.8-04, pain-28]", async () => {
    const server = createFakeAuthServer(ADMIN);
    const { session } = createHost(server);
    const host = obedient(server, session);
    const authFetch = createAuthFetch(session, host);
    const before = await session.authorize(approvedBy(server, { scope: "read extra" }));
    const response = await authFetch(`${server.serverUrl}/admin`, { method: "POST", body: "{}" });

    expect(response.status).toBe(200);
    expect(host.asked).toMatchObject([
      { reason: "step_up", scope: "read extra admin", challenge: { scope: "read admin" } },
    ]);
    expect(host.requested).toEqual(["read extra admin"]);
    expect((await session.getTokens())?.accessToken).not.toBe(before.accessToken);
    expect(server.counts).toMatchObject({ refresh: 0, registration: 1 });
  });

  it("is an error that says which scope, and keeps the tokens, when nobody can be asked [spec-3.8-04]", async () => {
    const server = createFakeAuthServer(ADMIN);
    const { session } = createHost(server);
    const before = await session.authorize(approvedBy(server, { scope: "read" }));
    const error = await failureOf(createAuthFetch(session)(`${server.serverUrl}/admin`));

    expect(error).toMatchObject({
      code: "insufficient_scope",
      scope: "read admin",
      challenge: { scope: "read admin" },
    });
    expect(await session.getTokens()).toEqual(before);
    expect(server.counts).toMatchObject({ refresh: 0, authorization: 1 });
  });

  it("counts what was requested as well as what was granted [spec-63]", async () => {
    const server = createFakeAuthServer({ ...ADMIN, scopes: ["read", "write", "admin"] });
    const { session } = createHost(server);
    const login = approvedBy(server, {
      scope: "read write",
      interact: (url) => server.approve(url, { scope: "read" }),
    });
    await session.authorize(login);
    const error = await failureOf(createAuthFetch(session)(`${server.serverUrl}/admin`));

    expect(error).toMatchObject({ scope: "read write admin" });
  });

  it("without a scope is answered with what the resource publishes [spec-114]", async () => {
    const server = createFakeAuthServer({ scopes: ["read", "write"] });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server, { scope: "read" }));
    server.faults.add({ endpoint: "resource", fault: () => forbidden() });

    await expect(createAuthFetch(session)(server.serverUrl)).rejects.toMatchObject({
      code: "insufficient_scope",
      scope: "read write",
    });
  });

  it("is sent again with the token of another process that has the scope already", async () => {
    const server = createFakeAuthServer(ADMIN);
    const backing = new Map<string, string>();
    const one = createHost(server, { store: viewOf(backing) }).session;
    const other = createHost(server, { store: viewOf(backing) }).session;
    await one.authorize(approvedBy(server, { scope: "read" }));
    await other.authorize(approvedBy(server, { scope: "read admin" }));

    expect((await createAuthFetch(one)(`${server.serverUrl}/admin`)).status).toBe(200);
    expect(server.counts.authorization).toBe(2);
  });

  it("for a token that claims the scope is final: another login would not help [spec-59, spec-112]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const before = await session.authorize(approvedBy(server, { scope: "read admin" }));
    server.faults.add({ endpoint: "resource", fault: () => forbidden("admin") });
    const host = obedient(server, session);
    const error = await failureOf(createAuthFetch(session, host)(server.serverUrl));

    expect(error).toMatchObject({ code: "insufficient_scope" });
    expect(isAuthError(error, "insufficient_scope") && error.scope).toBeUndefined();
    expect(host.asked).toEqual([]);
    expect(server.counts.resource).toBe(1);
    expect(await session.getTokens()).toEqual(before);
  });

  it("for ever leads to three authorizations at the most, whatever it asks for [spec-112]", async () => {
    for (const scopeOf of [() => "more", (call: number) => `more-${call}`]) {
      for (const grant of [undefined, "read"]) {
        const server = createFakeAuthServer({ requiredScope: "read" });
        const { session } = createHost(server);
        const host = obedient(server, session, grant);
        server.faults.add({ endpoint: "resource", fault: "401" });
        const fault = (): Response => forbidden(scopeOf(server.counts.resource));
        server.faults.add({ endpoint: "resource", fault, times: Infinity });
        const error = await failureOf(createAuthFetch(session, host)(server.serverUrl));

        expect(error).toMatchObject({ code: "insufficient_scope" });
        expect(server.counts.authorization).toBeLessThanOrEqual(3);
        expect(server.counts.authorization).toBeGreaterThan(1);
      }
    }
  });

  it("that goes on although each of its demands was met is handed back whole", async () => {
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    let obtained = 0;
    const grant = createGrant({
      id: "machine",
      issuer: server.issuer,
      obtain: ({ server: { issuer, resource, authorizationServer }, scope = "", now }) =>
        Promise.resolve({
          accessToken: `token-${(obtained += 1)}`,
          tokenType: "Bearer",
          scope,
          requestedScope: scope,
          obtainedAt: now(),
          issuer,
          tokenEndpoint: authorizationServer.token_endpoint,
          resource,
          registration: {
            issuer,
            clientId: "machine",
            tokenEndpointAuthMethod: "none",
            redirectUris: [],
            source: "pre_registered",
            createdAt: now(),
          },
        }),
    });
    const session = client.session(server.serverUrl, { grant });
    server.faults.add({ endpoint: "resource", fault: "401" });
    let demands = 0;
    server.faults.add({ endpoint: "resource", times: Infinity, fault: () => forbidden(`more-${(demands += 1)}`) });
    const response = await createAuthFetch(session)(server.serverUrl, { method: "POST", body: "{}" });

    expect(response.status).toBe(403);
    expect(await response.text()).toBe("no");
  });

  it("is not asked for again for ten minutes once the user has not granted it twice [spec-113, spec-115]", async () => {
    freezeClock();
    const server = createFakeAuthServer({ ...ADMIN, pathScopes: { "/mcp/admin": "admin", "/mcp/write": "write" } });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server, { scope: "read" }));
    const host = obedient(server, session, "read");
    const authFetch = createAuthFetch(session, host);
    const admin = `${server.serverUrl}/admin`;
    const attempts: number[] = [];
    for (const [pause, url] of [
      [0, admin],
      [0, admin],
      [599_000, admin],
      [2_000, admin],
    ] as const) {
      server.advance(pause);
      await expect(authFetch(url)).rejects.toMatchObject({ code: "insufficient_scope" });
      attempts.push(host.asked.length);
    }
    expect(attempts).toEqual([2, 2, 2, 4]);
    // another scope is another matter
    await expect(authFetch(`${server.serverUrl}/write`)).rejects.toMatchObject({ code: "insufficient_scope" });
    expect(host.asked.length).toBeGreaterThan(4);
    await session.signOut();
    await expect(authFetch(admin)).rejects.toMatchObject({ code: "insufficient_scope" });
    expect(host.asked.at(-1)).toMatchObject({ reason: "step_up" });
  });

  it("is told apart from one that refuses for good by its error alone", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const challenge = 'Negotiate, Bearer realm="x, error=\\"insufficient_scope\\"", error="access_denied"';
    const headers = { "www-authenticate": challenge };
    server.faults.add({ endpoint: "resource", fault: { status: 403, headers, body: "" } });

    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(403);
  });

  it("is dealt with for adapters, too", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { accessToken } = await session.authorize(approvedBy(server, { scope: "read" }));

    await expect(session.handleChallenge(forbidden("admin"), { accessToken })).rejects.toMatchObject({
      code: "insufficient_scope",
      scope: "read admin",
    });
    await session.authorize(approvedBy(server, { scope: "read admin" }));
    await session.handleChallenge(forbidden("admin"), { accessToken });
  });

  it("to a session that has lost its tokens asks for what is demanded", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);

    await expect(session.handleChallenge(forbidden("admin"))).rejects.toMatchObject({
      code: "insufficient_scope",
      scope: "admin",
    });
  });
});

describe("onAuthorizationRequired", () => {
  it("is called once for all requests that wait for the user", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const host = obedient(server, session);
    const authFetch = createAuthFetch(session, host);
    const responses = await Promise.all(Array.from({ length: 20 }, () => authFetch(server.serverUrl)));

    expect(responses.every(({ status }) => status === 200)).toBe(true);
    expect(host.asked).toHaveLength(1);
    expect(server.counts.authorization).toBe(1);
  });

  it("is called once for all that lack the same scope, and again for those that lack another", async () => {
    const server = createFakeAuthServer({ ...ADMIN, pathScopes: { "/mcp/admin": "admin", "/mcp/write": "write" } });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server, { scope: "read" }));
    const host = obedient(server, session);
    const authFetch = createAuthFetch(session, host);
    const urls = ["admin", "admin", "write", "admin", "write"].map((path) => `${server.serverUrl}/${path}`);
    const responses = await Promise.all(urls.map((url) => authFetch(url)));

    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(host.asked.length).toBe(2);
    expect(host.requested.at(-1)?.split(" ").sort()).toEqual(["admin", "read", "write"]);
  });

  it("goes on when one of its callers gives up, who gets its own reason", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const host = obedient(server, session);
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    let signal: AbortSignal | undefined;
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: async (context) => {
        signal = context.signal;
        await gate;
        await host.onAuthorizationRequired(context);
      },
    });
    const controller = new AbortController();
    const reason = new Error("tab closed");
    const quitter = failureOf(authFetch(server.serverUrl, { signal: controller.signal }));
    const patient = authFetch(server.serverUrl);
    await until(() => server.counts.resource === 2);
    await until(() => signal !== undefined);
    controller.abort(reason);

    expect(await quitter).toBe(reason);
    expect(signal?.aborted).toBe(false);
    go();
    expect((await patient).status).toBe(200);
    expect(signal?.aborted).toBe(false);
  });

  it("is aborted when all of its callers have given up, and called anew for the next one", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const signals: AbortSignal[] = [];
    const authFetch = createAuthFetch(session, {
      onAuthorizationRequired: ({ signal }) => {
        signals.push(signal);
        if (signals.length > 1) return session.authorize(approvedBy(server)).then(() => undefined);
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            reject(signal.reason as Error);
          });
        });
      },
    });
    const controllers = [new AbortController(), new AbortController()];
    const quitters = controllers.map(({ signal }) => failureOf(authFetch(server.serverUrl, { signal })));
    await until(() => server.counts.resource === 2 && signals.length === 1);
    controllers[0]?.abort(new Error("first"));
    expect(signals[0]?.aborted).toBe(false);
    controllers[1]?.abort(new Error("second"));

    expect((await Promise.all(quitters)).map(String)).toEqual(["Error: first", "Error: second"]);
    expect(signals[0]?.aborted).toBe(true);
    expect(String(signals[0]?.reason)).toBe("Error: second");
    expect((await authFetch(server.serverUrl)).status).toBe(200);
    expect(signals).toHaveLength(2);
  });
});
