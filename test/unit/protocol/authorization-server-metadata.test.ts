import { describe, expect, it } from "vitest";
import { discoverAuthServer } from "../../../src/protocol/discover-auth-server.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { Fault } from "../../support/discovery.js";
import {
  serverUrl,
  pathUrl,
  issuer,
  issuerUrl,
  openidUrl,
  answerAt,
  requested,
  published,
  resource,
  metadata,
  refusalOf,
} from "../../support/discovery.js";

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
