import { describe, expect, it } from "vitest";
import type { AuthClientOptions, PreRegisteredClient } from "../../src/index.js";
import {
  createAuthClient,
  createAuthFetch,
  createTokenStore,
  discoverAuthServer,
  updateClientRegistration,
} from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { SharedLocks } from "../support/host.js";
import { approvedBy, createHost, failureOf, lockingViewOf, REDIRECT } from "../support/host.js";

const DOCUMENT_URL = "https://app.example.com/oauth/client.json";
const ISSUER = "https://auth.example.com";
/** What lets a server accept the documents at whatever URL. */
const DOCUMENTS = {
  clientIdMetadataDocuments: true,
  fetch: (url: string | URL) =>
    Promise.resolve(Response.json({ client_id: String(url), client_name: "Test", redirect_uris: [REDIRECT] })),
};
const OURS = { client_id: "ours", redirect_uris: [REDIRECT] };

describe("a pre-registered client", () => {
  it("is used at its issuer before anything else, and nothing is registered [spec-33, spec-34, spec-45]", async () => {
    const server = createFakeAuthServer({
      clients: [OURS],
      ...DOCUMENTS,
    });
    const { session } = createHost(server, {
      preRegistered: [
        { issuer: "https://elsewhere.example.com", clientId: "other" },
        { issuer: ISSUER, clientId: "ours" },
      ],
      clientMetadataUrl: DOCUMENT_URL,
    });
    const { registration } = await session.authorize(approvedBy(server));

    expect(registration).toMatchObject({ clientId: "ours", source: "pre_registered", tokenEndpointAuthMethod: "none" });
    expect(server.counts.registration).toBe(0);
  });

  it.each([
    ["client_secret_basic", undefined, ["client_secret_basic", "client_secret_post"]],
    ["client_secret_post", undefined, ["client_secret_post"]],
    ["client_secret_post", "client_secret_post", ["client_secret_basic", "client_secret_post"]],
  ] as const)(
    "authenticates with %s when told %s and the server knows %j [spec-93, spec-94]",
    async (used, told, known) => {
      const server = createFakeAuthServer({
        clients: [{ ...OURS, client_secret: "s3cret:+%", token_endpoint_auth_method: used }],
        tokenEndpointAuthMethods: known,
      });
      const { session } = createHost(server, {
        preRegistered: [{ issuer: ISSUER, clientId: "ours", clientSecret: "s3cret:+%", tokenEndpointAuthMethod: told }],
      });
      await session.authorize(approvedBy(server));
      const exchange = server.requests.find(({ endpoint }) => endpoint === "token");

      expect(exchange?.headers["authorization"]?.startsWith("Basic ")).toBe(
        used === "client_secret_basic" ? true : undefined,
      );
      expect(exchange?.form.get("client_secret")).toBe(used === "client_secret_post" ? "[client_secret 1]" : null);
      expect(server.requests.every(({ url }) => !url.includes("secret"))).toBe(true);
    },
  );

  it("may be looked up by a function that is told the server", async () => {
    const server = createFakeAuthServer({ clients: [OURS] });
    const told: string[] = [];
    const { session } = createHost(server, {
      preRegistered: async ({ issuer, serverUrl }) => {
        told.push(issuer, serverUrl);
        return { issuer, clientId: "ours" };
      },
    });
    await session.authorize(approvedBy(server));

    expect(told).toEqual([ISSUER, server.serverUrl]);
    expect(server.counts.registration).toBe(0);
  });

  it("that a function does not find leaves the other ways [spec-37]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server, { preRegistered: () => undefined });
    await session.authorize(approvedBy(server));

    expect(server.counts.registration).toBe(1);
  });

  it("is refused a redirect URI that it is known not to have, before the user sees an error page [spec-57]", async () => {
    const server = createFakeAuthServer({ clients: [OURS] });
    const { session } = createHost(server, {
      preRegistered: [{ issuer: ISSUER, clientId: "ours", redirectUris: ["https://app.example.com/callback"] }],
    });

    const error = await failureOf(session.startAuthorization({ redirectUri: REDIRECT }));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain("redirectUri");
  });

  const elsewhere: PreRegisteredClient = {
    issuer: "https://old.example.com",
    clientId: "ours",
    clientSecret: "s3cret",
  };
  const mismatches: readonly [string, Partial<AuthClientOptions>][] = [
    ["names this server", { preRegistered: [{ ...elsewhere, serverUrl: "https://mcp.example.com/mcp/" }] }],
    ["came from a function", { preRegistered: () => elsewhere }],
  ];
  it.each(mismatches)(
    "of another issuer is an error and no other way is tried, when it %s [spec-53, spec-55]",
    async (_, options) => {
      const server = createFakeAuthServer(DOCUMENTS);
      const { session } = createHost(server, { ...options, clientMetadataUrl: DOCUMENT_URL });

      await expect(session.startAuthorization({ redirectUri: REDIRECT })).rejects.toMatchObject({
        code: "client_issuer_mismatch",
        issuer: ISSUER,
      });
      expect(server.counts.registration).toBe(0);
      expect(JSON.stringify(server.requests)).not.toContain("s3cret");
    },
  );

  it("of another issuer is an error where nothing can be registered, and no obstacle where it can", async () => {
    const closed = createFakeAuthServer({ registration: "none" });
    const open = createFakeAuthServer();

    await expect(
      createHost(closed, { preRegistered: [elsewhere] }).session.startAuthorization({ redirectUri: REDIRECT }),
    ).rejects.toMatchObject({ code: "client_issuer_mismatch" });
    const tokens = await createHost(open, { preRegistered: [elsewhere] }).session.authorize(approvedBy(open));
    expect(tokens.registration.source).toBe("dynamic");
  });

  it.each([
    [ISSUER, `${ISSUER}/`],
    [`${ISSUER}/tenant/`, `${ISSUER}/tenant`],
  ])("of %s written as %s is an error, and not passed over in silence [spec-53]", async (issuer, written) => {
    const server = createFakeAuthServer({ issuer });
    const { session } = createHost(server, { preRegistered: [{ issuer: written, clientId: "ours" }] });

    const error = await failureOf(session.startAuthorization({ redirectUri: REDIRECT }));
    expect(error).toMatchObject({ code: "client_issuer_mismatch", issuer });
    expect(String(error)).toContain(`"${written}"`);
    expect(String(error)).toContain(`"${issuer}"`);
    expect(server.counts.registration).toBe(0);
  });

  it("of the very issuer goes before one of the issuer with a slash", async () => {
    const server = createFakeAuthServer({ clients: [OURS] });
    const { session } = createHost(server, {
      preRegistered: [
        { issuer: `${ISSUER}/`, clientId: "other" },
        { issuer: ISSUER, clientId: "ours" },
      ],
    });
    expect((await session.authorize(approvedBy(server))).registration.clientId).toBe("ours");
  });

  it("of the tokens at hand is not replaced silently when the server moves to another issuer [spec-55]", async () => {
    const server = createFakeAuthServer({ clients: [OURS] });
    const { session } = createHost(server, { preRegistered: [{ issuer: ISSUER, clientId: "ours" }] });
    await session.authorize(approvedBy(server));
    const other = createFakeAuthServer({ issuer: "https://other.example.com" });
    server.moveTo(other);

    await expect(session.startAuthorization({ redirectUri: REDIRECT })).rejects.toMatchObject({
      code: "client_issuer_mismatch",
    });
    expect(other.counts.registration).toBe(0);
  });
});

describe("a client ID metadata document", () => {
  it("is the client id where the server supports it, and sends no secret [spec-34, spec-35, spec-43]", async () => {
    const server = createFakeAuthServer(DOCUMENTS);
    const { session } = createHost(server, { clientMetadataUrl: DOCUMENT_URL });
    const { registration } = await session.authorize(approvedBy(server));
    const exchange = server.requests.find(({ endpoint }) => endpoint === "token");

    expect(registration).toMatchObject({ clientId: DOCUMENT_URL, source: "metadata_document" });
    expect(exchange?.form.get("client_id")).toBe(DOCUMENT_URL);
    expect(exchange?.headers["authorization"]).toBeUndefined();
    expect(exchange?.form.get("client_secret")).toBeNull();
    expect(server.counts.registration).toBe(0);
  });

  it.each([false, "true", undefined])(
    "is not used where the flag is %j: the client registers [spec-32, spec-36, spec-37]",
    async (flag) => {
      const server = createFakeAuthServer({
        authorizationServerMetadata: { client_id_metadata_document_supported: flag },
      });
      const { session } = createHost(server, { clientMetadataUrl: DOCUMENT_URL });
      const { registration } = await session.authorize(approvedBy(server));

      expect(registration.source).toBe("dynamic");
    },
  );

  it("serves at every authorization server alike [spec-56]", async () => {
    const one = createFakeAuthServer(DOCUMENTS);
    const two = createFakeAuthServer({ ...DOCUMENTS, issuer: "https://two.example.com" });
    const { session } = createHost(one, { clientMetadataUrl: DOCUMENT_URL });
    const first = await session.authorize(approvedBy(one));
    one.moveTo(two);
    const second = await session.authorize(approvedBy(two));

    expect([first, second].map(({ registration }) => registration.clientId)).toEqual([DOCUMENT_URL, DOCUMENT_URL]);
    expect([first, second].map(({ issuer }) => issuer)).toEqual([one.issuer, two.issuer]);
  });

  it.each([
    "http://app.example.com/client.json",
    "https://app.example.com",
    "https://app.example.com/",
    "https://app.example.com/client.json#fragment",
    "https://app.example.com/client.json#",
    "https://user@app.example.com/client.json",
    "https://:password@app.example.com/client.json",
    "https://app.example.com/a/../client.json",
    "https://app.example.com/./client.json",
    "https://app.example.com/a/..",
    "not a url",
  ])("cannot be at %s [spec-39]", (clientMetadataUrl) => {
    expect(() => createAuthClient({ clientMetadata: {}, clientMetadataUrl })).toThrow(TypeError);
    expect(() => createAuthClient({ clientMetadata: {}, clientMetadataUrl })).toThrow("clientMetadataUrl");
  });

  it.each(["https://app.example.com/client.json", "https://app.example.com:8443/a..b/.c?v=1"])(
    "can be at %s [spec-39]",
    (clientMetadataUrl) => {
      expect(createAuthClient({ clientMetadata: {}, clientMetadataUrl })).toBeTypeOf("object");
    },
  );
});

describe("dynamic registration", () => {
  it("happens once for many logins, users and servers of one issuer [spec-46, spec-47, spec-48, spec-52, pain-10]", async () => {
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    for (const subject of ["alice", "bob", "carol"]) {
      await client.session(server.serverUrl, { subject }).authorize(approvedBy(server));
    }
    const request = server.requests.find(({ endpoint }) => endpoint === "registration");

    expect(server.counts).toMatchObject({ registration: 1, token: 3 });
    expect(request?.json).toMatchObject({
      application_type: "native",
      client_name: "Test",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: [REDIRECT],
    });
  });

  it("is remembered by the next process", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    await createHost(server, { store }).session.authorize(approvedBy(server));
    await createHost(server, { store }).session.authorize(approvedBy(server));

    expect(server.counts).toMatchObject({ registration: 1, token: 2 });
  });

  it.each(["within a process", "in two processes with a lock"])(
    "happens once for two logins at once %s",
    async (where) => {
      const server = createFakeAuthServer();
      const backing = new Map<string, string>();
      const locks: SharedLocks = new Map();
      const one = createHost(server, { store: lockingViewOf(backing, locks) });
      const other = where === "within a process" ? one : createHost(server, { store: lockingViewOf(backing, locks) });
      await Promise.all([
        one.client.session(server.serverUrl, { subject: "alice" }).authorize(approvedBy(server)),
        other.client.session(server.serverUrl, { subject: "bob" }).authorize(approvedBy(server)),
      ]);

      expect(server.counts).toMatchObject({ registration: 1, token: 2 });
    },
  );

  it("happens anew for another redirect URI, and the first stays registered for the release that uses it", async () => {
    // even where it could be changed
    const server = createFakeAuthServer({ registrationManagement: true });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    await session.authorize(approvedBy(server, { redirectUri: "https://app.example.com/callback" }));
    await session.authorize(approvedBy(server));
    const types = server.requests.flatMap(({ endpoint, json }) =>
      endpoint === "registration" ? [(json as { application_type: string }).application_type] : [],
    );

    expect(types).toEqual(["native", "web"]);
  });

  it("is carried over to another redirect URI by a host that updates it: the id stays, and every token with it", async () => {
    const server = createFakeAuthServer({ registrationManagement: true });
    const { fetch, issuer } = server;
    const store = new Map<string, string>();
    const { session, client } = createHost(server, { store });
    const { registration } = await session.authorize(approvedBy(server));
    const moved = "http://127.0.0.1:8976/in/another/release";
    const updated = await updateClientRegistration(
      await discoverAuthServer(server.serverUrl, { fetch }),
      registration,
      {
        clientMetadata: { client_name: "Renamed", redirect_uris: [moved] },
        fetch,
      },
    );
    await createTokenStore(store).setClientRegistration({ issuer, redirectUri: moved }, updated);
    const another = client.session(server.serverUrl, { subject: "another user" });
    const tokens = await another.authorize(approvedBy(server, { redirectUri: moved }));
    server.expireAccessTokens();

    expect(tokens.registration.clientId).toBe(registration.clientId);
    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts).toMatchObject({ registration: 1, refresh: 1 });
  });

  it("takes along the redirect URIs of the host's metadata, the one in use first", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server, {
      clientMetadata: {
        client_name: "Test",
        redirect_uris: ["http://127.0.0.1/callback", "http://localhost:1/callback"],
      },
    });
    await session.authorize(approvedBy(server));
    const request = server.requests.find(({ endpoint }) => endpoint === "registration");

    expect(request?.json).toMatchObject({ redirect_uris: [REDIRECT, "http://localhost:1/callback"] });
  });

  it("happens anew when the client's secret has run out [spec-53]", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    const { registration } = await session.authorize(approvedBy(server));
    const key = { issuer: ISSUER, redirectUri: REDIRECT };
    await createTokenStore(store).setClientRegistration(key, {
      ...registration,
      clientSecretExpiresAt: server.now() + 60_000,
    });
    await session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(1);
    server.advance(60_001);
    await session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(2);
  });

  it("ignores a stored registration that says it is another issuer's [spec-20, spec-53]", async () => {
    const server = createFakeAuthServer();
    const store = new Map<string, string>();
    const { session } = createHost(server, { store });
    const { registration } = await session.authorize(approvedBy(server));
    await createTokenStore(store).setClientRegistration(
      { issuer: ISSUER, redirectUri: REDIRECT },
      { ...registration, issuer: "https://other.example.com", clientId: "foreign" },
    );
    await session.authorize(approvedBy(server));

    expect(server.counts.registration).toBe(2);
    expect(server.requests.some(({ url }) => url.includes("foreign"))).toBe(false);
  });

  it("that is refused is an error with the reason, and the next login tries again [spec-49, spec-50, spec-3.8-20]", async () => {
    const server = createFakeAuthServer({ registration: "closed" });
    const { session } = createHost(server);

    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({
      code: "registration_rejected",
      status: 401,
      issuer: ISSUER,
    });
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "registration_rejected" });
    expect(server.counts.authorization).toBe(0);
  });

  it("that is not offered is an error that says what to do instead [spec-34, spec-3.8-21]", async () => {
    const server = createFakeAuthServer({ registration: "none" });
    const { session } = createHost(server);
    const error = await failureOf(session.authorize(approvedBy(server)));

    expect(error).toMatchObject({ code: "registration_unsupported", issuer: ISSUER });
    expect(String(error)).toContain("pre-registered");
  });

  it.each(["500", "network_error", "html_200"] as const)(
    "that fails with %s is tried again by the next login",
    async (fault) => {
      const server = createFakeAuthServer();
      const { session } = createHost(server);
      server.faults.add({ endpoint: "registration", fault });

      await failureOf(session.authorize(approvedBy(server)));
      await session.authorize(approvedBy(server));
      expect(server.counts).toMatchObject({ registration: 2, token: 1 });
    },
  );
});

describe("a redirect URI whose port is chosen late", () => {
  it("can have the registered port again, so that one registration serves [pain-11]", async () => {
    const server = createFakeAuthServer({ anyLoopbackPort: false });
    const { session } = createHost(server);
    const seen: (readonly string[])[] = [];
    const redirectUri = {
      base: "http://127.0.0.1/callback",
      listen: (registered: readonly string[]) => {
        seen.push(registered);
        return registered[0] ?? "http://127.0.0.1:40001/callback";
      },
    };
    await session.authorize(approvedBy(server, { redirectUri }));
    await session.authorize(approvedBy(server, { redirectUri }));

    expect(seen).toEqual([[], ["http://127.0.0.1:40001/callback"]]);
    expect(server.counts).toMatchObject({ registration: 1, token: 2 });
  });

  it("registers again when that port is taken, which the next login finds [pain-11]", async () => {
    const server = createFakeAuthServer({ anyLoopbackPort: false });
    const { session } = createHost(server);
    const ports = [40_001, 40_002];
    const late = () => ({
      base: "http://127.0.0.1/callback",
      listen: () => `http://127.0.0.1:${ports.shift() ?? 0}/callback`,
    });
    await session.authorize(approvedBy(server, { redirectUri: late() }));
    await session.authorize(approvedBy(server, { redirectUri: late() }));
    let known: readonly string[] = [];
    await session.authorize(
      approvedBy(server, {
        redirectUri: {
          base: new URL("http://127.0.0.1/callback"),
          listen: async (registered) => new URL((known = registered)[0] ?? ""),
        },
      }),
    );

    expect(known).toEqual(["http://127.0.0.1:40002/callback"]);
    expect(server.counts).toMatchObject({ registration: 2, token: 3 });
  });

  it("is asked for with the redirect URIs of a pre-registered client", async () => {
    const server = createFakeAuthServer({ clients: [OURS] });
    const { session } = createHost(server, {
      preRegistered: [{ issuer: ISSUER, clientId: "ours", redirectUris: [REDIRECT] }],
    });
    let seen: readonly string[] = [];
    await session.authorize(
      approvedBy(server, {
        redirectUri: {
          base: "http://127.0.0.1/callback",
          listen: (registered) => ((seen = registered), "http://127.0.0.1:40003/callback"),
        },
      }),
    );

    expect(seen).toEqual([REDIRECT]);
    expect(server.counts.registration).toBe(0);
  });
});
