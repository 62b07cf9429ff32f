import { describe, expect, it } from "vitest";
import {
  parseAuthorizationServerMetadata,
  parseClientInformation,
  parseProtectedResourceMetadata,
} from "../../../src/wire/documents.js";

describe("protected resource metadata", () => {
  it("is passed on verbatim, unknown members included [spec-16]", () => {
    const document = {
      resource: "https://H.example",
      authorization_servers: ["https://a.example/", "https://b.example"],
      scopes_supported: ["a"],
      bearer_methods_supported: ["header"],
      "x-more": { deep: [1] },
    };
    expect(parseProtectedResourceMetadata(document)).toEqual({ value: document });
  });

  it.each([
    [{}, '"resource" must be a string'],
    [{ resource: ["https://h.example"] }, '"resource" must be a string'],
    [
      { resource: "https://h.example", authorization_servers: "https://a.example" },
      '"authorization_servers" must be a list of strings',
    ],
    [
      { resource: "https://h.example", authorization_servers: [{}] },
      '"authorization_servers" must be a list of strings',
    ],
  ])("%j is refused because %s [spec-124]", (document, problem) => {
    expect(parseProtectedResourceMetadata(document)).toEqual({ problem });
  });

  it("loses a list of scopes that is none", () => {
    const document = { resource: "https://h.example", scopes_supported: "a b" };
    expect(parseProtectedResourceMetadata(document)).toEqual({ value: { resource: "https://h.example" } });
    expect(document.scopes_supported).toBe("a b");
  });
});

describe("authorization server metadata", () => {
  const required = { issuer: "https://a.example", token_endpoint: "https://a.example/token" };

  it("needs an issuer and a token endpoint only, and keeps unknown members [spec-32]", () => {
    const document = { ...required, "x-more": 1, code_challenge_methods_supported: ["S256"] };
    expect(parseAuthorizationServerMetadata(document)).toEqual({ value: document });
  });

  it.each(["issuer", "token_endpoint", "authorization_endpoint"])(
    "is refused when %s is no string [spec-124]",
    (member) => {
      expect(parseAuthorizationServerMetadata({ ...required, [member]: 1 })).toEqual({
        problem: `"${member}" must be a string`,
      });
    },
  );

  it.each(["issuer", "token_endpoint"])("is refused without %s", (member) => {
    expect(parseAuthorizationServerMetadata({ ...required, [member]: undefined })).toEqual({
      problem: `"${member}" must be a string`,
    });
  });

  it("loses optional members of a wrong type; only a real true is a flag", () => {
    const wrong = {
      registration_endpoint: 1,
      revocation_endpoint: {},
      scopes_supported: "a",
      response_types_supported: [1],
      grant_types_supported: {},
      token_endpoint_auth_methods_supported: "none",
      code_challenge_methods_supported: "S256",
      authorization_response_iss_parameter_supported: "true",
      client_id_metadata_document_supported: 1,
      protected_resources: [null],
    };
    expect(parseAuthorizationServerMetadata({ ...required, ...wrong })).toEqual({ value: required });
    const flags = {
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: false,
    };
    expect(parseAuthorizationServerMetadata({ ...required, ...flags })).toEqual({
      value: { ...required, ...flags },
    });
  });
});

describe("client information", () => {
  it("is passed on, and a secret without expiry does not expire", () => {
    const document = { client_id: "c", client_secret: "s", client_name: "x", redirect_uris: ["http://127.0.0.1/"] };
    expect(parseClientInformation(document)).toEqual({
      value: { ...document, client_secret_expires_at: 0 },
    });
  });

  it.each([
    [1_700_000_000, 1_700_000_000],
    ["1700000000", 1_700_000_000],
    [0, 0],
    [-1, 0],
    [null, 0],
    ["soon", 0],
  ])("with the expiry %j expires at %j", (given, expected) => {
    const parsed = parseClientInformation({ client_id: "c", client_secret_expires_at: given });
    expect(parsed).toEqual({ value: { client_id: "c", client_secret_expires_at: expected } });
  });

  it("has no secret when the secret is empty, and loses what is of a wrong type", () => {
    const parsed = parseClientInformation({ client_id: "c", client_secret: "", scope: ["a"], redirect_uris: "x" });
    expect(parsed).toEqual({ value: { client_id: "c", client_secret_expires_at: 0 } });
  });

  it.each([
    [{}, '"client_id" must be a string'],
    [{ client_id: "" }, '"client_id" must not be empty'],
    [{ client_id: "c", client_secret: 1 }, '"client_secret" must be a string'],
    [{ client_id: "c", token_endpoint_auth_method: [] }, '"token_endpoint_auth_method" must be a string'],
  ])("%j is refused because %s [spec-124]", (document, problem) => {
    expect(parseClientInformation(document)).toEqual({ problem });
  });
});
