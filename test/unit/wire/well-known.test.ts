import { expect, it } from "vitest";
import { authorizationServerMetadataUrls, protectedResourceMetadataUrls } from "../../../src/wire/well-known.js";

const protectedResource = "/.well-known/oauth-protected-resource";

it.each([
  [
    "https://h.example/public/mcp",
    [`https://h.example${protectedResource}/public/mcp`, `https://h.example${protectedResource}`],
  ],
  [
    "https://h.example/mcp/?a=1",
    ["/mcp/?a=1", "/mcp?a=1", ""].map((path) => `https://h.example${protectedResource}${path}`),
  ],
  ["https://h.example/mcp/", ["/mcp/", "/mcp", ""].map((path) => `https://h.example${protectedResource}${path}`)],
  [
    "https://h.example/mcp?a=1",
    [`https://h.example${protectedResource}/mcp?a=1`, `https://h.example${protectedResource}`],
  ],
  ["https://h.example:8443", [`https://h.example:8443${protectedResource}`]],
  ["https://h.example/", [`https://h.example${protectedResource}`]],
])("looks for the protected resource metadata of %s at %j [spec-14]", (serverUrl, expected) => {
  expect(protectedResourceMetadataUrls(new URL(serverUrl))).toEqual(expected);
});

it.each(["https://a.example/tenant1", "https://a.example/tenant1/"])(
  "looks for the metadata of %s at three URLs, never at the root [spec-25, spec-26, spec-27, fact-10]",
  (issuer) => {
    expect(authorizationServerMetadataUrls(issuer)).toEqual([
      "https://a.example/.well-known/oauth-authorization-server/tenant1",
      "https://a.example/.well-known/openid-configuration/tenant1",
      "https://a.example/tenant1/.well-known/openid-configuration",
    ]);
  },
);

it.each(["https://a.example", "https://a.example/"])("looks for the metadata of %s at two URLs [spec-28]", (issuer) => {
  expect(authorizationServerMetadataUrls(issuer)).toEqual([
    "https://a.example/.well-known/oauth-authorization-server",
    "https://a.example/.well-known/openid-configuration",
  ]);
});
