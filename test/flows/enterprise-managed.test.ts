import { describe, expect, it } from "vitest";
import {
  createAuthFetch,
  enterpriseManaged,
  privateKeyJwt,
  type AuthClientOptions,
  type EnterpriseManagedOptions,
  type SubjectToken,
} from "../../src/index.js";
import { createFakeAuthServer, type FakeAuthServer, type FakeAuthServerOptions } from "../../src/testing.js";
import { createHost, failureOf, viewOf } from "../support/host.js";
import { createSigner } from "../unit/testing/signed-assertion.js";

const ISSUER = "https://auth.example.com";
const IDP = "https://idp.corp.example";
const HOUR = 3_600_000;
const ID_TOKEN: SubjectToken = { token: "proof of alice", type: "id_token" };

interface World {
  readonly idp: FakeAuthServer;
  readonly server: FakeAuthServer;
  /** Leads each request to the server that it is for. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
}

/** An enterprise's identity provider, and an MCP server whose issuer trusts it; on one clock. */
function startWorld(options: FakeAuthServerOptions = {}, idpOptions: FakeAuthServerOptions = {}): World {
  const server: FakeAuthServer = createFakeAuthServer({
    issuer: ISSUER,
    accessTokenTtlMs: HOUR,
    identityProviders: [{ issuer: IDP, keys: () => idp.signingKeys() }],
    clients: [{ client_id: "chat", client_secret: "secret at the server" }],
    ...options,
  });
  const idp: FakeAuthServer = createFakeAuthServer({
    issuer: IDP,
    now: server.now,
    idJag: { audiences: { [ISSUER]: "chat" }, subjectTokens: { [ID_TOKEN.token]: "alice", "proof of bob": "bob" } },
    clients: [{ client_id: "chat-sso", client_secret: "secret at the idp" }],
    ...idpOptions,
  });
  return {
    idp,
    server,
    fetch: (url, init) => (new URL(url).origin === IDP ? idp : server).fetch(url, init),
  };
}

const OPTIONS: EnterpriseManagedOptions = {
  issuer: ISSUER,
  client: { clientId: "chat", clientSecret: "secret at the server" },
  idp: { issuer: IDP, tokenEndpoint: `${IDP}/token`, clientId: "chat-sso", clientSecret: "secret at the idp" },
  getSubjectToken: () => ID_TOKEN,
};

function startChat(
  { server, fetch }: World,
  options: Partial<EnterpriseManagedOptions> = {},
  clientOptions: Partial<AuthClientOptions> = {},
) {
  const { client, events } = createHost(server, { fetch, ...clientOptions });
  const grant = enterpriseManaged({ ...OPTIONS, ...options });
  const session = client.session(server.serverUrl, { subject: "alice", grant });
  return { client, session, events, call: createAuthFetch(session) };
}

const tokenRequests = ({ requests }: FakeAuthServer) => requests.filter(({ endpoint }) => endpoint === "token");
const formOf = (server: FakeAuthServer, index = 0) => Object.fromEntries(tokenRequests(server)[index]?.form ?? []);

describe("a user whose enterprise decides", () => {
  it("gets a token for the sign-in at the identity provider, without a page [spec-138, spec-139, spec-141, spec-143]", async () => {
    const world = startWorld({ scopes: ["read"] });
    const { session, call } = startChat(world);
    const { idp, server } = world;

    expect((await call(server.serverUrl)).status).toBe(200);
    const { subject_token, ...exchange } = formOf(idp);
    expect(subject_token).toBeDefined();
    expect(exchange).toEqual({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      requested_token_type: "urn:ietf:params:oauth:token-type:id-jag",
      audience: ISSUER,
      resource: server.serverUrl,
      scope: "read",
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
    });
    expect(tokenRequests(idp)[0]?.headers["authorization"]).toMatch(/^Basic /);
    expect(formOf(server)).toMatchObject({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      resource: server.serverUrl,
    });
    expect(tokenRequests(server)[0]?.headers["authorization"]).toMatch(/^Basic /);
    expect(server.counts).toMatchObject({ authorization: 0, registration: 0, token: 1 });
    expect(await session.getTokens()).toMatchObject({ grant: "enterprise_managed chat", scope: "read" });
  });

  it("is told to the identity provider by the book, whatever is allowed to the issuer of the MCP server", async () => {
    const world = startWorld();
    const profiles = [{ issuer: ISSUER, allow: { resource: "omit" } }];
    const { session } = startChat(world, {}, { profiles });
    await session.getAccessToken().catch(() => undefined);

    expect(formOf(world.idp)["resource"]).toBe(world.server.serverUrl);
    expect(formOf(world.server)["resource"]).toBeUndefined();
  });

  it.each(["id_token", "saml2", "refresh_token"] as const)("may prove it by %s [spec-138]", async (type) => {
    const world = startWorld();
    const { session } = startChat(world, { getSubjectToken: () => Promise.resolve({ ...ID_TOKEN, type }) });
    await session.getAccessToken();

    expect(formOf(world.idp)["subject_token_type"]).toBe(`urn:ietf:params:oauth:token-type:${type}`);
  });

  it("gets a new assertion for each token: when one runs out, and when one is refused [spec-146]", async () => {
    const world = startWorld();
    const { call, session } = startChat(world);
    await call(world.server.serverUrl);
    world.server.advance(HOUR);
    await session.getAccessToken();
    world.server.advance(HOUR / 2);
    world.server.expireAccessTokens();

    expect((await call(world.server.serverUrl)).status).toBe(200);
    expect(world.idp.counts.token).toBe(3);
    expect(world.server.counts.token).toBe(3);
  });

  it("gets one with more scope when the server demands it, without being asked [spec-147]", async () => {
    const world = startWorld({ requiredScope: "read", pathScopes: { "/mcp/admin": "admin" } });
    const { call } = startChat(world);

    expect((await call(`${world.server.serverUrl}/admin`)).status).toBe(200);
    expect(tokenRequests(world.idp).map(({ form }) => form.get("scope"))).toEqual(["read", "read admin"]);
    expect(world.server.counts.authorization).toBe(0);
  });

  it("may be granted less by the identity provider", async () => {
    const world = startWorld({ scopes: ["read", "write"] });
    const { session } = startChat({
      ...world,
      fetch: (url, init) => {
        const isExchange = String(url) === `${IDP}/token`;
        return world.fetch(
          url,
          isExchange
            ? { ...init, body: new URLSearchParams((init?.body as URLSearchParams).toString().replace("+write", "")) }
            : init,
        );
      },
    });
    await session.getAccessToken();

    expect(await session.getTokens()).toMatchObject({ scope: "read", requestedScope: "read write" });
  });

  it("shares tokens with no other user of the host", async () => {
    const world = startWorld();
    const { client, session } = startChat(world);
    const getSubjectToken = (): SubjectToken => ({ token: "proof of bob", type: "id_token" });
    const bob = client.session(world.server.serverUrl, {
      subject: "bob",
      grant: enterpriseManaged({ ...OPTIONS, getSubjectToken }),
    });

    expect(await session.getAccessToken()).not.toBe(await bob.getAccessToken());
  });

  it("needs no secret where the host signs instead, to each for itself [spec-141]", async () => {
    const [idpKey, serverKey] = [await createSigner("ES256"), await createSigner("ES256")];
    const methods = { tokenEndpointAuthMethods: ["private_key_jwt"] };
    const world = startWorld(
      { ...methods, clients: [{ client_id: "chat", jwks: { keys: serverKey.keys } }] },
      { ...methods, clients: [{ client_id: "chat-sso", jwks: { keys: idpKey.keys } }] },
    );
    const { session } = startChat(world, {
      client: { clientId: "chat", clientAuthentication: privateKeyJwt({ privateKey: serverKey.privateKey }) },
      idp: {
        issuer: IDP,
        tokenEndpoint: `${IDP}/token`,
        clientId: "chat-sso",
        clientAuthentication: privateKeyJwt({ privateKey: idpKey.privateKey }),
      },
    });

    expect(await session.getAccessToken()).toBeDefined();
  });

  it("leaves no assertion, proof or secret in store, events and errors [spec-144, pain-40]", async () => {
    const world = startWorld();
    const backing = new Map<string, string>();
    const seen: string[] = [];
    const fetch: World["fetch"] = async (url, init) => {
      const response = await world.fetch(url, init);
      if (String(url) === `${IDP}/token`) {
        seen.push(((await response.clone().json()) as { access_token: string }).access_token);
      }
      return response;
    };
    const { session, events } = startChat({ ...world, fetch }, {}, { store: viewOf(backing) });
    await session.getAccessToken();
    const everything = JSON.stringify([[...backing], events, world.server.requests.map(({ url }) => url)]);

    expect(seen).toHaveLength(1);
    for (const secret of [...seen, ID_TOKEN.token, "secret at the server", "secret at the idp"]) {
      expect(everything).not.toContain(secret);
    }
  });
});

describe("an identity provider", () => {
  it.each<[string, object]>([
    ["a bearer token", { access_token: "at the idp", token_type: "Bearer", expires_in: 3600 }],
    [
      "an access token of its own",
      {
        access_token: "at the idp",
        token_type: "Bearer",
        issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      },
    ],
    [
      "an ID token",
      { access_token: "x", token_type: "N_A", issued_token_type: "urn:ietf:params:oauth:token-type:id_token" },
    ],
    ["nothing", { token_type: "N_A", issued_token_type: "urn:ietf:params:oauth:token-type:id-jag" }],
  ])(
    "that answers with %s where an ID-JAG is due is not believed, and the token goes nowhere [spec-140]",
    async (_, body) => {
      const world = startWorld({}, { faults: [{ endpoint: "token", fault: { body } }] });
      const { session, call } = startChat(world);
      const error = await failureOf(session.getAccessToken());

      expect(error).toMatchObject({ code: "token_response_invalid" });
      expect(String(error)).toContain(IDP);
      expect(String(error)).not.toContain("at the idp");
      await expect(call(world.server.serverUrl)).rejects.toBe(error);
      expect(world.server.counts.token).toBe(0);
    },
  );

  it.each([200, 403])(
    "that answers %s without a JSON document is out of order: the proof is shown again [spec-3.8-18]",
    async (status) => {
      const world = startWorld();
      let isDown = true;
      const fetch: World["fetch"] = async (url, init) =>
        isDown && String(url) === `${IDP}/token`
          ? new Response("<h1>Maintenance</h1>", { status })
          : await world.fetch(url, init);
      const { session } = startChat({ ...world, fetch });

      await expect(session.getAccessToken()).rejects.toMatchObject({
        code: "server_error",
        url: `${IDP}/token`,
        status,
      });
      expect(world.server.counts.token).toBe(0);
      isDown = false;
      world.server.advance(60_000);
      expect(await session.getAccessToken()).toBeDefined();
    },
  );

  it("that refuses a proof is not shown it again; another one it is", async () => {
    const world = startWorld();
    let subject: SubjectToken = { token: "expired", type: "id_token" };
    const { session } = startChat(world, { getSubjectToken: () => subject });
    const error = await failureOf(session.getAccessToken());

    expect(error).toMatchObject({ code: "token_request_rejected", oauthError: "invalid_request" });
    expect(String(error)).toContain("identity provider");
    world.server.advance(HOUR);
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    expect(world.idp.counts.token).toBe(1);

    subject = ID_TOKEN;
    world.server.advance(HOUR);
    expect(await session.getAccessToken()).toBeDefined();
    expect(world.server.counts.token).toBe(1);
  });

  it("that is down is asked again later, and nobody else is asked instead [spec-3.8-18]", async () => {
    const world = startWorld();
    world.idp.faults.add({ endpoint: "token", fault: "503_retry_after" });
    const { session } = startChat(world);

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "server_error", url: `${IDP}/token` });
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "server_error" });
    expect(world.idp.counts.token).toBe(1);
    world.server.advance(120_000);
    expect(await session.getAccessToken()).toBeDefined();
  });

  it("is not asked for a server of another issuer: not even it learns of that [spec-19]", async () => {
    const world = startWorld();
    const { session } = startChat(world, { issuer: `${ISSUER}/` });

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "client_issuer_mismatch" });
    expect(world.idp.requests).toHaveLength(0);
    expect(world.server.counts.token).toBe(0);
  });

  it("has to be reached by https [spec-144]", async () => {
    const world = startWorld();
    const idp = { ...OPTIONS.idp, tokenEndpoint: "http://idp.corp.example/token" };
    const { session } = startChat(world, { idp });

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "insecure_url" });
    expect(world.idp.requests).toHaveLength(0);
  });

  it("is judged by the host's policy", async () => {
    const world = startWorld();
    const purposes: string[] = [];
    const { session } = startChat(
      world,
      {},
      {
        allowUrl: (url, { purpose }) => {
          purposes.push(purpose);
          return url.origin !== IDP;
        },
      },
    );

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "insecure_url" });
    expect(purposes.at(-1)).toBe("idp_token_endpoint");
  });
});

describe("an issuer that refuses the assertion", () => {
  it.each([
    ["because it does not trust the identity provider", { identityProviders: [] }],
    ["because it knows another secret of the client", { clients: [{ client_id: "chat", client_secret: "changed" }] }],
  ])("%s is passed on, and not asked again at once [spec-129]", async (_, options) => {
    const world = startWorld(options);
    const { session } = startChat(world);

    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    expect(world.server.counts.token).toBe(1);
  });

  it.each([
    ["it is for another audience", { audiences: { [ISSUER]: "somebody else" } }],
    ["it has expired", { audiences: { [ISSUER]: "chat" }, ttlMs: 1 }],
  ])("because %s is passed on", async (_, idJag) => {
    const world = startWorld({}, { idJag: { ...idJag, subjectTokens: { [ID_TOKEN.token]: "alice" } } });
    const { session } = startChat(world);

    await expect(session.getAccessToken()).rejects.toMatchObject({
      code: "token_request_rejected",
      oauthError: "invalid_grant",
    });
    expect(world.server.counts.token).toBe(1);
  });
});

it.each<[string, Partial<EnterpriseManagedOptions>]>([
  ["issuer", { issuer: "auth" }],
  ["client.clientId", { client: { clientId: "" } }],
  ["idp.issuer", { idp: { ...OPTIONS.idp, issuer: "" } }],
  ["idp.tokenEndpoint", { idp: { ...OPTIONS.idp, tokenEndpoint: "/token" } }],
  ["idp.clientId", { idp: { ...OPTIONS.idp, clientId: "" } }],
  ["getSubjectToken", { getSubjectToken: undefined as never }],
])("the grant cannot be made without a good %s", (name, options) => {
  expect(() => enterpriseManaged({ ...OPTIONS, ...options })).toThrow(TypeError);
  expect(() => enterpriseManaged({ ...OPTIONS, ...options })).toThrow(name);
});
