import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DiscoveryError, TransportError } from "../../../src/errors.js";
import { discoverAuthServer } from "../../../src/protocol/discover-auth-server.js";
import type { DiscoverAuthServerOptions } from "../../../src/protocol/discover-auth-server.js";
import type { DiscoveryStep } from "../../../src/protocol/metadata-lookup.js";
import { requirementsOf } from "../../../src/protocol/requirements-of.js";
import type { AuthChallenge, AuthorizationServerMetadata, FetchLike } from "../../../src/types.js";

const serverUrl = "https://mcp.example.com/public/mcp";
const pathUrl = "https://mcp.example.com/.well-known/oauth-protected-resource/public/mcp";
const rootUrl = "https://mcp.example.com/.well-known/oauth-protected-resource";
const originUrl = "https://mcp.example.com/.well-known/oauth-authorization-server";
const issuer = "https://auth.example.com";
const issuerUrl = "https://auth.example.com/.well-known/oauth-authorization-server";
const openidUrl = "https://auth.example.com/.well-known/openid-configuration";

type Answer = object | number | (() => Response | Promise<Response>);

interface Site {
  readonly fetch: FetchLike;
  /** URLs requested, in order. */
  readonly requested: string[];
  readonly inits: (RequestInit | undefined)[];
}

/** Answers with a document, a status or whatever the function makes; everything else is 404. */
function site(answers: Readonly<Record<string, Answer>>): Site {
  const requested: string[] = [];
  const inits: (RequestInit | undefined)[] = [];
  const fetch: FetchLike = async (input, init) => {
    requested.push(String(input));
    inits.push(init);
    const answer = answers[String(input)] ?? 404;
    if (typeof answer === "function") return answer() as Response;
    return typeof answer === "number" ? new Response("no", { status: answer }) : Response.json(answer);
  };
  return { fetch, requested, inits };
}

const resource = (members: object = {}): object => ({
  resource: serverUrl,
  authorization_servers: [issuer],
  ...members,
});
const metadata = (of = issuer, members: object = {}): AuthorizationServerMetadata => ({
  issuer: of,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  code_challenge_methods_supported: ["S256"],
  ...members,
});
const challenge = (resourceMetadataUrl: string): AuthChallenge => ({ scheme: "bearer", resourceMetadataUrl });

async function failureOf(promise: Promise<unknown>): Promise<DiscoveryError> {
  const error: unknown = await promise.then(
    () => "resolved",
    (reason: unknown) => reason,
  );
  if (!(error instanceof DiscoveryError)) throw new Error(`no DiscoveryError: ${String(error)}`);
  return error;
}
const discover = (answers: Readonly<Record<string, Answer>>, options: DiscoverAuthServerOptions = {}) =>
  discoverAuthServer(serverUrl, { fetch: site(answers).fetch, ...options });

describe("the protected resource metadata", () => {
  it("is found at the path, and then the root is not asked [spec-11, spec-13, spec-14]", async () => {
    const { fetch, requested, inits } = site({
      [pathUrl]: resource({ scopes_supported: ["a"] }),
      [issuerUrl]: metadata(),
    });
    expect(await discoverAuthServer(serverUrl, { fetch })).toEqual({
      serverUrl,
      resource: serverUrl,
      issuer,
      authorizationServer: metadata(),
      protectedResource: resource({ scopes_supported: ["a"] }),
      resourceMetadataUrl: pathUrl,
      source: "protected_resource",
    });
    expect(requested).toEqual([pathUrl, issuerUrl]);
    for (const init of inits) {
      expect(init).toMatchObject({ headers: { accept: "application/json" }, credentials: "omit" });
      expect(Object.keys(init?.headers ?? {})).toEqual(["accept"]);
      expect(init?.method).toBeUndefined();
    }
  });

  it("is found at the root when the path has none; the origin as resource covers the server [spec-14, spec-17]", async () => {
    const { fetch, requested } = site({
      [rootUrl]: resource({ resource: "https://mcp.example.com" }),
      [issuerUrl]: metadata(),
    });
    expect(await discoverAuthServer(new URL(serverUrl), { fetch })).toMatchObject({
      serverUrl,
      resource: "https://mcp.example.com",
      resourceMetadataUrl: rootUrl,
    });
    expect(requested).toEqual([pathUrl, rootUrl, issuerUrl]);
  });

  it("is asked where the challenge says, and nowhere else [spec-12, spec-13]", async () => {
    const named = "https://metadata.example.net/custom/location.json?v=1";
    const { fetch, requested } = site({ [named]: resource(), [issuerUrl]: metadata() });
    const server = await discoverAuthServer(serverUrl, { fetch, challenge: challenge(named) });
    expect(server.resourceMetadataUrl).toBe(named);
    expect(requested).toEqual([named, issuerUrl]);
  });

  it.each([404, 405, 410, 400, 418])(
    "is asked at the well-known URLs when the one of the challenge answers %d",
    async (status) => {
      const named = "https://mcp.example.com/custom";
      const { fetch, requested } = site({ [named]: status, [pathUrl]: resource(), [issuerUrl]: metadata() });
      await discoverAuthServer(serverUrl, { fetch, challenge: challenge(named) });
      expect(requested).toEqual([named, pathUrl, issuerUrl]);
    },
  );

  it("is asked once where the challenge names a well-known URL, and a name that is no URL is passed over", async () => {
    const first = site({ [rootUrl]: resource(), [issuerUrl]: metadata() });
    await discoverAuthServer(serverUrl, { fetch: first.fetch, challenge: challenge(pathUrl) });
    expect(first.requested).toEqual([pathUrl, rootUrl, issuerUrl]);
    const second = site({ [pathUrl]: resource(), [issuerUrl]: metadata() });
    await discoverAuthServer(serverUrl, { fetch: second.fetch, challenge: challenge("/metadata") });
    expect(second.requested).toEqual([pathUrl, issuerUrl]);
  });

  it("needs status 200 and a JSON object; other answers mean that there is none [spec-16]", async () => {
    const html = () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
    const created = () => Response.json(resource(), { status: 201 });
    const { fetch, requested } = site({
      "https://mcp.example.com/custom": created,
      [pathUrl]: html,
      [rootUrl]: resource({ "x-unknown": 1 }),
      [issuerUrl]: metadata(),
    });
    const server = await discoverAuthServer(serverUrl, {
      fetch,
      challenge: challenge("https://mcp.example.com/custom"),
    });
    expect(server.resourceMetadataUrl).toBe(rootUrl);
    expect(requested).toHaveLength(4);
  });

  it.each([
    "https://mcp.example.com/public/mcp-other",
    "https://mcp.example.com/private",
    "https://other.example.com/public/mcp",
    "http://mcp.example.com/public/mcp",
    "https://mcp.example.com/public/mcp#x",
    "mcp",
  ])("about the resource %j is not used, and nobody is asked about it [spec-17]", async (other) => {
    const { fetch, requested } = site({ [pathUrl]: resource({ resource: other }) });
    const error = await failureOf(discoverAuthServer(serverUrl, { fetch }));
    expect(error.code).toBe("resource_mismatch");
    expect(error.message).toBe(
      `the protected resource metadata at ${pathUrl} is not usable: "resource" is ${JSON.stringify(other)}, which does not cover ${serverUrl}; the operator of the MCP server has to correct this`,
    );
    expect(requested).toEqual([pathUrl, rootUrl]);
    expect(error.attempts.map(({ url, status }) => [url, status])).toEqual([
      [pathUrl, 200],
      [rootUrl, 404],
    ]);
  });

  it("that cannot be used gives way to the next that can", async () => {
    const server = await discover({
      [pathUrl]: resource({ resource: "https://other.example.com" }),
      [rootUrl]: resource(),
      [issuerUrl]: metadata(),
    });
    expect(server.resourceMetadataUrl).toBe(rootUrl);
  });

  it.each([
    [{ authorization_servers: undefined }, '"authorization_servers" must list an issuer'],
    [{ authorization_servers: null }, '"authorization_servers" must list an issuer'],
    [{ authorization_servers: [] }, '"authorization_servers" must list an issuer'],
    [{ authorization_servers: issuer }, '"authorization_servers" must be a list of strings'],
    [{ resource: 1 }, '"resource" must be a string'],
  ])("with %j is invalid, and does not lead to the fallback [spec-15, spec-18]", async (members, problem) => {
    const { fetch, requested } = site({ [pathUrl]: resource(members) });
    const error = await failureOf(discoverAuthServer(serverUrl, { fetch }));
    expect(error.code).toBe("metadata_invalid");
    expect(error.message).toContain(`at ${pathUrl} is not usable: ${problem}; the operator of the MCP server`);
    expect(requested).not.toContain(originUrl);
  });

  it("is read again by every call [spec-21]", async () => {
    const answers: Record<string, Answer> = { [pathUrl]: resource(), [issuerUrl]: metadata() };
    const { fetch } = site(answers);
    expect((await discoverAuthServer(serverUrl, { fetch })).issuer).toBe(issuer);
    answers[pathUrl] = resource({ authorization_servers: ["https://new.example.com"] });
    answers["https://new.example.com/.well-known/oauth-authorization-server"] = metadata("https://new.example.com");
    expect((await discoverAuthServer(serverUrl, { fetch })).issuer).toBe("https://new.example.com");
  });
});

describe("the authorization server metadata", () => {
  it("of an issuer with a path is asked at three URLs, never at the root [spec-25, spec-26, spec-27, fact-10, pain-26]", async () => {
    const tenant = `${issuer}/tenant1`;
    const { fetch, requested } = site({
      [pathUrl]: resource({ authorization_servers: [tenant] }),
      [`${tenant}/.well-known/openid-configuration`]: metadata(tenant),
    });
    expect((await discoverAuthServer(serverUrl, { fetch })).issuer).toBe(tenant);
    expect(requested.slice(1)).toEqual([
      `${issuer}/.well-known/oauth-authorization-server/tenant1`,
      `${issuer}/.well-known/openid-configuration/tenant1`,
      `${issuer}/tenant1/.well-known/openid-configuration`,
    ]);
  });

  it("of an issuer without a path is asked at two [spec-25, spec-28]", async () => {
    const { fetch, requested } = site({ [pathUrl]: resource(), [openidUrl]: metadata() });
    expect((await discoverAuthServer(serverUrl, { fetch })).authorizationServer).toEqual(metadata());
    expect(requested).toEqual([pathUrl, issuerUrl, openidUrl]);
  });

  it("is kept whole, without null members [spec-32, fact-04]", async () => {
    const published = metadata(issuer, {
      registration_endpoint: null,
      "x-unknown": { a: [null] },
      scopes_supported: ["a"],
    });
    const server = await discover({ [pathUrl]: resource(), [issuerUrl]: published });
    expect(server.authorizationServer).toEqual(
      metadata(issuer, { "x-unknown": { a: [null] }, scopes_supported: ["a"] }),
    );
  });

  it.each([["https://attacker.example"], [`${issuer}:443`], ["https://AUTH.example.com"], [`${issuer}//`]])(
    "of the issuer %j is not used [spec-29, fact-07]",
    async (other) => {
      const error = await failureOf(discover({ [pathUrl]: resource(), [issuerUrl]: metadata(other) }));
      expect(error.code).toBe("metadata_issuer_mismatch");
      expect(error.message).toBe(
        `the authorization server metadata at ${issuerUrl} is not usable: "issuer" is ${JSON.stringify(other)}, expected "${issuer}"; a server profile may allow it (issuerAliases); the operator of the authorization server has to correct this`,
      );
      expect(error.attempts.map(({ url }) => url)).toEqual([issuerUrl, openidUrl]);
    },
  );

  it("of another issuer gives way to the next document of the right one [spec-29]", async () => {
    const server = await discover({
      [pathUrl]: resource(),
      [issuerUrl]: metadata("https://attacker.example", { token_endpoint: "https://attacker.example/token" }),
      [openidUrl]: metadata(),
    });
    expect(server.authorizationServer.token_endpoint).toBe(`${issuer}/token`);
  });

  it.each([
    [`${issuer}/`, issuer],
    [issuer, `${issuer}/`],
  ])(
    "may add or drop the slash of an empty path (%s, %s); what it says is recorded [spec-29]",
    async (listed, published) => {
      const server = await discover({
        [pathUrl]: resource({ authorization_servers: [listed] }),
        [issuerUrl]: metadata(published),
      });
      expect(server.issuer).toBe(published);
    },
  );

  it("must not drop the slash of a path [spec-29]", async () => {
    const error = await failureOf(
      discover({
        [pathUrl]: resource({ authorization_servers: [`${issuer}/t/`] }),
        [`${issuerUrl}/t`]: metadata(`${issuer}/t`),
      }),
    );
    expect(error.code).toBe("metadata_issuer_mismatch");
  });

  it.each([
    ["authorization_endpoint", "javascript:alert(1)", "must be https"],
    ["authorization_endpoint", "http://auth.example.com/authorize", "must be https"],
    ["authorization_endpoint", "https://me:pw@auth.example.com/", "must not contain a user name"],
    ["token_endpoint", "/token", "must be an absolute URL"],
    ["token_endpoint", "http://127.0.0.1/token", "must be https"],
  ])("whose %s is %j is invalid [spec-31, spec-124]", async (member, value, problem) => {
    const error = await failureOf(
      discover({ [pathUrl]: resource(), [issuerUrl]: metadata(issuer, { [member]: value }) }),
    );
    expect(error.code).toBe("metadata_invalid");
    expect(error.message).toContain(`"${member}" is ${JSON.stringify(value)}, but ${problem}`);
    expect(error.message).toContain("the operator of the authorization server has to correct this");
  });

  it("without an authorization endpoint is fine; without a token endpoint it is not", async () => {
    const rest = { issuer, token_endpoint: `${issuer}/token` };
    const server = await discover({ [pathUrl]: resource(), [issuerUrl]: rest });
    expect(server.authorizationServer).toEqual(rest);
    const error = await failureOf(
      discover({ [pathUrl]: resource(), [issuerUrl]: metadata(issuer, { token_endpoint: null }) }),
    );
    expect(error.message).toContain('"token_endpoint" must be a string');
  });

  it("that lists its resources must list this one", async () => {
    const listing = (...listed: string[]) => metadata(issuer, { protected_resources: listed });
    const server = await discover({ [pathUrl]: resource(), [issuerUrl]: listing("https://x.example", serverUrl) });
    expect(server.issuer).toBe(issuer);
    const error = await failureOf(discover({ [pathUrl]: resource(), [issuerUrl]: listing("https://x.example") }));
    expect(error.code).toBe("resource_mismatch");
    expect(error.message).toContain(`"protected_resources" does not list "${serverUrl}"`);
  });

  it("that is nowhere is an error, and never the fallback", async () => {
    const { fetch, requested } = site({ [pathUrl]: resource() });
    const error = await failureOf(discoverAuthServer(serverUrl, { fetch }));
    expect(error.code).toBe("discovery_failed");
    expect(error.message).toBe(
      `the authorization server "${issuer}" publishes no metadata; its operator has to (RFC 8414)`,
    );
    expect(error.attempts).toEqual([
      { url: issuerUrl, status: 404, reason: "answered 404" },
      { url: openidUrl, status: 404, reason: "answered 404" },
    ]);
    expect(requested).toEqual([pathUrl, issuerUrl, openidUrl]);
  });

  it("is judged on loopback when the MCP server is there [fact-09, spec-118]", async () => {
    const { fetch } = site({
      "http://localhost:3000/.well-known/oauth-protected-resource": {
        resource: "http://localhost:3000",
        authorization_servers: ["http://localhost:4000"],
      },
      "http://localhost:4000/.well-known/oauth-authorization-server": {
        issuer: "http://localhost:4000",
        token_endpoint: "http://127.0.0.1:4000/token",
      },
    });
    expect((await discoverAuthServer("http://localhost:3000/", { fetch })).issuer).toBe("http://localhost:4000");
  });
});

describe("several authorization servers", () => {
  const second = "https://second.example.com";
  const secondUrl = `${second}/.well-known/oauth-authorization-server`;
  const both = resource({ authorization_servers: [issuer, second] });

  it("are tried in order; the first that can be used is taken [spec-18]", async () => {
    const { fetch, requested } = site({ [pathUrl]: both, [issuerUrl]: metadata(), [secondUrl]: metadata(second) });
    expect((await discoverAuthServer(serverUrl, { fetch })).issuer).toBe(issuer);
    expect(requested).toEqual([pathUrl, issuerUrl]);
  });

  it.each<[string, Answer]>([
    ["has no metadata", 404],
    ["claims to be another", metadata("https://attacker.example")],
    ["needs a login for its metadata", 401],
    ["redirects away", () => new Response(null, { status: 302, headers: { location: "https://x.example/" } })],
  ])("are passed over when the first %s [spec-18]", async (_, answer) => {
    const server = await discover({ [pathUrl]: both, [issuerUrl]: answer, [secondUrl]: metadata(second) });
    expect(server).toMatchObject({ issuer: second, authorizationServer: metadata(second) });
  });

  it("are not passed over for an outage [spec-18]", async () => {
    const { fetch, requested } = site({
      [pathUrl]: both,
      [issuerUrl]: 503,
      [openidUrl]: 401,
      [secondUrl]: metadata(second),
    });
    const error = await failureOf(discoverAuthServer(serverUrl, { fetch }));
    expect(error).toMatchObject({ code: "discovery_failed", cause: { code: "server_error", status: 503 } });
    expect(requested).toEqual([pathUrl, issuerUrl, openidUrl]);
  });

  it("fail with what was wrong with the first when none can be used", async () => {
    const error = await failureOf(
      discover({ [pathUrl]: both, [issuerUrl]: metadata("https://attacker.example"), [secondUrl]: {} }),
    );
    expect(error.code).toBe("metadata_issuer_mismatch");
    expect(error.attempts).toHaveLength(4);
  });

  it("are chosen from by the host, which sees them verbatim [spec-18]", async () => {
    const seen: unknown[] = [];
    const { fetch, requested } = site({ [pathUrl]: both, [issuerUrl]: metadata(), [secondUrl]: metadata(second) });
    const server = await discoverAuthServer(serverUrl, {
      fetch,
      selectIssuer: async (...given) => {
        seen.push(given);
        return second;
      },
    });
    expect(server.issuer).toBe(second);
    expect(requested).toEqual([pathUrl, secondUrl]);
    expect(seen).toEqual([[[issuer, second], both]]);
  });

  it("must include the host's choice, and no other is tried", async () => {
    const { fetch, requested } = site({ [pathUrl]: both });
    const chosen = (choice: string) => discoverAuthServer(serverUrl, { fetch, selectIssuer: () => choice });
    await expect(chosen("https://mine.example.com")).rejects.toThrow(TypeError);
    await expect(chosen(`${issuer}/`)).rejects.toThrow(/^selectIssuer must return one of the issuers/);
    expect(requested).toEqual([pathUrl, pathUrl]);
    const error = await failureOf(chosen(issuer));
    expect(error.message).toContain(`"${issuer}" publishes no metadata`);
    expect(requested).not.toContain(secondUrl);
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
    const { fetch, requested } = site({ [pathUrl]: resource({ authorization_servers: [listed] }) });
    const error = await failureOf(discoverAuthServer(serverUrl, { fetch }));
    expect(error.code).toBe("metadata_invalid");
    expect(error.message).toContain(`${JSON.stringify(listed)} that the MCP server lists is not an https URL`);
    expect(requested).toEqual([pathUrl]);
  });

  it.each(["http://auth.example.com", "http://127.0.0.1:9200"])(
    "that are not https are refused without a request: %s [spec-22, spec-118]",
    async (listed) => {
      const { fetch, requested } = site({ [pathUrl]: resource({ authorization_servers: [listed] }) });
      await expect(discoverAuthServer(serverUrl, { fetch })).rejects.toMatchObject({
        code: "insecure_url",
        url: `${listed}/.well-known/oauth-authorization-server`,
      });
      expect(requested).toEqual([pathUrl]);
    },
  );
});

describe("metadata that the host knows", () => {
  it("spares the request [spec-32]", async () => {
    const { fetch, requested } = site({ [pathUrl]: resource({ authorization_servers: [`${issuer}/`] }) });
    const asked: string[] = [];
    const server = await discoverAuthServer(serverUrl, {
      fetch,
      knownAuthorizationServer: async (listed) => {
        asked.push(listed);
        return metadata();
      },
    });
    expect(server).toMatchObject({ issuer, authorizationServer: metadata() });
    expect(asked).toEqual([`${issuer}/`]);
    expect(requested).toEqual([pathUrl]);
  });

  it("is asked for at the issuer when the host has none, or one of another issuer [spec-29]", async () => {
    for (const known of [undefined, metadata("https://other.example.com")]) {
      const { fetch, requested } = site({ [pathUrl]: resource(), [issuerUrl]: metadata() });
      await discoverAuthServer(serverUrl, { fetch, knownAuthorizationServer: () => known });
      expect(requested).toEqual([pathUrl, issuerUrl]);
    }
  });
});

describe("the fallback for servers of 2025-03-26", () => {
  it("takes metadata of the origin when there is no protected resource metadata [spec-15]", async () => {
    const own = metadata("https://mcp.example.com", { token_endpoint: "https://mcp.example.com/oauth/token" });
    const { fetch, requested } = site({ [originUrl]: own });
    expect(await discoverAuthServer(serverUrl, { fetch })).toEqual({
      serverUrl,
      resource: serverUrl,
      issuer: "https://mcp.example.com",
      authorizationServer: own,
      source: "origin_metadata",
    });
    expect(requested).toEqual([pathUrl, rootUrl, originUrl]);
  });

  it("records the issuer as the origin's metadata spells it [spec-29]", async () => {
    const server = await discover({ [originUrl]: metadata("https://mcp.example.com/") });
    expect(server).toMatchObject({ issuer: "https://mcp.example.com/", source: "origin_metadata" });
  });

  it("assumes the default endpoints when the origin has none either [spec-15]", async () => {
    const { fetch, requested } = site({});
    expect(await discoverAuthServer("https://mcp.example.com/", { fetch })).toEqual({
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
    expect(requested).toEqual([rootUrl, originUrl]);
  });

  it("can be forbidden; the error then says what the server lacks [spec-15]", async () => {
    const { fetch, requested } = site({});
    const error = await failureOf(discoverAuthServer(`${serverUrl}?key=hunter2`, { fetch, legacyFallback: false }));
    expect(error.code).toBe("discovery_failed");
    expect(error.message).toBe(
      `the MCP server ${serverUrl} publishes no protected resource metadata; its operator has to (RFC 9728)`,
    );
    expect(error.attempts).toEqual([
      { url: pathUrl, status: 404, reason: "answered 404" },
      { url: rootUrl, status: 404, reason: "answered 404" },
    ]);
    expect(requested).not.toContain(originUrl);
  });

  it.each<[string, Answer]>([
    ["500", 500],
    ["503", 503],
    ["408", 408],
    ["429", 429],
    ["401", 401],
    ["403", 403],
    ["a lost connection", () => Promise.reject(new TypeError("fetch failed"))],
    [
      "a redirect to another origin",
      () => new Response(null, { status: 307, headers: { location: "https://x.example/" } }),
    ],
    ["a document that cannot be used", {}],
  ])("is not entered after %s at one of the URLs [spec-15]", async (_, answer) => {
    for (const url of [pathUrl, rootUrl]) {
      const { fetch, requested } = site({ [url]: answer, [originUrl]: metadata("https://mcp.example.com") });
      const error = await failureOf(discoverAuthServer(serverUrl, { fetch }));
      expect(error.attempts).toHaveLength(2);
      expect(requested).toEqual([pathUrl, rootUrl]);
    }
  });

  it("is not completed with defaults when the metadata of the origin is there but unusable, or out of order", async () => {
    const mismatch = await failureOf(discover({ [originUrl]: metadata() }));
    expect(mismatch.code).toBe("metadata_issuer_mismatch");
    expect((await failureOf(discover({ [originUrl]: 502 }))).code).toBe("discovery_failed");
    expect((await failureOf(discover({ [originUrl]: 403 }))).code).toBe("discovery_failed");
  });
});

describe("trouble", () => {
  it.each(["mcp.example.com", "ftp://mcp.example.com/", "https://me:hunter2@mcp.example.com/"])(
    "with the URL %j is the caller's, and nothing is requested [spec-2]",
    async (url) => {
      const { fetch, requested } = site({});
      const failed = discoverAuthServer(url, { fetch });
      await expect(failed).rejects.toThrow(TypeError);
      await expect(failed).rejects.toThrow(/^serverUrl must/);
      await expect(failed).rejects.not.toThrow(/hunter2/);
      expect(requested).toEqual([]);
    },
  );

  it("of a server that is down names it, and advises to try again", async () => {
    const cause = new TypeError("fetch failed");
    const error = await failureOf(discoverAuthServer(serverUrl, { fetch: () => Promise.reject(cause) }));
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
    const busy = () =>
      new Response("busy", { status: 503, headers: { "retry-after": "Wed, 01 Jan 2031 00:00:00 GMT" } });
    const error = await failureOf(discover({ [pathUrl]: busy }));
    expect(error.message).toBe(`${pathUrl} gave no usable answer (status 503); try again later`);
    expect(error.cause).toBeInstanceOf(TransportError);
    expect(error.cause).toMatchObject({ code: "server_error", url: pathUrl, status: 503, retryAt: Date.UTC(2031, 0) });
  });

  it("at one URL is forgotten when the next has the document", async () => {
    const server = await discover({ [pathUrl]: 500, [rootUrl]: resource(), [issuerUrl]: 500, [openidUrl]: metadata() });
    expect(server.issuer).toBe(issuer);
  });

  it("of metadata behind a login is the operator's", async () => {
    const error = await failureOf(discover({ [pathUrl]: 401, [rootUrl]: 403 }));
    expect(error.message).toBe(
      `the protected resource metadata at ${pathUrl} answered 401, but must be readable without a token; the operator of the MCP server has to correct this`,
    );
    expect(error.cause).toBeUndefined();
  });

  it("of a server that answers HTML everywhere is told with every URL that was tried [pain-25]", async () => {
    const html = () => new Response("<!doctype html><title>App</title>");
    const pages = { [pathUrl]: html, [rootUrl]: html };
    const error = await failureOf(discover(pages, { legacyFallback: false }));
    expect(error.attempts).toEqual([
      { url: pathUrl, status: 200, reason: "answered 200 without a JSON object" },
      { url: rootUrl, status: 200, reason: "answered 200 without a JSON object" },
    ]);
  });

  it("of a site that answers every URL with a page is a discovery that found nothing, and no server of 2025-03-26", async () => {
    const html = () => new Response("<!doctype html><title>App</title>");
    const pages = { [pathUrl]: html, [rootUrl]: html, [originUrl]: html };
    expect(await failureOf(discover(pages))).toMatchObject({ code: "discovery_failed", attempts: { length: 3 } });
    // one that knows what it does not have is still one
    const server = await discover({ ...pages, [originUrl]: 404 });
    expect(server.source).toBe("origin_defaults");
  });

  it("of a slash too many at the end of the URL is none: the metadata of the path without it are asked, too", async () => {
    const { fetch, requested } = site({ [pathUrl]: resource(), [issuerUrl]: metadata() });
    const server = await discoverAuthServer(`${serverUrl}/`, { fetch });
    expect(server.resource).toBe(serverUrl);
    expect(requested).toEqual([`${pathUrl}/`, pathUrl, issuerUrl]);
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
    const error = await failureOf(discover({ [pathUrl]: endless }));
    expect(error).toMatchObject({ code: "discovery_failed", cause: { code: "response_too_large" } });
    expect(error.message).toContain(`at ${pathUrl} answered with more than 256 KiB; its operator has to correct this`);
    expect(sent).toBeLessThan(1_000_000);
  });

  it("of a redirect across origins is the operator's, and the other origin is not asked [spec-120]", async () => {
    const { fetch, requested } = site({
      [pathUrl]: () => new Response(null, { status: 302, headers: { location: "https://login.example.net/" } }),
    });
    const error = await failureOf(discoverAuthServer(serverUrl, { fetch }));
    expect(error).toMatchObject({ code: "discovery_failed", cause: { code: "redirect_refused", url: pathUrl } });
    expect(error.message).toContain("redirects to another origin, which is not followed; its operator");
    expect(requested).toEqual([pathUrl, rootUrl]);
  });

  it("never shows the query of the server's URL, and quotes what servers say [spec-124, pain-40]", async () => {
    const { fetch } = site({
      [`${pathUrl}?key=hunter2`]: resource({ resource: `https://x.example/\u001b[31m${"x".repeat(500)}` }),
    });
    const error = await failureOf(discoverAuthServer(`${serverUrl}?key=hunter2`, { fetch }));
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
    const { fetch, requested } = site({
      [pathUrl]: () => new Response(null, { status: 302, headers: { location: "/moved" } }),
      "https://mcp.example.com/moved": resource(),
      [issuerUrl]: metadata(),
    });
    await discoverAuthServer(serverUrl, {
      fetch,
      allowUrl: (url, context) => {
        expect(context.serverUrl.href).toBe(serverUrl);
        judged.push(`${context.purpose} ${url.href}`);
        return true;
      },
    });
    expect(requested).toEqual([pathUrl, "https://mcp.example.com/moved", issuerUrl]);
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
    const { fetch, requested } = site({});
    const failed = discoverAuthServer(serverUrl, { fetch, challenge: challenge(named), ...options });
    await expect(failed).rejects.toMatchObject({ code: "insecure_url", url: named });
    expect(requested).toEqual([pathUrl, rootUrl]);
  });

  it("cannot ask a server on plain http [spec-22, spec-118]", async () => {
    const { fetch, requested } = site({});
    const failed = discoverAuthServer("http://mcp.example.com/mcp", { fetch });
    await expect(failed).rejects.toMatchObject({ name: "TransportError", code: "insecure_url" });
    expect(requested).toEqual([]);
  });

  it("gets its own errors and its own abort reason back as they are [pain-39]", async () => {
    const { fetch } = site({ [pathUrl]: resource() });
    const own = new Error("mine");
    const broken = (): never => {
      throw own;
    };
    await expect(discoverAuthServer(serverUrl, { fetch, allowUrl: broken })).rejects.toBe(own);
    await expect(discoverAuthServer(serverUrl, { fetch, selectIssuer: broken })).rejects.toBe(own);
    await expect(discoverAuthServer(serverUrl, { fetch, knownAuthorizationServer: broken })).rejects.toBe(own);
    const controller = new AbortController();
    const hangs: FetchLike = () => {
      controller.abort(reason);
      return new Promise(() => undefined);
    };
    const reason = new TransportError("server_error", "mine", { url: serverUrl });
    const failed = discoverAuthServer(serverUrl, { fetch: hangs, signal: controller.signal });
    await expect(failed).rejects.toBe(reason);
  });
});

describe("a tool that explains a server", () => {
  /** What it heard, a line for each step. */
  const explain = async (answers: Readonly<Record<string, Answer>>): Promise<string[]> => {
    const heard: DiscoveryStep[] = [];
    const work = discoverAuthServer(serverUrl, { fetch: site(answers).fetch, onStep: (step) => heard.push(step) });
    await work.catch(() => undefined);
    return heard.map(
      (step) =>
        `${step.purpose === "protected_resource_metadata" ? "resource" : "issuer"} ${step.url} ${step.status}: ` +
        `${step.outcome} [${requirementsOf(step).join()}]`,
    );
  };

  it("hears of every URL in order, also of the one that is used", async () => {
    expect(await explain({ [rootUrl]: resource(), [openidUrl]: metadata() })).toEqual([
      `resource ${pathUrl} 404: absent [13,14,16]`,
      `resource ${rootUrl} 200: used [13,14,16]`,
      `issuer ${issuerUrl} 404: absent [25,27,28]`,
      `issuer ${openidUrl} 200: used [25,27,28]`,
    ]);
  });

  it("hears which requirement a document breaks, and what could not be asked", async () => {
    const offline = (): never => {
      throw new TypeError("offline");
    };
    expect(
      await explain({
        [pathUrl]: resource({ resource: "https://other.example.com" }),
        [rootUrl]: resource(),
        [issuerUrl]: metadata("https://evil.example.com"),
        [openidUrl]: offline,
      }),
    ).toEqual([
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
    const named = challenge("https://mcp.example.com/metadata?secret=1");
    await expect(discoverAuthServer(serverUrl, { fetch: site({}).fetch, challenge: named, onStep })).rejects.toThrow(
      "enough",
    );
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
    const hangs = vi.fn<FetchLike>(() => new Promise(() => undefined));
    const failed = failureOf(discoverAuthServer(serverUrl, { fetch: hangs, timeoutMs: 1_000 }));
    await vi.advanceTimersByTimeAsync(2_000);
    const error = await failed;
    expect(error).toMatchObject({ code: "discovery_failed", cause: { code: "request_timeout", url: pathUrl } });
    expect(error.message).toContain("did not answer completely within 1000 ms; try again later");
    expect(hangs).toHaveBeenCalledTimes(2);
  });
});
