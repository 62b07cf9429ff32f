import { describe, expect, it } from "vitest";
import { isAuthError } from "../../../src/errors.js";
import type { HttpOptions, UrlContext } from "../../../src/types.js";
import {
  canonicalServerUrl,
  checkRedirectUri,
  checkUrl,
  isLoopback,
  isSameIssuer,
  isWithinResource,
  parseServerUrl,
  resourceOf,
} from "../../../src/wire/url-policy.js";

const remote = new URL("https://mcp.example.com/mcp");
const local = new URL("http://localhost:3000/mcp");

async function check(value: string | URL, serverUrl: URL, http: HttpOptions = {}): Promise<string> {
  try {
    const url = await checkUrl(value, { purpose: "token_endpoint", serverUrl, http });
    return url.href;
  } catch (error) {
    if (isAuthError(error, "insecure_url")) return `${error.url} | ${error.message}`;
    throw error;
  }
}

describe("the URL of an MCP server", () => {
  it.each(["mcp.example.com", "", "/mcp", "ftp://mcp.example.com/", "javascript:alert(1)", "file:///etc/passwd"])(
    "must be an absolute http or https URL, unlike %j",
    (value) => {
      expect(() => parseServerUrl(value)).toThrow(TypeError);
      expect(() => parseServerUrl(value)).toThrow(/^serverUrl must be an absolute http or https URL/);
    },
  );

  it.each([
    "https://user:hunter2@mcp.example.com/",
    "https://user@mcp.example.com/",
    "https://:hunter2@mcp.example.com/",
  ])("must not contain credentials, and does not repeat those of %j", (value) => {
    expect(() => parseServerUrl(value)).toThrow(/^serverUrl must not contain a user name or password/);
    expect(() => parseServerUrl(value)).not.toThrow(/hunter2/);
  });

  it("loses its fragment, and a given URL object keeps it", () => {
    const given = new URL("https://mcp.example.com/mcp?a=1#top");
    expect(parseServerUrl(given).href).toBe("https://mcp.example.com/mcp?a=1");
    expect(given.hash).toBe("#top");
  });
});

it.each([
  ["http://localhost/", true],
  ["http://app.localhost:8080/", true],
  ["http://127.0.0.1/", true],
  ["http://127.9.8.7/", true],
  ["http://2130706433/", true],
  ["http://[::1]:3000/", true],
  ["http://127.attacker.example/", false],
  ["http://notlocalhost/", false],
  ["http://localhost.attacker.example/", false],
  ["http://10.0.0.1/", false],
  ["http://[::2]/", false],
])("takes %s for loopback: %s", (url, expected) => {
  expect(isLoopback(new URL(url))).toBe(expected);
});

describe("a URL that a server named", () => {
  it("is accepted when it is https, on whatever host [spec-22, spec-31, spec-118]", async () => {
    expect(await check("https://auth.example.com/token?a=1", remote)).toBe("https://auth.example.com/token?a=1");
    expect(await check(new URL("https://auth.example.com/token"), local)).toBe("https://auth.example.com/token");
  });

  it("may be http on loopback only for an MCP server on loopback [spec-118, fact-09]", async () => {
    expect(await check("http://127.0.0.1:4000/token", local)).toBe("http://127.0.0.1:4000/token");
    expect(await check("http://127.0.0.1:4000/token", remote)).toMatch(
      /^http:\/\/127\.0\.0\.1:4000\/token \| the token endpoint URL "http:\/\/127\.0\.0\.1:4000\/token" must be https/,
    );
    expect(await check("http://auth.example.com/token", local)).toMatch(/must be https/);
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://auth.example.com/",
    "com.example:/token",
  ])("is refused with the scheme of %s [spec-31]", async (value) => {
    expect(await check(value, local)).toMatch(/must be https/);
  });

  it("is refused with credentials or a fragment, and its query is never repeated [spec-124]", async () => {
    const credentials = await check("https://me:hunter2@auth.example.com/token?secret=1", remote);
    expect(credentials).toBe(
      'https://auth.example.com/token | the token endpoint URL "https://auth.example.com/token" must not contain a user name or password',
    );
    expect(await check("https://auth.example.com/token?secret=1#x", remote)).toBe(
      'https://auth.example.com/token | the token endpoint URL "https://auth.example.com/token" must not have a fragment',
    );
  });

  it("is refused when it is no URL, quoted and without its query", async () => {
    expect(await check("/to\nken?secret=1", remote)).toBe(
      '/to\nken | the token endpoint URL "/to\\nken" must be an absolute URL',
    );
  });

  it("is shown to the host, which may refuse it [spec-23, spec-117]", async () => {
    const seen: [string, UrlContext][] = [];
    const allowUrl = async (url: URL, context: UrlContext): Promise<boolean> => {
      seen.push([url.href, context]);
      url.host = "changed.example";
      return url.pathname !== "/internal";
    };
    expect(await check("https://auth.example.com/token", remote, { allowUrl })).toBe("https://auth.example.com/token");
    expect(await check("https://auth.example.com/internal", remote, { allowUrl })).toMatch(/allowUrl/);
    expect(seen).toEqual([
      ["https://auth.example.com/token", { purpose: "token_endpoint", serverUrl: remote }],
      ["https://auth.example.com/internal", { purpose: "token_endpoint", serverUrl: remote }],
    ]);
  });

  it("is not shown to the host when the library refuses it anyway", async () => {
    const allowUrl = (): never => {
      throw new Error("asked");
    };
    expect(await check("http://auth.example.com/", remote, { allowUrl })).toMatch(/must be https/);
  });
});

describe("a redirect URI", () => {
  it.each([
    "https://app.example.com/callback",
    "http://127.0.0.1:1234/callback",
    "http://[::1]/callback",
    "http://localhost/callback",
    "com.example.app:/callback",
    "HTTPS://APP.example.com",
  ])("is returned as given: %s", (value) => {
    expect(checkRedirectUri(value)).toBe(value);
  });

  it("may be a URL object", () => {
    expect(checkRedirectUri(new URL("https://app.example.com/callback"))).toBe("https://app.example.com/callback");
  });

  it.each([
    "http://app.example.com/callback",
    "javascript:alert(1)",
    "myapp:/callback",
    "/callback",
    "https://app.example.com/callback#",
    "https://app.example.com/callback#x",
  ])("is refused: %s", (value) => {
    expect(() => checkRedirectUri(value)).toThrow(/^redirectUri must be/);
  });
});

describe("a resource", () => {
  it.each([
    ["https://h.example/mcp", "https://h.example/mcp"],
    ["https://h.example/mcp", "https://h.example/mcp/"],
    ["https://h.example/mcp/", "https://h.example/mcp"],
    ["https://h.example/mcp/tools", "https://h.example/mcp"],
    ["https://h.example/mcp", "https://h.example"],
    ["https://h.example/mcp?a=1", "https://h.example/mcp"],
    ["https://h.example/mcp?a=1", "https://h.example/mcp?a=1"],
    ["https://h.example/mcp", "https://H.EXAMPLE:443/mcp"],
  ])("covers %s when it is %s [spec-17]", (url, resource) => {
    expect(isWithinResource(url, resource)).toBe(true);
    expect(isWithinResource(new URL(url), resource)).toBe(true);
  });

  it.each([
    ["https://h.example/mcp-evil", "https://h.example/mcp"],
    ["https://h.example/", "https://h.example/mcp"],
    ["https://h.example/mcp", "https://h.example/mcp/tools"],
    ["https://h.example/mcp/../other", "https://h.example/mcp"],
    ["https://h.example/mcp", "https://other.example/mcp"],
    ["https://h.example/mcp", "http://h.example/mcp"],
    ["https://h.example:8443/mcp", "https://h.example/mcp"],
    ["https://h.example/mcp", "https://h.example/mcp#"],
    ["https://h.example/mcp?tenant=2", "https://h.example/mcp?tenant=1"],
    ["https://h.example/mcp", "mcp"],
    ["mcp", "https://h.example/mcp"],
  ])("does not cover %s when it is %s [spec-17]", (url, resource) => {
    expect(isWithinResource(url, resource)).toBe(false);
  });

  it.each([
    ["https://h.example", "https://h.example"],
    ["https://h.example/", "https://h.example"],
    ["https://h.example:443/mcp", "https://h.example/mcp"],
    ["https://h.example/mcp/", "https://h.example/mcp/"],
    ["https://h.example/mcp?a=1#f", "https://h.example/mcp?a=1"],
  ])("of %s is %s where none is published", (url, expected) => {
    expect(resourceOf(new URL(url))).toBe(expected);
  });
});

it.each([
  ["https://H.example:443/", "https://h.example"],
  ["https://h.example/mcp//", "https://h.example/mcp"],
  ["https://h.example/mcp/?a=1#f", "https://h.example/mcp?a=1"],
])("stores %s under %s", (url, expected) => {
  expect(canonicalServerUrl(new URL(url))).toBe(expected);
});

describe("two issuers", () => {
  it.each([
    ["https://a.example", "https://a.example"],
    ["https://a.example/t", "https://a.example/t"],
    ["https://a.example/", "https://a.example"],
    ["https://a.example", "https://a.example/"],
    ["http://localhost:3000/", "http://localhost:3000"],
  ])("are the same: %s, %s [spec-29]", (listed, published) => {
    expect(isSameIssuer(listed, published)).toBe(true);
  });

  it.each([
    ["https://a.example/t", "https://a.example/t/"],
    ["https://a.example", "https://A.example"],
    ["https://a.example", "https://a.example:443"],
    ["https://a.example", "http://a.example"],
    ["https://a.example", "https://a.example//"],
    ["https://a.example", "https://b.example"],
    ["https://a.example/%74", "https://a.example/t"],
  ])("differ: %s, %s [spec-29, fact-07]", (listed, published) => {
    expect(isSameIssuer(listed, published)).toBe(false);
  });
});
