import { describe, expect, it } from "vitest";
import type { FetchLike } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { FakeAnswer, FakeAuthServer, FakeAuthServerOptions, FaultName } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.js";

const DOCUMENT_URL = "https://app.example.com/oauth/client.json";
const HOUR = 3_600_000;

/** A server that accepts metadata documents, and where it finds the host's: what `document` makes of its URL. */
const cimdServer = (document: object | undefined, options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({
    clientIdMetadataDocuments: true,
    fetch: (async () =>
      document === undefined ? new Response(null, { status: 404 }) : Response.json(document)) satisfies FetchLike,
    ...options,
  });
const DOCUMENT = { client_id: DOCUMENT_URL, client_name: "Test", redirect_uris: [REDIRECT] };

describe("a client that the server has forgotten", () => {
  it("is found out and replaced before the user sees an error page [pain-12, spec-3.8-13]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { registration } = await session.authorize(approvedBy(server));
    server.forgetClient(registration.clientId);
    server.advance(HOUR + 1);

    // `approve` fails where a browser would show the page
    const tokens = await session.authorize(approvedBy(server, { force: true }));
    expect(tokens.registration.clientId).not.toBe(registration.clientId);
    expect(server.counts).toMatchObject({ registration: 2, authorization: 2 });
  });

  it("is asked about with what can only be refused, and not within an hour of being known", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    await session.authorize(approvedBy(server, { force: true }));
    expect(server.counts.refresh).toBe(0);
    server.advance(HOUR + 1);
    await session.authorize(approvedBy(server, { force: true }));

    const [asked] = server.requests.filter(({ endpoint }) => endpoint === "refresh");
    // what the server gave out has names of its own
    expect(asked?.form.get("refresh_token")).toMatch(/^\[secret \d+\]$/);
    expect(server.counts).toMatchObject({ refresh: 1, registration: 1 });
  });

  it.each<[string, FaultName | FakeAnswer]>([
    ["cannot be reached", "network_error"],
    ["is out of order", "503_retry_after"],
    ["answers nonsense", { status: 400, body: "<html>" }],
    ["gives tokens to everybody", { body: { access_token: "x", token_type: "Bearer" } }],
  ])("is taken for known while the token endpoint %s", async (_, fault) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.advance(HOUR + 1);
    server.faults.add({ endpoint: "refresh", fault });
    const tokens = await session.authorize(approvedBy(server, { force: true }));

    expect(server.counts).toMatchObject({ refresh: 1, registration: 1 });
    expect(tokens.accessToken).not.toBe("x");
  });

  it("is replaced for all accounts by the one whose login found it out", async () => {
    const server = createFakeAuthServer();
    const { client } = createHost(server);
    const alice = client.session(server.serverUrl, { subject: "alice" });
    const bob = client.session(server.serverUrl, { subject: "bob" });
    const { registration } = await alice.authorize(approvedBy(server));
    await bob.authorize(approvedBy(server));
    server.forgetClient(registration.clientId);
    server.advance(HOUR + 1);
    const mine = await alice.authorize(approvedBy(server, { force: true }));
    const theirs = await bob.authorize(approvedBy(server, { force: true }));

    expect(theirs.registration.clientId).toBe(mine.registration.clientId);
    expect(server.counts.registration).toBe(2);
  });
});

describe("a metadata document", () => {
  it("that the server does not accept gives way to a registration, before the user sees an error page [spec-3.8-22, spec-37]", async () => {
    const server = cimdServer(undefined);
    const { session } = createHost(server, { clientMetadataUrl: DOCUMENT_URL });
    const { registration } = await session.authorize(approvedBy(server));
    server.advance(2 * HOUR);
    await session.authorize(approvedBy(server, { force: true }));

    expect(registration.source).toBe("dynamic");
    expect(server.counts).toMatchObject({ registration: 1, authorization: 2 });
  });

  it("that it accepts is used, and asked about once while its tokens are young", async () => {
    const server = cimdServer(DOCUMENT);
    const { session } = createHost(server, { clientMetadataUrl: DOCUMENT_URL });
    const { registration } = await session.authorize(approvedBy(server));
    await session.authorize(approvedBy(server, { force: true }));

    expect(registration).toMatchObject({ clientId: DOCUMENT_URL, source: "metadata_document" });
    expect(server.counts).toMatchObject({ refresh: 1, registration: 0 });
  });

  it("stays the client where nothing can be registered in its place, and nobody is asked", async () => {
    const server = cimdServer(undefined, { registration: "none" });
    const { session } = createHost(server, { clientMetadataUrl: DOCUMENT_URL });
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });

    expect(authorizationUrl.searchParams.get("client_id")).toBe(DOCUMENT_URL);
    expect(server.counts.refresh).toBe(0);
  });

  it("that is refused with the code gives way to a registration in the same login, and in those to come", async () => {
    const server = cimdServer(DOCUMENT);
    server.faults.add({ endpoint: "token", fault: "invalid_client" });
    const { session } = createHost(server, { clientMetadataUrl: DOCUMENT_URL });
    const { registration } = await session.authorize(approvedBy(server));
    await session.authorize(approvedBy(server, { force: true }));

    expect(registration.source).toBe("dynamic");
    expect(server.counts).toMatchObject({ registration: 1, authorization: 3 });
  });

  it("that is refused with the code stays refused when the login was started and finished apart", async () => {
    const server = cimdServer(DOCUMENT);
    const { client, session } = createHost(server, { clientMetadataUrl: DOCUMENT_URL });
    const first = await session.startAuthorization({ redirectUri: REDIRECT });
    server.faults.add({ endpoint: "token", fault: "invalid_client" });
    const callback = await server.approve(first.authorizationUrl);
    await expect(client.finishAuthorization(callback)).rejects.toMatchObject({ oauthError: "invalid_client" });

    const second = await session.startAuthorization({ redirectUri: REDIRECT });
    expect(second.authorizationUrl.searchParams.get("client_id")).not.toBe(DOCUMENT_URL);
    expect(server.counts.registration).toBe(1);
  });
});

describe("a registered client that is refused with the code", () => {
  it("is replaced once, and the user asked once more [pain-13, spec-3.8-13]", async () => {
    const server = createFakeAuthServer();
    server.faults.add({ endpoint: "token", fault: "invalid_client" });
    const { session } = createHost(server);
    const shown: (string | null)[] = [];
    await session.authorize(
      approvedBy(server, {
        interact: (url) => {
          shown.push(url.searchParams.get("client_id"));
          return server.approve(url);
        },
      }),
    );

    expect(new Set(shown).size).toBe(2);
    expect(server.counts).toMatchObject({ registration: 2, token: 2 });
  });

  it("again and again ends the login after the second time", async () => {
    const server = createFakeAuthServer();
    server.faults.add({ endpoint: "token", fault: "invalid_client", times: Infinity });
    const { session } = createHost(server);

    expect(await failureOf(session.authorize(approvedBy(server)))).toMatchObject({
      code: "token_request_rejected",
      oauthError: "invalid_client",
    });
    expect(server.counts).toMatchObject({ registration: 2, authorization: 2, token: 2 });
  });

  it("is replaced by the next login when this one was started and finished apart", async () => {
    const server = createFakeAuthServer();
    const { client, session } = createHost(server);
    const first = await session.startAuthorization({ redirectUri: REDIRECT });
    server.faults.add({ endpoint: "token", fault: "invalid_client" });
    await failureOf(client.finishAuthorization(await server.approve(first.authorizationUrl)));
    expect(server.counts.registration).toBe(1);
    await session.authorize(approvedBy(server));

    expect(server.counts).toMatchObject({ registration: 2, authorization: 2 });
  });

  it("is not replaced for any other refusal", async () => {
    const server = createFakeAuthServer();
    server.faults.add({ endpoint: "token", fault: "invalid_grant" });
    const { session } = createHost(server);
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ oauthError: "invalid_grant" });

    expect(server.counts).toMatchObject({ registration: 1, authorization: 1 });
  });

  it("is not replaced when it was registered by hand: the error says so [spec-3.8-13]", async () => {
    const server = createFakeAuthServer({ clients: [{ client_id: "ours", redirect_uris: [REDIRECT] }] });
    server.faults.add({ endpoint: "token", fault: "invalid_client" });
    const { session } = createHost(server, { preRegistered: [{ issuer: server.issuer, clientId: "ours" }] });
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ oauthError: "invalid_client" });
    server.advance(2 * HOUR);
    await session.startAuthorization({ redirectUri: REDIRECT });

    expect(server.counts).toMatchObject({ registration: 0, refresh: 0, authorization: 1 });
  });

  it("leaves its error as it is when no other can be registered", async () => {
    const server = cimdServer(DOCUMENT);
    server.faults.add({ endpoint: "token", fault: "invalid_client" });
    server.faults.add({ endpoint: "registration", fault: "500" });
    const { session } = createHost(server, { clientMetadataUrl: DOCUMENT_URL });
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ oauthError: "invalid_client" });
  });
});

describe("signing out with `unregister`", () => {
  it("deletes the client where the server offers that, and the next login registers another", async () => {
    const server = createFakeAuthServer({ registrationManagement: true });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));

    expect(await session.signOut({ unregister: true })).toEqual({ revoked: "yes", unregistered: true });
    expect(server.requests.at(-1)).toMatchObject({ endpoint: "clientConfiguration", method: "DELETE", status: 204 });
    await session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(2);
  });

  it("says that it could not where the server does not offer it, and forgets the client all the same", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));

    expect(await session.signOut({ unregister: true })).toEqual({ revoked: "yes", unregistered: false });
    await session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(2);
  });

  it.each<[string, FaultName]>([
    ["refuses", "403"],
    ["is out of order", "500"],
    ["cannot be reached", "network_error"],
  ])("does not fail because the server %s", async (_, fault) => {
    const server = createFakeAuthServer({ registrationManagement: true });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    server.faults.add({ endpoint: "clientConfiguration", fault });

    expect(await session.signOut({ unregister: true })).toEqual({ revoked: "yes", unregistered: false });
  });

  it("is not asked for by a plain sign-out, and not done by one that uses no network or has no session", async () => {
    const server = createFakeAuthServer({ registrationManagement: true });
    const { session } = createHost(server);
    expect(await session.signOut({ unregister: true })).toEqual({ revoked: "skipped", unregistered: false });
    await session.authorize(approvedBy(server));
    expect(await session.signOut()).toEqual({ revoked: "yes" });
    await session.authorize(approvedBy(server));
    expect(await session.signOut({ localOnly: true, unregister: true })).toEqual({
      revoked: "skipped",
      unregistered: false,
    });

    expect(server.counts.clientConfiguration).toBe(0);
  });

  it("leaves a client alone that the host registered by hand", async () => {
    const server = createFakeAuthServer({ clients: [{ client_id: "ours", redirect_uris: [REDIRECT] }] });
    const { session } = createHost(server, { preRegistered: [{ issuer: server.issuer, clientId: "ours" }] });
    await session.authorize(approvedBy(server));

    expect(await session.signOut({ unregister: true })).toEqual({ revoked: "yes", unregistered: false });
  });

  it("ends with the reason of the signal when the caller gives up", async () => {
    const server = createFakeAuthServer({ registrationManagement: true });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));
    const controller = new AbortController();
    const reason = new Error("enough");
    server.faults.add({
      endpoint: "clientConfiguration",
      fault: () => {
        controller.abort(reason);
        return new Promise<never>(() => undefined);
      },
    });

    expect(await failureOf(session.signOut({ unregister: true, signal: controller.signal }))).toBe(reason);
    expect(await session.getTokens()).toBeUndefined();
  });
});
