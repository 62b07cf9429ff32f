import { expect, it, vi } from "vitest";
import { connectionAdvice, describeUnreachable } from "../../../src/cli/unreachable.js";

const url = new URL("https://mcp.example.com/mcp");
const failure = (code: string): Error => new TypeError("fetch failed", { cause: Object.assign(new Error(), { code }) });

it.each([
  ["ENOTFOUND", "there is no host mcp.example.com, or no network"],
  ["ECONNREFUSED", "nothing listens at mcp.example.com"],
  ["ENETUNREACH", "there is no way to mcp.example.com, as without a network"],
  ["UND_ERR_CONNECT_TIMEOUT", "mcp.example.com does not answer"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "the certificate of mcp.example.com is not trusted here (SELF_SIGNED_CERT_IN_CHAIN)"],
  ["EPIPE", "mcp.example.com could not be reached (EPIPE)"],
])("%s is told as a sentence", (code, sentence) => {
  expect(describeUnreachable(url, failure(code))).toBe(sentence);
});

it("a failure without a code is told as it is", () => {
  expect(describeUnreachable(url, new Error("bad port"))).toBe("mcp.example.com could not be reached (bad port)");
});

it.each([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
])("%s: says where Node takes the authorities of a network from", (code) => {
  expect(connectionAdvice(failure(code))).toContain("NODE_EXTRA_CA_CERTS");
});

it("says how a proxy that is set is used, unless it is", () => {
  for (const name of ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]) vi.stubEnv(name, "");
  expect(connectionAdvice(failure("ENOTFOUND"))).toBe("Look at the URL and at the connection, then try again.");
  vi.stubEnv("HTTPS_PROXY", "http://proxy.example.com:3128");
  expect(connectionAdvice(failure("ENOTFOUND"))).toContain("NODE_USE_ENV_PROXY=1");
  vi.stubEnv("NODE_USE_ENV_PROXY", "1");
  expect(connectionAdvice(failure("ENOTFOUND"))).toBe("Look at the URL and at the connection, then try again.");
});
