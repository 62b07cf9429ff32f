import { describe, expect, it } from "vitest";
import type { AuthClientOptions } from "../../src/index.js";
import { createAuthFetch } from "../../src/index.js";
import type { FakeAuthServer, FakeEndpoint, FaultName } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.js";

const SECRET_MEMBERS =
  /^(?:access_token|refresh_token|id_token|client_secret|registration_access_token|code|code_verifier|state|token)$/;

/** Listens on the wire and keeps every secret that passes. */
function eavesdrop(server: FakeAuthServer) {
  const secrets = new Set<string>();
  const note = (params: Iterable<[string, unknown]>): void => {
    for (const [name, value] of params) {
      if (SECRET_MEMBERS.test(name) && typeof value === "string" && value.length > 3) secrets.add(value);
    }
  };
  return {
    secrets,
    noteUrl: (url: URL) => {
      note(url.searchParams);
      return url;
    },
    fetch: async (input: string | URL, init?: RequestInit): Promise<Response> => {
      const request = new Request(input, init);
      note(new URLSearchParams(await request.clone().text()));
      const response = await server.fetch(request);
      const body: unknown = await response
        .clone()
        .json()
        .catch(() => undefined);
      if (typeof body === "object" && body !== null) note(Object.entries(body));
      return response;
    },
  };
}

/** Everything of an error that a log might show. */
function shown(error: unknown): string {
  const parts: string[] = [];
  for (let one = error; one instanceof Error; one = one.cause) {
    parts.push(String(one), one.stack ?? "", JSON.stringify(one), JSON.stringify(Object.entries(one)));
  }
  return parts.join("\n");
}

describe("no secret is shown", () => {
  it("in an event of a whole session, or in its JSON [spec-101, pain-40]", async () => {
    const server = createFakeAuthServer({ tokenEndpointAuthMethods: ["client_secret_post"], requiredScope: "read" });
    const wire = eavesdrop(server);
    const { session, events } = createHost(server, { fetch: wire.fetch });
    const login = approvedBy(server, {
      interact: async (url) => wire.noteUrl(await server.approve(wire.noteUrl(url))),
    });
    await session.authorize(login);
    await createAuthFetch(session)(server.serverUrl);
    server.advance(86_400_000);
    await session.getAccessToken();
    server.faults.add({ endpoint: "refresh", fault: "500" });
    server.advance(86_400_000);
    await failureOf(session.getAccessToken());
    await session.signOut();
    await session.authorize(login);
    const tokens = await session.getTokens();
    server.revokeGrant(tokens?.accessToken ?? "");
    await failureOf(createAuthFetch(session)(server.serverUrl));

    expect(wire.secrets.size).toBeGreaterThanOrEqual(12);
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set([
        "discovered",
        "registered",
        "authorization_started",
        "authorized",
        "refreshed",
        "refresh_failed",
        "signed_out",
      ]),
    );
    const seen = events.map((event) => JSON.stringify(event) + ("error" in event ? shown(event.error) : "")).join("\n");
    for (const secret of wire.secrets) expect(seen).not.toContain(secret);
  });

  const troubles: readonly [FakeEndpoint, FaultName][] = (
    ["protectedResourceMetadata", "authorizationServerMetadata", "registration", "token", "refresh"] as const
  ).flatMap((endpoint) =>
    (
      ["500", "503_retry_after", "429", "html_200", "bad_json", "error_in_200", "network_error", "lost_answer"] as const
    ).map((fault) => [endpoint, fault] as [FakeEndpoint, FaultName]),
  );
  it.each(troubles)("in the error when %s answers with %s [pain-40]", async (endpoint, fault) => {
    const server = createFakeAuthServer({ tokenEndpointAuthMethods: ["client_secret_basic"] });
    const wire = eavesdrop(server);
    const { session } = createHost(server, { fetch: wire.fetch });
    const login = approvedBy(server, {
      interact: async (url) => wire.noteUrl(await server.approve(wire.noteUrl(url))),
    });
    if (endpoint === "refresh") await session.authorize(login);
    server.advance(86_400_000);
    server.faults.add({ endpoint, fault, times: Infinity });
    const work = endpoint === "refresh" ? createAuthFetch(session)(server.serverUrl) : session.authorize(login);
    const said = shown(await failureOf(work));

    expect(said).not.toBe("");
    for (const secret of wire.secrets) expect(said).not.toContain(secret);
  });

  it("in the error about a callback, whatever is wrong with it [pain-40]", async () => {
    const server = createFakeAuthServer();
    const wire = eavesdrop(server);
    const { client, session } = createHost(server, { fetch: wire.fetch });
    const start = async () => {
      const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
      return wire.noteUrl(await server.approve(wire.noteUrl(authorizationUrl)));
    };
    const callbacks: string[] = [];
    for (const spoil of [
      (url: URL) => url.searchParams.append("code", "twice"),
      (url: URL) => url.searchParams.set("iss", "https://evil.example"),
      (url: URL) => url.searchParams.delete("code"),
      (url: URL) => url.searchParams.append("state", "twice"),
      (url: URL) => url.searchParams.set("code", "wrong-code-0123456789"),
    ]) {
      const callback = await start();
      spoil(callback);
      callbacks.push(callback.href);
    }
    callbacks.push(`nonsense ${callbacks[0] ?? ""}`);
    const said: string[] = [];
    for (const callback of callbacks) {
      said.push(
        shown(await failureOf(client.finishAuthorization(callback))),
        shown(await failureOf(client.finishAuthorization(callback, { state: "other" }))),
      );
    }

    expect(wire.secrets.size).toBeGreaterThanOrEqual(10);
    for (const secret of [...wire.secrets, "wrong-code-0123456789"]) expect(said.join("\n")).not.toContain(secret);
  });

  it("in the error that names a server whose URL has a key in its query [pain-40]", async () => {
    const server = createFakeAuthServer();
    const url = `${server.serverUrl}?api_key=hunter2`;
    const session = createHost(server).client.session(url);
    const fetch = () => Promise.resolve(new Response(null, { status: 401 }));
    const error = await failureOf(createAuthFetch(session, { fetch })(url));

    expect(error).toMatchObject({ code: "authorization_required" });
    expect(shown(error)).toContain(server.serverUrl);
    expect(shown(error)).not.toContain("hunter2");
  });

  it("when the server says them back [pain-40]", async () => {
    const server = createFakeAuthServer({ tokenEndpointAuthMethods: ["client_secret_post"] });
    const wire = eavesdrop(server);
    const echo = async (request: Request): Promise<Response> =>
      Response.json({ error: "invalid_grant", error_description: await request.text() }, { status: 400 });
    const { session, events } = createHost(server, { fetch: wire.fetch });
    server.faults.add({ endpoint: "token", fault: echo });
    const atLogin = await failureOf(session.authorize(approvedBy(server)));
    await session.authorize(approvedBy(server));
    server.advance(86_400_000);
    server.faults.add({ endpoint: "refresh", fault: echo });
    await session.getAccessToken();
    const said = [atLogin, ...events.map((event) => ("error" in event ? event.error : undefined))]
      .map(shown)
      .join("\n");

    expect(atLogin).toMatchObject({ code: "token_request_rejected" });
    for (const secret of wire.secrets) expect(said).not.toContain(secret);
  });
});

describe("every request of the library goes through the host's fetch", () => {
  it("from discovery to revocation, and nothing goes past it [pain-38]", async () => {
    const server = createFakeAuthServer();
    const inits: RequestInit[] = [];
    const options: Partial<AuthClientOptions> = {
      fetch: (input, init = {}) => {
        expect(input).toBeTypeOf("string");
        inits.push(init);
        return server.fetch(input, init);
      },
    };
    const { session } = createHost(server, options);
    await session.authorize(approvedBy(server));
    server.advance(86_400_000);
    await createAuthFetch(session)(server.serverUrl);
    await session.signOut();
    const endpoints = server.requests.map(({ endpoint }) => endpoint);

    expect(new Set(endpoints)).toEqual(
      new Set([
        "protectedResourceMetadata",
        "authorizationServerMetadata",
        "registration",
        "authorization",
        "token",
        "refresh",
        "resource",
        "revocation",
      ]),
    );
    expect(inits).toHaveLength(endpoints.filter((endpoint) => endpoint !== "authorization").length);
  });
});
