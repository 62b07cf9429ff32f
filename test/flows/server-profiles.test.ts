import { describe, expect, it } from "vitest";
import type { AuthClientOptions, PreRegisteredClient, ServerProfile } from "../../src/index.js";
import { createAuthFetch, discoverAuthServer, knownServers } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions, OddityName } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.js";

const TENANT = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0";
const OURS = { client_id: "ours", client_secret: "s3cret", redirect_uris: [REDIRECT] };

/** A server that registers nobody, with a client that was made there by hand. */
const serverOf = (issuer: string, options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({
    issuer,
    registration: "none",
    clients: [OURS],
    iss: { advertised: false, sent: false },
    ...options,
  });

/** Ways to deviate, as the option `faults`. */
const deviating = (...oddities: readonly OddityName[]): Pick<FakeAuthServerOptions, "faults"> => ({
  faults: oddities.map((fault) => ({ fault })),
});

const ours = (issuer: string): Partial<AuthClientOptions> => ({
  preRegistered: [{ issuer, clientId: "ours", clientSecret: "s3cret" } satisfies PreRegisteredClient],
});

/** Logs in, uses the token, lets it expire and uses the next one. */
async function live(server: FakeAuthServer, options: Partial<AuthClientOptions>): Promise<number[]> {
  const { session } = createHost(server, options);
  await session.authorize(approvedBy(server));
  const authFetch = createAuthFetch(session, { fetch: server.fetch });
  const first = await authFetch(server.serverUrl);
  server.advance(90_000_000);
  const second = await authFetch(server.serverUrl);
  return [first.status, second.status];
}

const sent = (server: FakeAuthServer, endpoint: "authorization" | "token" | "refresh"): URLSearchParams[] =>
  server.requests
    .filter((request) => request.endpoint === endpoint)
    .map(({ form, url }) => (endpoint === "authorization" ? new URL(url).searchParams : form));

describe("the shipped profile of", () => {
  it("Microsoft Entra ID lets a tenant without PKCE list, `resource` and consent log in and refresh [pain-8, pain-16, pain-17, pain-23]", async () => {
    const entra = (): FakeAuthServer =>
      serverOf(TENANT, {
        metadataKind: "openid",
        scopes: ["api://mcp/tools"],
        issueRefreshTokens: "offline_access",
        ...deviating("missing_pkce_methods", "entra_resource", "entra_refresh"),
      });
    const strict = entra();
    const lenient = entra();

    const error = await failureOf(live(strict, ours(TENANT)));
    expect(error).toMatchObject({ code: "pkce_unsupported" });
    expect(String(error)).toContain("assumeS256");
    expect(await live(lenient, { ...ours(TENANT), profiles: knownServers })).toEqual([200, 200]);
    const [login] = sent(lenient, "authorization");
    expect(login?.get("code_challenge_method")).toBe("S256");
    expect(login?.has("prompt")).toBe(false);
    expect(sent(lenient, "refresh")[0]?.get("scope")).toBe("api://mcp/tools offline_access");
  });

  it.each([
    ["Amazon Cognito", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E"],
    ["Salesforce", "https://login.salesforce.com"],
    ["a Salesforce domain", "https://example--uat.sandbox.my.salesforce.com"],
  ])("%s lets metadata pass that list no PKCE methods, and S256 is sent [pain-23]", async (_, issuer) => {
    const [strict, lenient] = [1, 2].map(() =>
      serverOf(issuer, { metadataKind: "openid", ...deviating("missing_pkce_methods") }),
    ) as [FakeAuthServer, FakeAuthServer];

    await expect(live(strict, ours(issuer))).rejects.toMatchObject({ code: "pkce_unsupported" });
    expect(await live(lenient, { ...ours(issuer), profiles: knownServers })).toEqual([200, 200]);
    expect(sent(lenient, "authorization")[0]?.get("code_challenge_method")).toBe("S256");
  });

  it.each([
    ["Meta", "https://mcp.facebook.com/ads", "https://www.facebook.com"],
    ["Atlassian", "https://mcp.atlassian.com/", "https://cf.mcp.atlassian.com"],
    [
      "Atlassian's second endpoint",
      "https://auth.atlassian.com/VCeDsk8ZHncYF1g234fKtc4lNipbBhu3",
      "https://auth.atlassian.com",
    ],
    [
      "Salesforce",
      "https://api.salesforce.com:443/platform/mcp/v1/platform/sobject-reads",
      "https://login.salesforce.com",
    ],
    ["Slack", "https://mcp.slack.com", "https://slack.com"],
  ])("%s lets %s publish metadata of %s, which then counts [pain-22]", async (_, listed, published) => {
    const options = { authorizationServerMetadata: { issuer: published } };
    const strict = serverOf(listed, options);
    const lenient = serverOf(listed, options);

    const error = await failureOf(live(strict, ours(published)));
    expect(error).toMatchObject({ code: "metadata_issuer_mismatch" });
    expect(String(error)).toContain("issuerAliases");
    const { session } = createHost(lenient, { ...ours(published), profiles: knownServers });
    const { issuer } = await session.authorize(approvedBy(lenient));
    expect(issuer).toBe(published);
    // a refused token makes the metadata be read again, and the server has not moved
    lenient.expireAccessTokens();
    const response = await createAuthFetch(session, { fetch: lenient.fetch })(lenient.serverUrl);
    expect(response.status).toBe(200);
  });

  it("Google asks for the refresh token that there is none without [pain-7]", async () => {
    const issuer = "https://accounts.google.com";
    const server = serverOf(issuer, deviating("issuer_root_slash", "google_offline"));
    expect(await live(server, { ...ours(issuer), profiles: knownServers })).toEqual([200, 200]);
    const [login] = sent(server, "authorization");
    expect(login?.get("access_type")).toBe("offline");
    expect(login?.get("prompt")).toBe("consent");
  });

  it("Slack finds the user's tokens where Slack puts them [pain-19]", async () => {
    const issuer = "https://slack.com";
    const slack = (): FakeAuthServer =>
      serverOf(issuer, {
        scopes: ["channels:read", "chat:write"],
        ...deviating("slack_user_scope", "slack_tokens", "slack_errors"),
      });
    const strict = slack();
    const lenient = slack();

    const error = await failureOf(live(strict, ours(issuer)));
    expect(error).toMatchObject({ code: "token_response_invalid" });
    expect(String(error)).toContain("tokenResponse");
    expect(await live(lenient, { ...ours(issuer), profiles: knownServers })).toEqual([200, 200]);
    const { session } = createHost(lenient, { ...ours(issuer), profiles: knownServers });
    const tokens = await session.authorize(approvedBy(lenient));
    expect(tokens).toMatchObject({ tokenType: "Bearer", scope: "channels:read chat:write" });

    const refusing = slack();
    refusing.faults.add({ endpoint: "token", fault: "invalid_grant" });
    await expect(live(refusing, { ...ours(issuer), profiles: knownServers })).rejects.toMatchObject({
      code: "token_request_rejected",
      oauthError: "invalid_grant",
    });
  });

  it("GitHub reads the scopes that come with commas between them", async () => {
    const issuer = "https://github.com/login/oauth";
    const server = serverOf(issuer, { scopes: ["repo", "gist"], ...deviating("github_tokens", "github_errors") });
    const { session } = createHost(server, { ...ours(issuer), profiles: knownServers });
    expect((await session.authorize(approvedBy(server))).scope).toBe("repo gist");
  });

  it("Slack keeps tokens when its issuer has become the other of its two names", async () => {
    const server = serverOf("https://mcp.slack.com", { authorizationServerMetadata: { issuer: "https://slack.com" } });
    const { session } = createHost(server, { ...ours("https://slack.com"), profiles: knownServers });
    await session.authorize(approvedBy(server));
    const members = { issuer: "https://mcp.slack.com" };
    server.faults.add({ endpoint: "authorizationServerMetadata", times: Infinity, fault: { members } });
    server.advance(7_200_000);
    server.expireAccessTokens();

    const response = await createAuthFetch(session, { fetch: server.fetch })(server.serverUrl);
    expect(response.status).toBe(200);
  });

  it.each([
    ["GitHub", "https://github.com/login/oauth", "OAuth app"],
    ["Google", "https://accounts.google.com", "Google Cloud console"],
    ["Entra", TENANT, "Entra ID"],
    ["Cognito", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E", "user pool"],
    ["Meta", "https://www.facebook.com", "developers.facebook.com"],
    ["Slack", "https://slack.com", "Slack app"],
    ["Salesforce", "https://login.salesforce.com", "External Client App"],
  ])("%s says how one gets a client there, as it registers none [pain-14]", async (_, issuer, hint) => {
    const server = createFakeAuthServer({ issuer, registration: "none" });
    const error = await failureOf(createHost(server, { profiles: knownServers }).session.authorize(approvedBy(server)));

    expect(error).toMatchObject({ code: "registration_unsupported", issuer });
    expect(String(error)).toContain(hint);
  });

  it.each([
    ["Figma", "https://api.figma.com", "catalogue", "figma_registration" as const],
    [
      "ClickUp",
      "https://mcp.clickup.com",
      "ask its support",
      { status: 400, body: { error: "invalid_request", error_description: "not allowlisted" } },
    ],
  ])("%s says who may register, beside what the server answered [pain-15]", async (_, issuer, hint, answer) => {
    const server = createFakeAuthServer({ issuer });
    if (typeof answer === "string") server.faults.add({ fault: answer });
    else server.faults.add({ endpoint: "registration", fault: answer, times: Infinity });
    const error = await failureOf(createHost(server, { profiles: knownServers }).session.authorize(approvedBy(server)));

    expect(error).toMatchObject({ code: "registration_rejected" });
    expect(String(error)).toContain(hint);
    expect(String(error)).toMatch(/Forbidden|not allowlisted/);
  });

  it.each([
    ["Salesforce", "https://login.salesforce.com", "127.0.0.1", "localhost", "localhost_only"],
    ["Atlassian", "https://auth.atlassian.com", "localhost", "127.0.0.1", "loopback_address_only"],
  ] as const)(
    "%s decides the loopback host where it is left open [pain-24]",
    async (_, issuer, left, taken, oddity) => {
      const server = createFakeAuthServer({ issuer, ...deviating(oddity) });
      const { session } = createHost(server, { profiles: knownServers });
      const told: (readonly string[])[] = [];
      const redirectUri = {
        base: `http://${left}/callback`,
        listen: (registered: readonly string[]) => {
          told.push(registered);
          return `http://${taken}:4711/callback`;
        },
      };
      await session.authorize(approvedBy(server, { redirectUri }));
      await session.authorize(approvedBy(server, { redirectUri, force: true }));

      expect(told).toEqual([[`http://${taken}/callback`], [`http://${taken}:4711/callback`]]);
      expect(server.counts.registration).toBe(1);
    },
  );
});

describe("a profile", () => {
  const ISSUER = "https://auth.example.com";
  const profile = (allow: ServerProfile["allow"], issuer: ServerProfile["issuer"] = ISSUER): ServerProfile => ({
    issuer,
    allow,
  });

  it("of another issuer changes nothing, and the first of two for one issuer applies", async () => {
    const plain = createFakeAuthServer();
    const plainly = createHost(plain, { profiles: [profile({ resource: "omit" }, "https://auth.example.com/")] });
    await plainly.session.authorize(approvedBy(plain));
    expect(sent(plain, "token")[0]?.get("resource")).toBe(plain.serverUrl);

    const server = createFakeAuthServer();
    const { session } = createHost(server, {
      profiles: [profile({ authorizationParams: { hd: "one" } }), profile({ authorizationParams: { hd: "two" } })],
    });
    await session.authorize(approvedBy(server));
    expect(sent(server, "authorization")[0]?.get("hd")).toBe("one");
  });

  it.each([/auth\.example\.com/, /^https:\/\/auth/, /auth\.example\.com$/, /^https:\/\/auth\.example\.com$/i])(
    "with the pattern %s, which is not anchored or has flags, is refused when the client is made",
    async (issuer) => {
      const server = createFakeAuthServer();
      expect(() => createHost(server, { profiles: [profile({}, issuer)] })).toThrow(TypeError);
      await expect(
        discoverAuthServer(server.serverUrl, { fetch: server.fetch, profiles: [profile({}, issuer)] }),
      ).rejects.toThrow("profiles");
    },
  );

  it("with an alternative that escapes its anchors matches no issuer by a part of it", async () => {
    const server = createFakeAuthServer({ issuer: "https://auth.example.com.attacker.example" });
    const escaping = /^https:\/\/auth\.example\.com|nothing$/;
    const found = await discoverAuthServer(server.serverUrl, {
      fetch: server.fetch,
      profiles: [profile({ assumeS256: true }, escaping)],
    });
    expect(found.allowances).toBeUndefined();
  });

  it("never lets metadata pass that list other PKCE methods alone", async () => {
    const server = createFakeAuthServer({ codeChallengeMethods: ["plain"] });
    const { session } = createHost(server, { profiles: [profile({ assumeS256: true })] });
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "pkce_unsupported" });
  });

  it("with aliases leaves `iss` in callbacks to be compared exactly", async () => {
    const server = createFakeAuthServer({
      issuer: "https://alias.example.com",
      authorizationServerMetadata: { issuer: ISSUER },
    });
    const { session } = createHost(server, { profiles: [profile({ issuerAliases: ["https://alias.example.com"] })] });
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "callback_issuer_mismatch" });
  });

  it("with an alias gives its issuer no other name than those", async () => {
    const server = createFakeAuthServer({
      issuer: "https://attacker.example.com",
      authorizationServerMetadata: { issuer: ISSUER },
    });
    const { session } = createHost(server, { profiles: [profile({ issuerAliases: ["https://alias.example.com"] })] });
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "metadata_issuer_mismatch" });
  });

  it("that names another `resource` has it sent everywhere, and the token still goes to the MCP server alone", async () => {
    const server = createFakeAuthServer({ issuer: "https://mcp.example.com", resourceMetadata: "none" });
    const { session } = createHost(server, {
      profiles: [profile({ resource: "api://mcp" }, "https://mcp.example.com")],
    });
    const { resource } = await session.authorize(approvedBy(server));
    server.expireAccessTokens();
    await createAuthFetch(session, { fetch: server.fetch })(server.serverUrl);

    expect(resource).toBe(server.serverUrl);
    for (const endpoint of ["authorization", "token", "refresh"] as const) {
      expect(sent(server, endpoint).map((params) => params.get("resource"))).toEqual(["api://mcp"]);
    }
  });

  it.each([
    ["untyped", "token_type_missing", "token_response_invalid"],
    ["form", "form_encoded_tokens", "server_error"],
  ] as const)("allows token responses to be %s, by name alone", async (tokenResponse, oddity, code) => {
    const strict = createFakeAuthServer(deviating(oddity));
    const lenient = createFakeAuthServer(deviating(oddity));
    await expect(createHost(strict).session.authorize(approvedBy(strict))).rejects.toMatchObject({ code });
    const { session } = createHost(lenient, { profiles: [profile({ tokenResponse })] });
    const tokens = await session.authorize(approvedBy(lenient));
    expect(tokens.tokenType.toLowerCase()).toBe("bearer");
    expect(tokens.expiresAt).toBeGreaterThan(lenient.now());
  });

  it("does not let a token of another type pass for a bearer token", async () => {
    const server = createFakeAuthServer(deviating("token_type_unknown"));
    const { session } = createHost(server, { profiles: [profile({ tokenResponse: "untyped" })] });
    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "token_response_invalid" });
  });

  it("has id and secret sent unencoded where the server wants them so", async () => {
    const secret = "a+b%20/";
    const issuer = ISSUER;
    const preRegistered = [
      { issuer, clientId: "ours", clientSecret: secret, tokenEndpointAuthMethod: "client_secret_basic" as const },
    ];
    const raw = (): FakeAuthServer =>
      createFakeAuthServer({
        registration: "none",
        clients: [{ ...OURS, client_secret: secret }],
        ...deviating("raw_basic"),
      });
    const strict = raw();
    const lenient = raw();
    await expect(createHost(strict, { preRegistered }).session.authorize(approvedBy(strict))).rejects.toMatchObject({
      oauthError: "invalid_client",
    });
    const { session } = createHost(lenient, { preRegistered, profiles: [profile({ basicAuth: "raw" })] });
    expect((await session.authorize(approvedBy(lenient))).accessToken).not.toBe("");
  });

  it("travels with the pending login, so that whoever finishes it applies the same", async () => {
    const backing = new Map<string, string>();
    const server = serverOf(TENANT, deviating("missing_pkce_methods", "entra_resource"));
    const starting = createHost(server, { ...ours(TENANT), store: backing, profiles: knownServers });
    const { authorizationUrl } = await starting.session.startAuthorization({ redirectUri: REDIRECT });
    const finishing = createHost(server, { store: backing });
    await finishing.client.finishAuthorization(await server.approve(authorizationUrl));

    expect(sent(server, "token")[0]?.has("resource")).toBe(false);
  });

  it("cannot replace a parameter of the library", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server, {
      profiles: [profile({ authorizationParams: { state: "x", code_challenge_method: "plain", login_hint: "ann" } })],
    });
    await session.authorize(approvedBy(server, { extraParams: { login_hint: "bob" } }));
    const [login] = sent(server, "authorization");
    expect(login?.get("code_challenge_method")).toBe("S256");
    expect(login?.get("state")).not.toBe("x");
    expect(login?.get("login_hint")).toBe("bob");
  });
});

it("ships rows that are plain data, each for issuers that are https", () => {
  for (const { issuer, allow } of knownServers) {
    expect(String(issuer).replaceAll("\\", "")).toMatch(/^\/?\^?https:\/\//);
    expect(JSON.parse(JSON.stringify(allow))).toEqual(allow);
    expect(Object.keys(allow).length).toBeGreaterThan(0);
  }
});
