import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createAuthorizationRequest } from "../../../src/protocol/create-authorization-request.js";
import type { AuthorizationServerMetadata, ServerMetadata } from "../../../src/types.js";
import { failureOf } from "../../support/host.js";
import { clientRegistration, ISSUER, NOW, RESOURCE, serverMetadata } from "./records.js";

const redirectUri = "http://127.0.0.1:4321/callback";
const options = { redirectUri, now: () => NOW };

const create = (
  metadata: Partial<AuthorizationServerMetadata> = {},
  more: object = {},
  server: Partial<ServerMetadata> = {},
) => createAuthorizationRequest(serverMetadata(metadata, server), clientRegistration(), { ...options, ...more });

describe("the authorization URL", () => {
  it("asks for a code with PKCE S256, state, resource and the redirect URI [spec-65, spec-67, spec-68, spec-70, spec-72]", async () => {
    const { authorizationUrl, pending } = await create({}, { scope: "read write" });
    expect(authorizationUrl.origin + authorizationUrl.pathname).toBe(`${ISSUER}/authorize`);
    expect(Object.fromEntries(authorizationUrl.searchParams)).toEqual({
      response_type: "code",
      client_id: "client-1",
      redirect_uri: redirectUri,
      code_challenge: createHash("sha256").update(pending.codeVerifier).digest("base64url"),
      code_challenge_method: "S256",
      state: pending.state,
      resource: RESOURCE,
      scope: "read write",
    });
  });

  it("has verifier and state of 256 bits, new each time, and neither secret of them is the other [spec-73]", async () => {
    const requests = await Promise.all([create(), create()]);
    const values = requests.flatMap(({ pending }) => [pending.codeVerifier, pending.state]);
    expect(new Set(values).size).toBe(4);
    for (const value of values) expect(value).toMatch(/^[\w.~-]{43,128}$/);
    for (const { authorizationUrl, pending } of requests)
      expect(authorizationUrl.href).not.toContain(pending.codeVerifier);
  });

  it("keeps the endpoint's own query, and has no parameter twice [spec-72]", async () => {
    const authorization_endpoint = `${ISSUER}/authorize?tenant=a+b&state=theirs&state=again&scope=all`;
    const { authorizationUrl, pending } = await create({ authorization_endpoint });
    expect(authorizationUrl.searchParams.get("tenant")).toBe("a b");
    expect(authorizationUrl.searchParams.getAll("state")).toEqual([pending.state]);
    expect(authorizationUrl.searchParams.get("scope")).toBe("all");
  });

  it("has the resource as it was published, without a URL parser's corrections [spec-69, pain-18]", async () => {
    const { authorizationUrl, pending } = await create({}, {}, { resource: "https://MCP.example" });
    expect(authorizationUrl.searchParams.get("resource")).toBe("https://MCP.example");
    expect(pending.resource).toBe("https://MCP.example");
  });

  it.each([undefined, ""])("has no scope when there is none: %j [spec-60]", async (scope) => {
    const { authorizationUrl, pending } = await create({}, { scope });
    expect(authorizationUrl.searchParams.has("scope")).toBe(false);
    expect(pending).not.toHaveProperty("scope");
  });

  it("asks for consent with offline_access, unless the host decides on prompt itself", async () => {
    const prompt = async (scope: string, extraParams?: Record<string, string>) =>
      (await create({}, { scope, extraParams })).authorizationUrl.searchParams.get("prompt");
    expect(await prompt("read offline_access")).toBe("consent");
    expect(await prompt("read offline_access", { prompt: "login" })).toBe("login");
    expect(await prompt("read offline_access", { prompt: "" })).toBeNull();
    expect(await prompt("read")).toBeNull();
  });

  it("has the host's own parameters", async () => {
    const { authorizationUrl } = await create({}, { extraParams: { access_type: "offline", login_hint: "" } });
    expect(authorizationUrl.searchParams.get("access_type")).toBe("offline");
    expect(authorizationUrl.searchParams.has("login_hint")).toBe(false);
  });

  it.each([
    "response_type",
    "client_id",
    "redirect_uri",
    "code_challenge",
    "code_challenge_method",
    "state",
    "resource",
    "scope",
    "response_mode",
    "request",
    "request_uri",
  ])("cannot have another %s", async (name) => {
    for (const value of ["x", ""]) {
      const attempt = create({}, { extraParams: { [name]: value } });
      await expect(attempt).rejects.toThrow(TypeError);
      await expect(attempt).rejects.toThrow(`extraParams.${name}`);
    }
  });
});

describe("the record", () => {
  it("holds all that the callback is judged by, as plain JSON [spec-71, pain-35]", async () => {
    const { authorizationUrl, pending } = await create({}, { scope: "read", subject: "user-1" });
    expect(pending).toStrictEqual({
      state: authorizationUrl.searchParams.get("state"),
      codeVerifier: pending.codeVerifier,
      redirectUri,
      scope: "read",
      subject: "user-1",
      resource: RESOURCE,
      server: serverMetadata(),
      registration: clientRegistration(),
      createdAt: NOW,
      expiresAt: NOW + 600_000,
    });
    expect(JSON.parse(JSON.stringify(pending))).toStrictEqual(pending);
  });

  it("expires when the host says so, by the runtime's clock if need be", async () => {
    expect((await create({}, { ttlMs: 1000 })).pending.expiresAt).toBe(NOW + 1000);
    const { pending } = await create({}, { now: undefined });
    expect(pending.expiresAt - pending.createdAt).toBe(600_000);
  });
});

describe("PKCE", () => {
  it.each([
    ["protected_resource", undefined],
    ["protected_resource", []],
    ["protected_resource", ["plain"]],
    ["protected_resource", ["s256"]],
    ["origin_metadata", undefined],
  ] as const)("must be listed: %s, %j [spec-30, spec-66]", async (source, methods) => {
    const error = await failureOf(create({ code_challenge_methods_supported: methods as never }, {}, { source }));
    expect(error).toMatchObject({ code: "pkce_unsupported" });
    expect(String(error)).toContain('"S256" in "code_challenge_methods_supported"');
  });

  it("is used all the same where no metadata can list it [spec-15, spec-67]", async () => {
    const metadata = { code_challenge_methods_supported: undefined as never };
    const { authorizationUrl } = await create(metadata, {}, { source: "origin_defaults" });
    expect(authorizationUrl.searchParams.get("code_challenge_method")).toBe("S256");
  });
});

describe("the server", () => {
  it.each([
    { authorization_endpoint: undefined as never },
    { response_types_supported: ["token"] },
    { response_types_supported: [] },
  ])("must have a code flow: %j", async (metadata) => {
    const error = await failureOf(create(metadata));
    expect(error).toMatchObject({ code: "metadata_invalid" });
    expect(String(error)).toContain(`"${String(Object.keys(metadata)[0])}"`);
  });

  it("may list it among others", async () => {
    await create({ response_types_supported: ["code", "code id_token"] });
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "vbscript:x",
    "http://as.example/authorize",
    "http://127.0.0.1/authorize",
    "https://user@as.example/authorize",
    "https://as.example/authorize#x",
    "/authorize",
  ])("cannot send the user to %s [spec-74, spec-75, spec-78]", async (authorization_endpoint) => {
    await expect(create({ authorization_endpoint })).rejects.toMatchObject({ code: "insecure_url" });
  });

  it("may be on http for an MCP server on loopback [fact-09]", async () => {
    const metadata = { authorization_endpoint: "http://localhost:9000/authorize" };
    const { authorizationUrl } = await create(metadata, {}, { serverUrl: "http://127.0.0.1:8000/mcp" });
    expect(authorizationUrl.host).toBe("localhost:9000");
  });

  it("is judged by the host as well [spec-23]", async () => {
    const seen: string[] = [];
    const allowUrl = (url: URL, { purpose, serverUrl }: { purpose: string; serverUrl: URL }) => {
      seen.push(`${purpose} ${url.href} ${serverUrl.href}`);
      return false;
    };
    await expect(create({}, { allowUrl })).rejects.toMatchObject({ code: "insecure_url" });
    expect(seen).toEqual([`authorization_endpoint ${ISSUER}/authorize ${RESOURCE}`]);
  });

  it("must be the one that knows the client [spec-19, spec-20, spec-53]", async () => {
    const registration = clientRegistration({ issuer: `${ISSUER}/` });
    const request = createAuthorizationRequest(serverMetadata(), registration, options);
    await expect(request).rejects.toMatchObject({ code: "client_issuer_mismatch" });
  });
});

describe("the redirect URI", () => {
  const withRedirectUris = (redirectUris: readonly string[], uri: string | URL) =>
    createAuthorizationRequest(serverMetadata(), clientRegistration({ redirectUris }), { redirectUri: uri });

  it.each([
    [["http://127.0.0.1/callback"], "http://127.0.0.1:9999/callback"],
    [["http://localhost:1/callback"], "http://localhost:2/callback"],
    [["https://other.example/", "https://app.example"], "https://app.example/"],
    [["com.example.app:/callback"], "com.example.app:/callback"],
    [["not a URL", "https://app.example/cb"], "https://app.example/cb"],
    [[], "https://app.example/anything"],
  ])("is one of %j: %s [spec-57]", async (registered, uri) => {
    const { authorizationUrl, pending } = await withRedirectUris(registered, uri);
    expect(authorizationUrl.searchParams.get("redirect_uri")).toBe(uri);
    expect(pending.redirectUri).toBe(uri);
  });

  it.each([
    [["http://127.0.0.1/callback"], "http://localhost:9999/callback"],
    [["http://127.0.0.1/callback"], "http://127.0.0.1:9999/other"],
    [["https://app.example:8443/cb"], "https://app.example/cb"],
    [["https://app.example/cb"], "https://app.example/cb/"],
    [["https://127.0.0.1:1/cb"], "https://127.0.0.1:2/cb"],
  ])("is refused when it is none of %j: %s [spec-57]", async (registered, uri) => {
    await expect(withRedirectUris(registered, uri)).rejects.toThrow(TypeError);
    await expect(withRedirectUris(registered, uri)).rejects.toThrow("redirectUri");
  });

  it.each(["http://app.example/cb", "callback:/x", "/callback", "https://app.example/cb#x"])(
    "is https, loopback or a reverse-domain scheme, unlike %s [spec-58]",
    async (uri) => {
      await expect(withRedirectUris([], uri)).rejects.toThrow(TypeError);
    },
  );

  it("may be given as a URL", async () => {
    const { pending } = await withRedirectUris([], new URL("https://app.example/cb"));
    expect(pending.redirectUri).toBe("https://app.example/cb");
  });
});
