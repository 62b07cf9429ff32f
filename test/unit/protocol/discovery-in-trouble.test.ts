import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TransportError } from "../../../src/errors.js";
import { discoverAuthServer } from "../../../src/protocol/discover-auth-server.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import {
  serverUrl,
  pathUrl,
  rootUrl,
  issuer,
  issuerUrl,
  BARE,
  answerAt,
  requested,
  refusalOf,
} from "../../support/discovery.js";

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
