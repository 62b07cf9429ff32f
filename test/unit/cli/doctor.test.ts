import { expect, it } from "vitest";
import { examineLogin } from "../../../src/cli/examine-login.js";
import { examineServer } from "../../../src/cli/examine-server.js";
import type { DoctorReport } from "../../../src/cli/doctor-report.js";
import type { FakeAuthServer, FakeAuthServerOptions, FakeFault } from "../../../src/testing.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import { knownServers } from "../../../src/index.js";
import type { ServerAllowances, ServerProfile } from "../../../src/index.js";

interface Setup {
  readonly options?: FakeAuthServerOptions;
  readonly faults?: readonly FakeFault[];
  readonly profiles?: readonly ServerProfile[];
  readonly clientId?: string;
  /** Whether the examination goes on through a login. */
  readonly login?: "approve" | "deny";
}

async function examine({ options, faults, profiles, clientId, login }: Setup): Promise<[DoctorReport, FakeAuthServer]> {
  const server = createFakeAuthServer({ ...options, faults });
  const { fetch } = server;
  const report = await examineServer(new URL(server.serverUrl), {
    fetch,
    profiles,
    client: clientId === undefined ? undefined : ({ issuer }) => Promise.resolve({ issuer, clientId }),
    redirectUri: (host) => Promise.resolve(`http://${host}:33418/callback`),
    logIn:
      login &&
      ((findings, ready) =>
        examineLogin(findings, ready, {
          fetch,
          interact: (url) => server[login](url),
        })),
  });
  return [report, server];
}

const everywhere = (endpoint: FakeFault["endpoint"], fault: FakeFault["fault"]): FakeFault =>
  ({ endpoint, fault, times: Infinity }) as FakeFault;

const marksOf = ({ sections }: DoctorReport): readonly string[] =>
  sections.flatMap(({ checks }) => checks.map(({ mark }) => mark));

const OTHER: FakeAuthServerOptions = { issuer: "https://auth.example.com/tenant" };

const WORKS: readonly [string, Setup][] = [
  ["a server that follows the specification", { login: "approve" }],
  ["OpenID Connect metadata", { options: { metadataKind: "openid" }, login: "approve" }],
  ["an issuer with a path", { options: OTHER, login: "approve" }],
  ["an issuer with a path and OpenID Connect metadata", { options: { ...OTHER, metadataKind: "openid_inserted" } }],
  ["metadata at the well-known URL alone", { options: { resourceMetadata: "well_known" }, login: "approve" }],
  ["metadata of the whole origin", { options: { resourceMetadata: "root" }, login: "approve" }],
  [
    "a server of 2025-03-26",
    { options: { resourceMetadata: "none", issuer: "https://mcp.example.com" }, login: "approve" },
  ],
  ["no callback issuer", { options: { iss: { advertised: false, sent: false } }, login: "approve" }],
  ["no refresh tokens", { options: { issueRefreshTokens: false }, login: "approve" }],
  ["refresh tokens that stay", { options: { rotateRefreshTokens: false }, login: "approve" }],
  ["no revocation", { options: { revocation: false }, login: "approve" }],
  ["no metadata in the challenge", { faults: [{ fault: "challenge_missing" }], login: "approve" }],
  ["a first authorization server that is not there", { faults: [{ fault: "dead_server_first" }] }],
  ["a registration that answers 200", { faults: [{ fault: "registration_200" }], login: "approve" }],
  ["a secret for a public client", { faults: [{ fault: "secret_for_public_client" }], login: "approve" }],
  [
    "a secret that ends",
    { options: { tokenEndpointAuthMethods: ["client_secret_basic"] }, faults: [{ fault: "expiring_secret" }] },
  ],
  ["an issuer with a slash at its end", { faults: [{ fault: "issuer_root_slash" }], login: "approve" }],
  ["no expiry", { faults: [{ fault: "expires_in_missing" }], login: "approve" }],
  ["errors in 200 when a token is revoked", { faults: [everywhere("revocation", "500")], login: "approve" }],
];

it.each(WORKS)("%s: works", async (_name, setup) => {
  const [report] = await examine(setup);
  expect(report).toMatchObject({ verdict: "works", fault: null, profile: null, needs: [], loginNeeded: true });
  expect(marksOf(report)).not.toContain("error");
});

it("a server without metadata that answers anybody: works, without a login", async () => {
  const serverUrl = "https://open.example.com/mcp";
  const { fetch } = createFakeAuthServer({
    serverUrl,
    metadataKind: "none",
    resourceMetadata: "none",
    faults: [
      { endpoint: "resource", fault: { body: {} }, when: ({ method }) => method === "POST", times: Infinity },
      { endpoint: "resource", fault: "404", times: Infinity },
    ],
  });
  const report = await examineServer(new URL(serverUrl), { fetch });
  expect(report).toMatchObject({ verdict: "works", loginNeeded: false, summary: "no login is needed", issuer: null });
});

it("a server that wants a login later than at the first request: works", async () => {
  const [report] = await examine({
    faults: [{ endpoint: "resource", fault: { body: {} } }],
    login: "approve",
  });
  expect(report).toMatchObject({ verdict: "works", loginNeeded: true });
});

it("a server that registers nobody: works, with a client of the user's", async () => {
  for (const options of [{ registration: "none" }, { registration: "closed", initialAccessToken: "t" }] as const) {
    const [report] = await examine({ options });
    expect(report).toMatchObject({ verdict: "works", needs: ["client_id"] });
    expect(report.summary).toContain("registered by hand");
  }
});

it("a server that redirects its clients: works, and is told the URL to use", async () => {
  const { fetch, faults } = createFakeAuthServer();
  faults.add({
    endpoint: "resource",
    fault: { status: 307, headers: { location: "/mcp" }, body: "" },
    when: ({ url }) => url === "https://mcp.example.com/mcp/",
    times: Infinity,
  });
  const report = await examineServer(new URL("https://mcp.example.com/mcp/"), { fetch });
  expect(report.verdict).toBe("works");
  expect(JSON.stringify(report)).toContain("redirects to https://mcp.example.com/mcp");
});
const ISSUER = "https://auth.example.com";
const byHand = (clientId: string): FakeAuthServerOptions => ({
  registration: "none",
  clients: [
    { client_id: clientId, redirect_uris: ["http://127.0.0.1:33418/callback", "http://localhost:33418/callback"] },
  ],
});
const allowing = (allow: ServerAllowances): readonly ServerProfile[] => [{ issuer: ISSUER, allow }];

/** Deviations that a row allows, each with the row: broken without it. */
const WITH_PROFILE: readonly [name: string, allow: ServerAllowances, setup: Setup][] = [
  ["no PKCE methods", { assumeS256: true }, { faults: [{ fault: "missing_pkce_methods" }], login: "approve" }],
  [
    "another name for the issuer",
    { issuerAliases: [ISSUER] },
    { faults: [{ fault: "issuer_alias" }], login: "approve" },
  ],
  ["no resource taken", { resource: "omit" }, { faults: [{ fault: "entra_resource" }], login: "approve" }],
  [
    "scope in refreshes",
    { refreshScope: "granted" },
    { options: { requiredScope: "a" }, faults: [{ fault: "entra_refresh" }], login: "approve" },
  ],
  [
    "tokens without a type",
    { tokenResponse: "untyped" },
    { faults: [{ fault: "token_type_missing" }], login: "approve" },
  ],
  [
    "tokens that are form-encoded",
    { tokenResponse: "form" },
    { faults: [{ fault: "form_encoded_tokens" }], login: "approve" },
  ],
  ["localhost alone", { redirectHost: "localhost" }, { faults: [{ fault: "localhost_only" }], login: "approve" }],
  [
    "Slack",
    { authorizationParams: { user_scope: "{scope}" }, tokenResponse: "slack" },
    {
      options: { ...byHand("app"), requiredScope: "a" },
      faults: [{ fault: "slack_user_scope" }, { fault: "slack_tokens" }, { fault: "slack_errors" }],
      clientId: "app",
      login: "approve",
    },
  ],
];

it.each(WITH_PROFILE)("%s: works with the profile", async (_name, allow, setup) => {
  const issuer = setup.faults?.some(({ fault }) => fault === "issuer_alias") ? "https://www.auth.example.com" : ISSUER;
  const [report] = await examine({ ...setup, profiles: [{ issuer, allow }] });
  expect(report).toMatchObject({
    verdict: "works_with_profile",
    fault: null,
    profile: { issuer, allow: Object.keys(allow), known: true },
  });
  const [without] = await examine(setup);
  if (without.verdict !== "broken") expect(without.profile).toMatchObject({ allow: Object.keys(allow), known: false });
});

it("a row that only says how to get a client is no profile that is needed", async () => {
  const [report] = await examine({ profiles: allowing({ registrationHint: "ask them" }) });
  expect(report).toMatchObject({ verdict: "works", profile: null });
});

it.each(knownServers.map(({ issuer, allow }) => [String(issuer), issuer, allow] as const))(
  "the known server %s: works with its row",
  async (_name, pattern, allow) => {
    const issuer = EXAMPLES.find((example) =>
      typeof pattern === "string" ? example === pattern : pattern.test(example),
    );
    expect(issuer, "an example of the issuer").toBeDefined();
    const [report] = await examine({ options: { ...byHand("app"), issuer }, profiles: knownServers, clientId: "app" });
    const names = Object.keys(allow).filter((name) => name !== "registrationHint");
    expect(report.verdict).toBe(names.length > 0 ? "works_with_profile" : "works");
    expect(report.profile?.allow ?? []).toEqual(names);
  },
);

/** An issuer for each pattern of the known servers. */
const EXAMPLES = [
  "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0",
  "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
  "https://login.salesforce.com",
  "https://www.facebook.com",
  "https://cf.mcp.atlassian.com",
  "https://auth.atlassian.com",
  "https://accounts.google.com",
  "https://slack.com",
  "https://github.com/login/oauth",
  "https://api.figma.com",
  "https://mcp.clickup.com",
];

const BROKEN: readonly [string, string, Setup][] = [
  ["a server that is down", "mcp_server", { faults: [everywhere("resource", "503_retry_after")] }],
  ["a wrong URL", "mcp_server", { faults: [everywhere("resource", "404")] }],
  ["a server that cannot be reached", "network", { faults: [everywhere("resource", "network_error")] }],
  [
    "metadata of another server",
    "mcp_server",
    { options: { protectedResourceMetadata: { resource: "https://other.example.com/mcp" } } },
  ],
  [
    "metadata that names no authorization server",
    "mcp_server",
    { options: { protectedResourceMetadata: { authorization_servers: [] } } },
  ],
  [
    "metadata that names an authorization server by http",
    "mcp_server",
    { options: { protectedResourceMetadata: { authorization_servers: ["http://auth.example.com"] } } },
  ],
  ["metadata behind a login", "mcp_server", { faults: [everywhere("protectedResourceMetadata", "401")] }],
  ["metadata that cannot be read for now", "mcp_server", { faults: [everywhere("protectedResourceMetadata", "500")] }],
  [
    "metadata of another issuer",
    "authorization_server",
    { faults: [everywhere("authorizationServerMetadata", "wrong_issuer")] },
  ],
  ["no metadata of the authorization server", "authorization_server", { options: { metadataKind: "none" } }],
  [
    "an authorization server that is down",
    "authorization_server",
    { faults: [everywhere("authorizationServerMetadata", "500")] },
  ],
  [
    "a web page for metadata",
    "authorization_server",
    { faults: [everywhere("authorizationServerMetadata", "html_200")] },
  ],
  [
    "metadata behind a redirect to another host",
    "authorization_server",
    { faults: [everywhere("authorizationServerMetadata", "redirected")] },
  ],
  [
    "metadata that is too large",
    "authorization_server",
    { faults: [everywhere("authorizationServerMetadata", "oversized")] },
  ],
  ["no PKCE", "authorization_server", { options: { codeChallengeMethods: ["plain"] } }],
  ["a token endpoint by http", "authorization_server", { faults: [{ fault: "plain_http_token_endpoint" }] }],
  ["a registration that fails", "authorization_server", { faults: [everywhere("registration", "500")] }],
  [
    "a callback of another issuer",
    "authorization_server",
    { faults: [everywhere("authorization", "wrong_issuer")], login: "approve" },
  ],
  ["a callback without issuer", "authorization_server", { faults: [{ fault: "missing_iss" }], login: "approve" }],
  ["a callback without state", "authorization_server", { faults: [{ fault: "missing_state" }], login: "approve" }],
  ["a token endpoint that fails", "authorization_server", { faults: [everywhere("token", "500")], login: "approve" }],
  ["tokens without a type", "authorization_server", { faults: [{ fault: "token_type_missing" }], login: "approve" }],
  [
    "tokens that are form-encoded",
    "authorization_server",
    { faults: [{ fault: "form_encoded_tokens" }], login: "approve" },
  ],
  ["a server that takes no token", "mcp_server", { faults: [{ fault: "rejects_every_token" }], login: "approve" }],
  [
    "a refresh that is refused",
    "authorization_server",
    { faults: [everywhere("refresh", "invalid_grant")], login: "approve" },
  ],
  ["resource is refused", "authorization_server", { faults: [{ fault: "entra_resource" }], login: "approve" }],
  ["a user who refuses", "user", { login: "deny" }],
];
it.each(BROKEN)("%s: broken, by the %s", async (_name, fault, setup) => {
  const [report] = await examine(setup);
  expect(report).toMatchObject({ verdict: "broken", fault, profile: null });
  expect(report.summary).toBeTruthy();
  const wrong = report.sections.flatMap(({ checks }) => checks).filter(({ mark }) => mark === "error");
  expect(wrong.length).toBeGreaterThan(0);
  for (const { client } of wrong) expect(client).toBeTruthy();
});

it("says of each request that it makes what was asked and what came back", async () => {
  const [report] = await examine({ login: "approve" });
  const posts = report.sections.map(({ title, checks }) => [title, ...checks.flatMap(({ status = [] }) => status)]);
  expect(posts).toEqual([
    [expect.stringMatching(/^MCP server /), 401],
    ["Protected resource metadata", 200],
    ["Authorization server metadata", 200],
    ["Client registration", 201],
    ["Authorization request"],
    ["Login", 200],
    ["Use of the access token", 200],
    ["Refresh", 200],
    ["Use of the new access token", 200],
    ["Revocation", 200, 401],
  ]);
});

it.each<[string, FakeFault, number | undefined, string]>([
  ["a token endpoint that fails", everywhere("token", "500"), 500, "tokenResponse"],
  ["tokens without a type", { fault: "token_type_missing" }, 200, "tokenResponse"],
  ["resource is refused", { fault: "entra_resource" }, undefined, "spec-68"],
  ["a callback without issuer", { fault: "missing_iss" }, undefined, "spec-82"],
  ["a callback without state", { fault: "missing_state" }, undefined, "spec-81"],
])("%s: the login names what was asked, and the requirement", async (_name, fault, status, id) => {
  const [report] = await examine({ faults: [fault], login: "approve" });
  const checks = report.sections.find(({ title }) => title === "Login")?.checks ?? [];
  expect(checks).toHaveLength(1);
  expect(checks[0]).toMatchObject({ mark: "error", requirements: [{ id }, ...(id === "spec-68" ? [{}] : [])] });
  expect(checks[0]?.status).toBe(status);
  expect(checks[0]?.url).toBe(status === undefined ? undefined : "https://auth.example.com/token");
});

it("names a requirement with its link for whatever it judges", async () => {
  for (const [, , setup] of BROKEN) {
    const [report] = await examine(setup);
    for (const { requirements } of report.sections.flatMap(({ checks }) => checks)) {
      for (const { id, text, url } of requirements) {
        expect(id).toMatch(/^(spec-\d+|[a-z]+)$/i);
        expect(text).not.toBe("See the specification.");
        expect(new URL(url).protocol).toBe("https:");
      }
    }
  }
});

it("never tells a secret", async () => {
  const [report, server] = await examine({
    options: { tokenEndpointAuthMethods: ["client_secret_post"] },
    login: "approve",
  });
  const text = JSON.stringify(report);
  const sent = server.requests.flatMap(({ form, headers }) => [
    ...["code", "code_verifier", "refresh_token", "token", "client_secret"].map((name) => form.get(name)),
    headers["authorization"],
  ]);
  expect(report.verdict).toBe("works");
  expect(sent.filter(Boolean).length).toBeGreaterThan(4);
  expect(text).not.toMatch(/access_token-\d|refresh_token-\d|secret-\d|code-\d|verifier/);
});
