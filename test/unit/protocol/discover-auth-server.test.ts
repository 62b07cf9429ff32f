import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DiscoveryError, TransportError } from "../../../src/errors.js";
import { discoverAuthServer } from "../../../src/protocol/discover-auth-server.js";
import type { DiscoveryStep } from "../../../src/protocol/metadata-lookup.js";
import { requirementsOf } from "../../../src/protocol/requirements-of.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeFault } from "../../../src/testing.js";
import type { AuthChallenge, AuthorizationServerMetadata } from "../../../src/types.js";
import { failureOf } from "../../support/host.js";

const serverUrl = "https://mcp.example.com/public/mcp";
const origin = "https://mcp.example.com";
const pathUrl = "https://mcp.example.com/.well-known/oauth-protected-resource/public/mcp";
const rootUrl = "https://mcp.example.com/.well-known/oauth-protected-resource";
const originUrl = "https://mcp.example.com/.well-known/oauth-authorization-server";
const issuer = "https://auth.example.com";
const issuerUrl = "https://auth.example.com/.well-known/oauth-authorization-server";
const openidUrl = "https://auth.example.com/.well-known/openid-configuration";

/** Servers of 2025-03-26: their own authorization servers, and nothing says so. */
const LEGACY = { serverUrl, issuer: origin, resourceMetadata: "none" } as const;
const BARE = { ...LEGACY, metadataKind: "none" } as const;

type Fault = FakeFault["fault"];

/** Makes a server answer otherwise at one URL, for good. */
function answerAt({ faults }: FakeAuthServer, url: string, fault: Fault): void {
  const endpoint = url.includes("oauth-protected-resource")
    ? "protectedResourceMetadata"
    : url.includes("/.well-known/")
      ? "authorizationServerMetadata"
      : "unknown";
  faults.add({ endpoint, fault, times: Infinity, when: (request) => request.url === url } as FakeFault);
}

const requested = ({ requests }: FakeAuthServer): string[] => requests.map(({ url }) => url);

/** What a server publishes. */
const published = async (fake: FakeAuthServer, url: string) =>
  (await (await fake.fetch(url)).json()) as AuthorizationServerMetadata;

const resource = (members: object = {}): object => ({
  resource: serverUrl,
  authorization_servers: [issuer],
  ...members,
});
const metadata = (of = issuer): AuthorizationServerMetadata => ({ issuer: of, token_endpoint: `${issuer}/token` });
const challenge = (resourceMetadataUrl: string): AuthChallenge => ({ scheme: "bearer", resourceMetadataUrl });

async function refusalOf(promise: Promise<unknown>): Promise<DiscoveryError> {
  const error = await failureOf(promise);
  if (!(error instanceof DiscoveryError)) throw new Error(`no DiscoveryError: ${String(error)}`);
  return error;
}

describe("the protected resource metadata", () => {
  it("is found at the path, and then the root is not asked [spec-11, spec-13, spec-14]", async () => {
    const fake = createFakeAuthServer({ serverUrl, scopes: ["a"] });
    const inits: (RequestInit | undefined)[] = [];
    const server = await discoverAuthServer(serverUrl, {
      fetch: (url, init) => {
        inits.push(init);
        return fake.fetch(url, init);
      },
    });
    expect(requested(fake)).toEqual([pathUrl, issuerUrl]);
    for (const { method, headers } of fake.requests) {
      expect({ method, headers }).toEqual({ method: "GET", headers: { accept: "application/json" } });
    }
    expect(inits).toMatchObject([{ credentials: "omit" }, { credentials: "omit" }]);
    expect(server).toEqual({
      serverUrl,
      resource: serverUrl,
      issuer,
      authorizationServer: await published(fake, issuerUrl),
      protectedResource: resource({ scopes_supported: ["a"], bearer_methods_supported: ["header"] }),
      resourceMetadataUrl: pathUrl,
      source: "protected_resource",
    });
  });

  it("is found at the root when the path has none; the origin as resource covers the server [spec-14, spec-17]", async () => {
    const fake = createFakeAuthServer({ serverUrl, resourceMetadata: "root" });
    expect(await discoverAuthServer(new URL(serverUrl), { fetch: fake.fetch })).toMatchObject({
      serverUrl,
      resource: origin,
      resourceMetadataUrl: rootUrl,
    });
    expect(requested(fake)).toEqual([pathUrl, rootUrl, issuerUrl]);
  });

  it("is asked where the challenge says, and nowhere else [spec-12, spec-13]", async () => {
    const named = "https://metadata.example.net/custom/location.json?v=1";
    const fake = createFakeAuthServer({ serverUrl, resourceMetadataUrl: named });
    const server = await discoverAuthServer(serverUrl, { fetch: fake.fetch, challenge: challenge(named) });
    expect(server.resourceMetadataUrl).toBe(named);
    expect(requested(fake)).toEqual([named, issuerUrl]);
  });

  it.each([404, 405, 410, 400, 418])(
    "is asked at the well-known URLs when the one of the challenge answers %d",
    async (status) => {
      const named = "https://mcp.example.com/custom";
      const fake = createFakeAuthServer({ serverUrl });
      answerAt(fake, named, { status, body: "no" });
      await discoverAuthServer(serverUrl, { fetch: fake.fetch, challenge: challenge(named) });
      expect(requested(fake)).toEqual([named, pathUrl, issuerUrl]);
    },
  );

  it("is asked once where the challenge names a well-known URL, and a name that is no URL is passed over", async () => {
    const first = createFakeAuthServer({ serverUrl, resourceMetadata: "root" });
    await discoverAuthServer(serverUrl, { fetch: first.fetch, challenge: challenge(pathUrl) });
    expect(requested(first)).toEqual([pathUrl, rootUrl, issuerUrl]);
    const second = createFakeAuthServer({ serverUrl });
    await discoverAuthServer(serverUrl, { fetch: second.fetch, challenge: challenge("/metadata") });
    expect(requested(second)).toEqual([pathUrl, issuerUrl]);
  });

  it("needs status 200 and a JSON object; other answers mean that there is none [spec-16]", async () => {
    const named = "https://mcp.example.com/custom";
    const fake = createFakeAuthServer({ serverUrl, resourceMetadata: "root" });
    answerAt(fake, named, { status: 201, body: resource() });
    answerAt(fake, pathUrl, "html_200");
    answerAt(fake, rootUrl, { members: { "x-unknown": 1 } });
    const server = await discoverAuthServer(serverUrl, { fetch: fake.fetch, challenge: challenge(named) });
    expect(server.resourceMetadataUrl).toBe(rootUrl);
    expect(requested(fake)).toEqual([named, pathUrl, rootUrl, issuerUrl]);
  });

  it.each([
    "https://mcp.example.com/public/mcp-other",
    "https://mcp.example.com/private",
    "https://other.example.com/public/mcp",
    "http://mcp.example.com/public/mcp",
    "https://mcp.example.com/public/mcp#x",
    "mcp",
  ])("about the resource %j is not used, and nobody is asked about it [spec-17]", async (other) => {
    const fake = createFakeAuthServer({ serverUrl, protectedResourceMetadata: { resource: other } });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.code).toBe("resource_mismatch");
    expect(error.message).toBe(
      `the protected resource metadata at ${pathUrl} is not usable: "resource" is ${JSON.stringify(other)}, which does not cover ${serverUrl}; the operator of the MCP server has to correct this`,
    );
    expect(requested(fake)).toEqual([pathUrl, rootUrl]);
    expect(error.attempts.map(({ url, status }) => [url, status])).toEqual([
      [pathUrl, 200],
      [rootUrl, 404],
    ]);
  });

  it("that cannot be used gives way to the next that can", async () => {
    const fake = createFakeAuthServer({ serverUrl, resourceMetadata: "root" });
    answerAt(fake, pathUrl, { body: resource({ resource: "https://other.example.com" }) });
    const server = await discoverAuthServer(serverUrl, { fetch: fake.fetch });
    expect(server.resourceMetadataUrl).toBe(rootUrl);
  });

  it.each([
    [{ authorization_servers: undefined }, '"authorization_servers" must list an issuer'],
    [{ authorization_servers: null }, '"authorization_servers" must list an issuer'],
    [{ authorization_servers: [] }, '"authorization_servers" must list an issuer'],
    [{ authorization_servers: issuer }, '"authorization_servers" must be a list of strings'],
    [{ resource: 1 }, '"resource" must be a string'],
  ])("with %j is invalid, and does not lead to the fallback [spec-15, spec-18]", async (members, problem) => {
    const fake = createFakeAuthServer({ serverUrl });
    answerAt(fake, pathUrl, { members });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.code).toBe("metadata_invalid");
    expect(error.message).toContain(`at ${pathUrl} is not usable: ${problem}; the operator of the MCP server`);
    expect(requested(fake)).toEqual([pathUrl, rootUrl]);
  });

  it("is read again by every call [spec-21]", async () => {
    const fake = createFakeAuthServer({ serverUrl });
    expect((await discoverAuthServer(serverUrl, { fetch: fake.fetch })).issuer).toBe(issuer);
    fake.moveTo(createFakeAuthServer({ serverUrl, issuer: "https://new.example.com" }));
    expect((await discoverAuthServer(serverUrl, { fetch: fake.fetch })).issuer).toBe("https://new.example.com");
  });
});

describe("the authorization server metadata", () => {
  it("of an issuer with a path is asked at three URLs, never at the root [spec-25, spec-26, spec-27, fact-10, pain-26]", async () => {
    const tenant = `${issuer}/tenant1`;
    const fake = createFakeAuthServer({ serverUrl, issuer: tenant, metadataKind: "openid" });
    expect((await discoverAuthServer(serverUrl, { fetch: fake.fetch })).issuer).toBe(tenant);
    expect(requested(fake).slice(1)).toEqual([
      `${issuer}/.well-known/oauth-authorization-server/tenant1`,
      `${issuer}/.well-known/openid-configuration/tenant1`,
      `${issuer}/tenant1/.well-known/openid-configuration`,
    ]);
  });

  it("of an issuer without a path is asked at two [spec-25, spec-28]", async () => {
    const fake = createFakeAuthServer({ serverUrl, metadataKind: "openid" });
    const { authorizationServer } = await discoverAuthServer(serverUrl, { fetch: fake.fetch });
    expect(requested(fake)).toEqual([pathUrl, issuerUrl, openidUrl]);
    expect(authorizationServer).toEqual(await published(fake, openidUrl));
  });

  it("is kept whole, without null members [spec-32, fact-04]", async () => {
    const authorizationServerMetadata = { registration_endpoint: null, "x-unknown": { a: [null] } };
    const fake = createFakeAuthServer({ serverUrl, scopes: ["a"], authorizationServerMetadata });
    const server = await discoverAuthServer(serverUrl, { fetch: fake.fetch });
    const { registration_endpoint, ...rest } = await published(fake, issuerUrl);
    expect(registration_endpoint).toBeNull();
    expect(rest).toMatchObject({ "x-unknown": { a: [null] }, scopes_supported: ["a"] });
    expect(server.authorizationServer).toEqual(rest);
  });

  it.each([["https://attacker.example"], [`${issuer}:443`], ["https://AUTH.example.com"], [`${issuer}//`]])(
    "of the issuer %j is not used [spec-29, fact-07]",
    async (other) => {
      const fake = createFakeAuthServer({ serverUrl, authorizationServerMetadata: { issuer: other } });
      const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
      expect(error.code).toBe("metadata_issuer_mismatch");
      expect(error.message).toBe(
        `the authorization server metadata at ${issuerUrl} is not usable: "issuer" is ${JSON.stringify(other)}, expected "${issuer}"; a server profile may allow it (issuerAliases); the operator of the authorization server has to correct this`,
      );
      expect(error.attempts.map(({ url }) => url)).toEqual([issuerUrl, openidUrl]);
    },
  );

  it("of another issuer gives way to the next document of the right one [spec-29]", async () => {
    const fake = createFakeAuthServer({ serverUrl, metadataKind: "openid" });
    const attacker = "https://attacker.example";
    answerAt(fake, issuerUrl, { body: { ...metadata(attacker), token_endpoint: `${attacker}/token` } });
    const server = await discoverAuthServer(serverUrl, { fetch: fake.fetch });
    expect(server.authorizationServer.token_endpoint).toBe(`${issuer}/token`);
  });

  it.each([
    [`${issuer}/`, issuer],
    [issuer, `${issuer}/`],
  ])(
    "may add or drop the slash of an empty path (%s, %s); what it says is recorded [spec-29]",
    async (listed, said) => {
      const fake = createFakeAuthServer({
        serverUrl,
        protectedResourceMetadata: { authorization_servers: [listed] },
        authorizationServerMetadata: { issuer: said },
      });
      expect((await discoverAuthServer(serverUrl, { fetch: fake.fetch })).issuer).toBe(said);
    },
  );

  it("must not drop the slash of a path [spec-29]", async () => {
    const protectedResourceMetadata = { authorization_servers: [`${issuer}/t/`] };
    const fake = createFakeAuthServer({ serverUrl, issuer: `${issuer}/t`, protectedResourceMetadata });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.code).toBe("metadata_issuer_mismatch");
  });

  it.each([
    ["authorization_endpoint", "javascript:alert(1)", "must be https"],
    ["authorization_endpoint", "http://auth.example.com/authorize", "must be https"],
    ["authorization_endpoint", "https://me:pw@auth.example.com/", "must not contain a user name"],
    ["token_endpoint", "/token", "must be an absolute URL"],
    ["token_endpoint", "http://127.0.0.1/token", "must be https"],
  ])("whose %s is %j is invalid [spec-31, spec-124]", async (member, value, problem) => {
    const fake = createFakeAuthServer({ serverUrl, authorizationServerMetadata: { [member]: value } });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.code).toBe("metadata_invalid");
    expect(error.message).toContain(`"${member}" is ${JSON.stringify(value)}, but ${problem}`);
    expect(error.message).toContain("the operator of the authorization server has to correct this");
  });

  it("without an authorization endpoint is fine; without a token endpoint it is not", async () => {
    const loginless = createFakeAuthServer({
      serverUrl,
      authorizationServerMetadata: { authorization_endpoint: undefined },
    });
    const server = await discoverAuthServer(serverUrl, { fetch: loginless.fetch });
    expect(server.authorizationServer).not.toHaveProperty("authorization_endpoint");
    const fake = createFakeAuthServer({ serverUrl, authorizationServerMetadata: { token_endpoint: null } });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.message).toContain('"token_endpoint" must be a string');
  });

  it("that lists its resources must list this one", async () => {
    const listing = (...listed: string[]) =>
      createFakeAuthServer({ serverUrl, authorizationServerMetadata: { protected_resources: listed } });
    const { fetch } = listing("https://x.example", serverUrl);
    expect((await discoverAuthServer(serverUrl, { fetch })).issuer).toBe(issuer);
    const others = listing("https://x.example");
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: others.fetch }));
    expect(error.code).toBe("resource_mismatch");
    expect(error.message).toContain(`"protected_resources" does not list "${serverUrl}"`);
  });

  it("that is nowhere is an error, and never the fallback", async () => {
    const fake = createFakeAuthServer({ serverUrl, metadataKind: "none" });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.code).toBe("discovery_failed");
    expect(error.message).toBe(
      `the authorization server "${issuer}" publishes no metadata; its operator has to (RFC 8414)`,
    );
    expect(error.attempts).toEqual([
      { url: issuerUrl, status: 404, reason: "answered 404" },
      { url: openidUrl, status: 404, reason: "answered 404" },
    ]);
    expect(requested(fake)).toEqual([pathUrl, issuerUrl, openidUrl]);
  });

  it("is judged on loopback when the MCP server is there [fact-09, spec-118]", async () => {
    const fake = createFakeAuthServer({
      serverUrl: "http://localhost:3000",
      issuer: "http://localhost:4000",
      authorizationServerMetadata: { token_endpoint: "http://127.0.0.1:4000/token" },
    });
    const server = await discoverAuthServer("http://localhost:3000/", { fetch: fake.fetch });
    expect(server.issuer).toBe("http://localhost:4000");
  });
});

describe("several authorization servers", () => {
  const second = "https://second.example.com";

  /** Two of one MCP server; the first answers for both. */
  function createBoth(options: { readonly metadataKind?: "none" } = {}) {
    const others = createFakeAuthServer({
      serverUrl,
      issuer: second,
      protectedResourceMetadata: { authorization_servers: [issuer, second] },
    });
    const fake = createFakeAuthServer({ serverUrl, ...options });
    fake.moveTo(others);
    const asked = () => [
      others.counts.protectedResourceMetadata,
      fake.counts.authorizationServerMetadata,
      others.counts.authorizationServerMetadata,
    ];
    return { fake, others, asked, fetch: fake.fetch };
  }

  it("are tried in order; the first that can be used is taken [spec-18]", async () => {
    const { asked, fetch } = createBoth();
    expect((await discoverAuthServer(serverUrl, { fetch })).issuer).toBe(issuer);
    expect(asked()).toEqual([1, 1, 0]);
  });

  it.each<[string, Fault]>([
    ["has no metadata", "404"],
    ["claims to be another", "wrong_issuer"],
    ["needs a login for its metadata", "401"],
    ["redirects away", "redirected"],
  ])("are passed over when the first %s [spec-18]", async (_, fault) => {
    const { fake, others, fetch } = createBoth();
    answerAt(fake, issuerUrl, fault);
    const server = await discoverAuthServer(serverUrl, { fetch });
    expect(server.issuer).toBe(second);
    const url = `${second}/.well-known/oauth-authorization-server`;
    expect(server.authorizationServer).toEqual(await published(others, url));
  });

  it("are not passed over for an outage [spec-18]", async () => {
    const { fake, asked, fetch } = createBoth();
    answerAt(fake, issuerUrl, "503_retry_after");
    answerAt(fake, openidUrl, "401");
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch }));
    expect(error).toMatchObject({ code: "discovery_failed", cause: { code: "server_error", status: 503 } });
    expect(asked()).toEqual([1, 2, 0]);
  });

  it("fail with what was wrong with the first when none can be used", async () => {
    const { fake, others, fetch } = createBoth();
    answerAt(fake, issuerUrl, "wrong_issuer");
    others.faults.add({ endpoint: "authorizationServerMetadata", fault: { body: {} } });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch }));
    expect(error.code).toBe("metadata_issuer_mismatch");
    expect(error.attempts).toHaveLength(4);
  });

  it("are chosen from by the host, which sees them verbatim [spec-18]", async () => {
    const { others, asked, fetch } = createBoth();
    const seen: unknown[] = [];
    const server = await discoverAuthServer(serverUrl, {
      fetch,
      selectIssuer: async (...given) => {
        seen.push(given);
        return second;
      },
    });
    expect(server.issuer).toBe(second);
    expect(asked()).toEqual([1, 0, 1]);
    expect(seen).toEqual([[[issuer, second], await published(others, pathUrl)]]);
  });

  it("must include the host's choice, and no other is tried", async () => {
    const { asked, fetch } = createBoth({ metadataKind: "none" });
    const chosen = (choice: string) => discoverAuthServer(serverUrl, { fetch, selectIssuer: () => choice });
    await expect(chosen("https://mine.example.com")).rejects.toThrow(TypeError);
    await expect(chosen(`${issuer}/`)).rejects.toThrow(/^selectIssuer must return one of the issuers/);
    expect(asked()).toEqual([2, 0, 0]);
    const error = await refusalOf(chosen(issuer));
    expect(error.message).toContain(`"${issuer}" publishes no metadata`);
    expect(asked()).toEqual([3, 2, 0]);
  });

  it.each([
    "https://a.example/?x=1",
    "https://a.example#x",
    "https://a.example/?",
    "https://me@a.example",
    "javascript:alert(1)",
    "a.example",
    "https://[x",
  ])("that are no issuers are refused without a request: %j [spec-124]", async (listed) => {
    const fake = createFakeAuthServer({ serverUrl, protectedResourceMetadata: { authorization_servers: [listed] } });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.code).toBe("metadata_invalid");
    expect(error.message).toContain(`${JSON.stringify(listed)} that the MCP server lists is not an https URL`);
    expect(requested(fake)).toEqual([pathUrl]);
  });

  it.each(["http://auth.example.com", "http://127.0.0.1:9200"])(
    "that are not https are refused without a request: %s [spec-22, spec-118]",
    async (listed) => {
      const fake = createFakeAuthServer({ serverUrl, issuer: listed });
      await expect(discoverAuthServer(serverUrl, { fetch: fake.fetch })).rejects.toMatchObject({
        code: "insecure_url",
        url: `${listed}/.well-known/oauth-authorization-server`,
      });
      expect(requested(fake)).toEqual([pathUrl]);
    },
  );
});

describe("many issuers", () => {
  it("are not a list of hosts to be asked for the MCP server: ten are tried [spec-117]", async () => {
    const listed = Array.from({ length: 500 }, (_, index) => `https://as${index}.example.com`);
    const fake = createFakeAuthServer({ serverUrl });
    answerAt(fake, pathUrl, { body: resource({ authorization_servers: [...listed, issuer] }) });
    await expect(discoverAuthServer(serverUrl, { fetch: fake.fetch })).rejects.toMatchObject({
      code: "discovery_failed",
    });
    expect(new Set(requested(fake).map((url) => new URL(url).host)).size).toBe(11);
    const chosen = await discoverAuthServer(serverUrl, { fetch: fake.fetch, selectIssuer: () => issuer });
    expect(chosen.issuer).toBe(issuer);
  });
});

describe("metadata that the host knows", () => {
  it("spares the request [spec-32]", async () => {
    const fake = createFakeAuthServer({ serverUrl, faults: [{ fault: "issuer_root_slash" }] });
    const asked: string[] = [];
    const server = await discoverAuthServer(serverUrl, {
      fetch: fake.fetch,
      knownAuthorizationServer: async (listed) => {
        asked.push(listed);
        return metadata();
      },
    });
    expect(server).toMatchObject({ issuer, authorizationServer: metadata() });
    expect(asked).toEqual([`${issuer}/`]);
    expect(requested(fake)).toEqual([pathUrl]);
  });

  it("is asked for at the issuer when the host has none, or one of another issuer [spec-29]", async () => {
    for (const known of [undefined, metadata("https://other.example.com")]) {
      const fake = createFakeAuthServer({ serverUrl });
      await discoverAuthServer(serverUrl, { fetch: fake.fetch, knownAuthorizationServer: () => known });
      expect(requested(fake)).toEqual([pathUrl, issuerUrl]);
    }
  });
});

describe("the fallback for servers of 2025-03-26", () => {
  it("takes metadata of the origin when there is no protected resource metadata [spec-15]", async () => {
    const authorizationServerMetadata = { token_endpoint: "https://mcp.example.com/oauth/token" };
    const fake = createFakeAuthServer({ ...LEGACY, authorizationServerMetadata });
    const server = await discoverAuthServer(serverUrl, { fetch: fake.fetch });
    expect(requested(fake)).toEqual([pathUrl, rootUrl, originUrl]);
    const own = await published(fake, originUrl);
    expect(own.token_endpoint).toBe(authorizationServerMetadata.token_endpoint);
    expect(server).toEqual({
      serverUrl,
      resource: serverUrl,
      issuer: origin,
      authorizationServer: own,
      source: "origin_metadata",
    });
  });

  it("records the issuer as the origin's metadata spells it [spec-29]", async () => {
    const fake = createFakeAuthServer({ ...LEGACY, authorizationServerMetadata: { issuer: `${origin}/` } });
    const server = await discoverAuthServer(serverUrl, { fetch: fake.fetch });
    expect(server).toMatchObject({ issuer: "https://mcp.example.com/", source: "origin_metadata" });
  });

  it("assumes the default endpoints when the origin has none either [spec-15]", async () => {
    const fake = createFakeAuthServer({ ...BARE, serverUrl: origin });
    expect(await discoverAuthServer("https://mcp.example.com/", { fetch: fake.fetch })).toEqual({
      serverUrl: "https://mcp.example.com/",
      resource: "https://mcp.example.com",
      issuer: "https://mcp.example.com",
      authorizationServer: {
        issuer: "https://mcp.example.com",
        authorization_endpoint: "https://mcp.example.com/authorize",
        token_endpoint: "https://mcp.example.com/token",
        registration_endpoint: "https://mcp.example.com/register",
      },
      source: "origin_defaults",
    });
    expect(requested(fake)).toEqual([rootUrl, originUrl]);
  });

  it("can be forbidden; the error then says what the server lacks [spec-15]", async () => {
    const { fetch, ...fake } = createFakeAuthServer(BARE);
    const error = await refusalOf(discoverAuthServer(`${serverUrl}?key=hunter2`, { fetch, legacyFallback: false }));
    expect(error.code).toBe("discovery_failed");
    expect(error.message).toBe(
      `the MCP server ${serverUrl} publishes no protected resource metadata; its operator has to (RFC 9728)`,
    );
    expect(error.attempts).toEqual([
      { url: pathUrl, status: 404, reason: "answered 404" },
      { url: rootUrl, status: 404, reason: "answered 404" },
    ]);
    expect(fake.counts.authorizationServerMetadata).toBe(0);
  });

  it.each<[string, Fault]>([
    ["500", "500"],
    ["503", { status: 503, body: "no" }],
    ["408", { status: 408, body: "no" }],
    ["429", "429"],
    ["401", "401"],
    ["403", "403"],
    ["a lost connection", "network_error"],
    ["a redirect to another origin", "redirected"],
    ["a document that cannot be used", { body: {} }],
  ])("is not entered after %s at one of the URLs [spec-15]", async (_, fault) => {
    for (const url of [pathUrl, rootUrl]) {
      const fake = createFakeAuthServer(LEGACY);
      answerAt(fake, url, fault);
      const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
      expect(error.attempts).toHaveLength(2);
      expect(requested(fake)).toEqual([pathUrl, rootUrl]);
    }
  });

  it.each<[Fault, string]>([
    [{ members: { issuer } }, "metadata_issuer_mismatch"],
    ["502", "discovery_failed"],
    ["403", "discovery_failed"],
  ])(
    "is not completed with defaults when the metadata of the origin is there but unusable, or out of order: %j",
    async (fault, code) => {
      const fake = createFakeAuthServer(LEGACY);
      answerAt(fake, originUrl, fault);
      expect((await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }))).code).toBe(code);
    },
  );
});

describe("trouble", () => {
  it.each(["mcp.example.com", "ftp://mcp.example.com/", "https://me:hunter2@mcp.example.com/"])(
    "with the URL %j is the caller's, and nothing is requested [spec-2]",
    async (url) => {
      const fake = createFakeAuthServer();
      const failed = discoverAuthServer(url, { fetch: fake.fetch });
      await expect(failed).rejects.toThrow(TypeError);
      await expect(failed).rejects.toThrow(/^serverUrl must/);
      await expect(failed).rejects.not.toThrow(/hunter2/);
      expect(requested(fake)).toEqual([]);
    },
  );

  it("of a server that is down names it, and advises to try again", async () => {
    const cause = new TypeError("fetch failed");
    const fake = createFakeAuthServer({ serverUrl });
    for (const url of [pathUrl, rootUrl]) answerAt(fake, url, () => Promise.reject(cause));
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.code).toBe("discovery_failed");
    expect(error.message).toBe(
      `the protected resource metadata at ${pathUrl} could not be reached (network, proxy, certificate or CORS); try again later`,
    );
    expect(error.cause).toMatchObject({ code: "network_error", cause });
    expect(error.attempts.map(({ url, status }) => [url, status])).toEqual([
      [pathUrl, undefined],
      [rootUrl, undefined],
    ]);
  });

  it("of a server that answers 503 says until when it does not want to be asked", async () => {
    const fake = createFakeAuthServer({ serverUrl });
    const headers = { "retry-after": "Wed, 01 Jan 2031 00:00:00 GMT" };
    answerAt(fake, pathUrl, { status: 503, headers, body: "busy" });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.message).toBe(`${pathUrl} gave no usable answer (status 503); try again later`);
    expect(error.cause).toBeInstanceOf(TransportError);
    expect(error.cause).toMatchObject({ code: "server_error", url: pathUrl, status: 503, retryAt: Date.UTC(2031, 0) });
  });

  it("at one URL is forgotten when the next has the document", async () => {
    const fake = createFakeAuthServer({ serverUrl, resourceMetadata: "root", metadataKind: "openid" });
    for (const url of [pathUrl, issuerUrl]) answerAt(fake, url, "500");
    expect((await discoverAuthServer(serverUrl, { fetch: fake.fetch })).issuer).toBe(issuer);
  });

  it("of metadata behind a login is the operator's", async () => {
    const fake = createFakeAuthServer({ serverUrl });
    answerAt(fake, pathUrl, "401");
    answerAt(fake, rootUrl, "403");
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error.message).toBe(
      `the protected resource metadata at ${pathUrl} answered 401, but must be readable without a token; the operator of the MCP server has to correct this`,
    );
    expect(error.cause).toBeUndefined();
  });

  it("of a server that answers HTML everywhere is told with every URL that was tried [pain-25]", async () => {
    const fake = createFakeAuthServer({
      serverUrl,
      faults: [{ endpoint: "protectedResourceMetadata", fault: "html_200", times: Infinity }],
    });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch, legacyFallback: false }));
    expect(error.attempts).toEqual([
      { url: pathUrl, status: 200, reason: "answered 200 without a JSON object" },
      { url: rootUrl, status: 200, reason: "answered 200 without a JSON object" },
    ]);
  });

  it("of a site that answers every URL with a page is a discovery that found nothing, and no server of 2025-03-26", async () => {
    const fake = createFakeAuthServer(BARE);
    fake.faults.add({ endpoint: "protectedResourceMetadata", fault: "html_200", times: Infinity });
    fake.faults.add({ endpoint: "authorizationServerMetadata", fault: "html_200" });
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error).toMatchObject({ code: "discovery_failed", attempts: { length: 3 } });
    // one that knows what it does not have is still one
    const server = await discoverAuthServer(serverUrl, { fetch: fake.fetch });
    expect(server.source).toBe("origin_defaults");
  });

  it("of a slash too many at the end of the URL is none: the metadata of the path without it are asked, too", async () => {
    const fake = createFakeAuthServer({ serverUrl });
    const server = await discoverAuthServer(`${serverUrl}/`, { fetch: fake.fetch });
    expect(server.resource).toBe(serverUrl);
    expect(requested(fake)).toEqual([`${pathUrl}/`, pathUrl, issuerUrl]);
  });

  it("of metadata without end is the operator's, and is cut off", async () => {
    let sent = 0;
    const endless = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            sent += 65_536;
            controller.enqueue(new Uint8Array(65_536).fill(0x20));
            if (sent > 10_000_000) controller.close();
          },
        }),
      );
    const fake = createFakeAuthServer({ serverUrl });
    answerAt(fake, pathUrl, endless);
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error).toMatchObject({ code: "discovery_failed", cause: { code: "response_too_large" } });
    expect(error.message).toContain(`at ${pathUrl} answered with more than 256 KiB; its operator has to correct this`);
    expect(sent).toBeLessThan(1_000_000);
  });

  it("of a redirect across origins is the operator's, and the other origin is not asked [spec-120]", async () => {
    const fake = createFakeAuthServer({ serverUrl });
    answerAt(fake, pathUrl, "redirected");
    const error = await refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch }));
    expect(error).toMatchObject({ code: "discovery_failed", cause: { code: "redirect_refused", url: pathUrl } });
    expect(error.message).toContain("redirects to another origin, which is not followed; its operator");
    expect(requested(fake)).toEqual([pathUrl, rootUrl]);
  });

  it("never shows the query of the server's URL, and quotes what servers say [spec-124, pain-40]", async () => {
    const fake = createFakeAuthServer({
      serverUrl: `${serverUrl}?key=hunter2`,
      protectedResourceMetadata: { resource: `https://x.example/\u001b[31m${"x".repeat(500)}` },
    });
    const error = await refusalOf(discoverAuthServer(fake.serverUrl, { fetch: fake.fetch }));
    expect(error.code).toBe("resource_mismatch");
    expect(JSON.stringify([error, error.attempts, error.message])).not.toContain("hunter2");
    expect(error.message).toContain(String.raw`https://x.example/\u001b[31mxxx`);
    expect(error.message.length).toBeLessThan(600);
  });
});

describe("the host", () => {
  it("carries every request with its own fetch and judges every URL and hop [pain-38, spec-23, spec-117, spec-120]", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new Error("the global fetch was used")));
    const judged: string[] = [];
    const fake = createFakeAuthServer({ serverUrl });
    answerAt(fake, pathUrl, { status: 302, headers: { location: "/moved" }, body: "" });
    answerAt(fake, "https://mcp.example.com/moved", { body: resource() });
    await discoverAuthServer(serverUrl, {
      fetch: fake.fetch,
      allowUrl: (url, context) => {
        expect(context.serverUrl.href).toBe(serverUrl);
        judged.push(`${context.purpose} ${url.href}`);
        return true;
      },
    });
    expect(requested(fake)).toEqual([pathUrl, "https://mcp.example.com/moved", issuerUrl]);
    expect(judged).toEqual([
      `protected_resource_metadata ${pathUrl}`,
      "protected_resource_metadata https://mcp.example.com/moved",
      `authorization_server_metadata ${issuerUrl}`,
    ]);
  });

  it.each([
    ["http://127.0.0.1:8080/latest/meta-data", {}],
    ["https://internal.example.com/", { allowUrl: (url: URL) => url.hostname !== "internal.example.com" }],
  ])("is protected from a challenge that names %s [spec-23, spec-117]", async (named, options) => {
    const { fetch, ...fake } = createFakeAuthServer(BARE);
    const failed = discoverAuthServer(serverUrl, { fetch, challenge: challenge(named), ...options });
    await expect(failed).rejects.toMatchObject({ code: "insecure_url", url: named });
    expect(fake.requests.map(({ url }) => url)).toEqual([pathUrl, rootUrl]);
  });

  it("cannot ask a server on plain http [spec-22, spec-118]", async () => {
    const fake = createFakeAuthServer({ serverUrl: "http://mcp.example.com/mcp" });
    const failed = discoverAuthServer(fake.serverUrl, { fetch: fake.fetch });
    await expect(failed).rejects.toMatchObject({ name: "TransportError", code: "insecure_url" });
    expect(requested(fake)).toEqual([]);
  });

  it("gets no tokens that would go to a server on plain http, even when metadata on https say where from [spec-22, spec-31]", async () => {
    const plain = "http://mcp.example.com/public/mcp";
    const fake = createFakeAuthServer({ serverUrl });
    answerAt(fake, pathUrl, { body: resource({ resource: plain }) });
    const failed = discoverAuthServer(plain, { fetch: fake.fetch, challenge: challenge(pathUrl) });
    await expect(failed).rejects.toMatchObject({ code: "metadata_invalid" });
    await expect(failed).rejects.toThrow(/"resource" must be https/);
  });

  it("gets its own errors and its own abort reason back as they are [pain-39]", async () => {
    const { fetch, faults } = createFakeAuthServer({ serverUrl });
    const own = new Error("mine");
    const broken = (): never => {
      throw own;
    };
    await expect(discoverAuthServer(serverUrl, { fetch, allowUrl: broken })).rejects.toBe(own);
    await expect(discoverAuthServer(serverUrl, { fetch, selectIssuer: broken })).rejects.toBe(own);
    await expect(discoverAuthServer(serverUrl, { fetch, knownAuthorizationServer: broken })).rejects.toBe(own);
    const controller = new AbortController();
    const reason = new TransportError("server_error", "mine", { url: serverUrl });
    faults.add({
      endpoint: "protectedResourceMetadata",
      fault: () => {
        controller.abort(reason);
        return new Promise(() => undefined);
      },
    });
    await expect(discoverAuthServer(serverUrl, { fetch, signal: controller.signal })).rejects.toBe(reason);
  });
});

describe("a tool that explains a server", () => {
  /** What it heard, a line for each step. */
  const explain = async ({ fetch }: FakeAuthServer): Promise<string[]> => {
    const heard: DiscoveryStep[] = [];
    const work = discoverAuthServer(serverUrl, { fetch, onStep: (step) => heard.push(step) });
    await work.catch(() => undefined);
    return heard.map(
      (step) =>
        `${step.purpose === "protected_resource_metadata" ? "resource" : "issuer"} ${step.url} ${step.status}: ` +
        `${step.outcome} [${requirementsOf(step).join()}]`,
    );
  };

  it("hears of every URL in order, also of the one that is used", async () => {
    const fake = createFakeAuthServer({ serverUrl, resourceMetadata: "root", metadataKind: "openid" });
    expect(await explain(fake)).toEqual([
      `resource ${pathUrl} 404: absent [13,14,16]`,
      `resource ${rootUrl} 200: used [13,14,16]`,
      `issuer ${issuerUrl} 404: absent [25,27,28]`,
      `issuer ${openidUrl} 200: used [25,27,28]`,
    ]);
  });

  it("hears which requirement a document breaks, and what could not be asked", async () => {
    const fake = createFakeAuthServer({ serverUrl, resourceMetadata: "root" });
    answerAt(fake, pathUrl, { body: resource({ resource: "https://other.example.com" }) });
    answerAt(fake, issuerUrl, "wrong_issuer");
    answerAt(fake, openidUrl, "network_error");
    expect(await explain(fake)).toEqual([
      `resource ${pathUrl} 200: unusable [17]`,
      `resource ${rootUrl} 200: used [13,14,16]`,
      `issuer ${issuerUrl} 200: unusable [29]`,
      `issuer ${openidUrl} undefined: failed [25,27,28]`,
    ]);
  });

  it("hears the reason as the error would give it, never a query, and ends the discovery when it throws", async () => {
    const heard: DiscoveryStep[] = [];
    const onStep = (step: DiscoveryStep): never => {
      heard.push(step);
      throw new Error("enough");
    };
    const { fetch } = createFakeAuthServer(BARE);
    const named = challenge("https://mcp.example.com/metadata?secret=1");
    await expect(discoverAuthServer(serverUrl, { fetch, challenge: named, onStep })).rejects.toThrow("enough");
    expect(heard).toEqual([
      {
        url: "https://mcp.example.com/metadata",
        status: 404,
        reason: "answered 404",
        purpose: "protected_resource_metadata",
        outcome: "absent",
        code: undefined,
      },
    ]);
  });
});

describe("time", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("ends a discovery at a server that hangs, within the timeout of each URL [pain-39]", async () => {
    const fake = createFakeAuthServer({ serverUrl });
    const fault = (): Promise<Response> => new Promise(() => undefined);
    fake.faults.add({ endpoint: "protectedResourceMetadata", fault, times: Infinity });
    const failed = refusalOf(discoverAuthServer(serverUrl, { fetch: fake.fetch, timeoutMs: 1_000 }));
    await vi.advanceTimersByTimeAsync(2_000);
    const error = await failed;
    expect(error).toMatchObject({ code: "discovery_failed", cause: { code: "request_timeout", url: pathUrl } });
    expect(error.message).toContain("did not answer completely within 1000 ms; try again later");
    expect(fake.counts.protectedResourceMetadata).toBe(2);
  });
});
