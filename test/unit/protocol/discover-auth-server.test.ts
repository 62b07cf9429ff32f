import { describe, expect, it, vi } from "vitest";
import { TransportError } from "../../../src/errors.js";
import { discoverAuthServer } from "../../../src/protocol/discover-auth-server.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import {
  serverUrl,
  origin,
  pathUrl,
  rootUrl,
  issuer,
  issuerUrl,
  BARE,
  answerAt,
  requested,
  published,
  resource,
  metadata,
  challenge,
  refusalOf,
} from "../../support/discovery.js";

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
