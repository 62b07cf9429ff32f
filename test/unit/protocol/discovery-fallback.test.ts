import { describe, expect, it } from "vitest";
import { discoverAuthServer } from "../../../src/protocol/discover-auth-server.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { Fault } from "../../support/discovery.js";
import {
  serverUrl,
  origin,
  pathUrl,
  rootUrl,
  originUrl,
  issuer,
  LEGACY,
  BARE,
  answerAt,
  requested,
  published,
  refusalOf,
} from "../../support/discovery.js";

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
