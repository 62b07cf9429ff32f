import { expect, it } from "vitest";
import type { ClientMetadata } from "../../../src/index.js";
import { createAuthClient, createClientMetadataDocument } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import { approvedBy, createHost, REDIRECT } from "../../support/host.js";

const URL_OF_DOCUMENT = "https://app.example.com/oauth/client.json";
const metadata: ClientMetadata = { client_name: "Example", redirect_uris: ["http://127.0.0.1/callback"] };

it("has its URL as id, the name and the redirect URIs, and no secret [spec-38, spec-40, spec-41, spec-43, spec-52]", () => {
  expect(createClientMetadataDocument(URL_OF_DOCUMENT, { ...metadata, client_uri: "https://app.example.com" })).toEqual(
    {
      client_id: URL_OF_DOCUMENT,
      client_name: "Example",
      client_uri: "https://app.example.com",
      redirect_uris: ["http://127.0.0.1/callback"],
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
  );
});

it("is of a web application when every redirect URI is https and elsewhere", () => {
  const web = { ...metadata, redirect_uris: ["https://app.example.com/callback"] };
  expect(createClientMetadataDocument(URL_OF_DOCUMENT, web).application_type).toBe("web");
  const chosen = createClientMetadataDocument(URL_OF_DOCUMENT, { ...web, application_type: "native" });
  expect(chosen.application_type).toBe("native");
});

const badUrls = [
  "http://app.example.com/client.json",
  "https://app.example.com",
  "https://app.example.com/",
  "https://app.example.com/client.json#",
  "https://app.example.com/client.json#x",
  "https://user@app.example.com/client.json",
  "https://:secret@app.example.com/client.json",
  "https://app.example.com/a/../client.json",
  "https://app.example.com/./client.json",
  "https://app.example.com/%2e%2e/client.json",
  "https://APP.example.com/client.json",
  "https://app.example.com:443/client.json",
  " https://app.example.com/client.json",
  "https://app.example.com/a b",
  "/client.json",
  "",
];
it.each(badUrls)("is refused at %j, by the client as well [spec-39]", (url) => {
  expect(() => createClientMetadataDocument(url, metadata)).toThrow(TypeError);
  expect(() => createClientMetadataDocument(url, metadata)).toThrow("clientMetadataUrl");
  expect(() => createAuthClient({ clientMetadata: metadata, clientMetadataUrl: url })).toThrow("clientMetadataUrl");
});

it.each([
  "https://app.example.com/client.json",
  "https://app.example.com:8443/client.json",
  "https://app.example.com/client?v=1",
  "https://app.example.com/.well-known/client",
])("is accepted at %j [spec-39]", (url) => {
  expect(createClientMetadataDocument(url, metadata).client_id).toBe(url);
});

const refused: readonly [string, ClientMetadata][] = [
  ["client_name", { ...metadata, client_name: "" }],
  ["client_name", { redirect_uris: metadata.redirect_uris ?? [] }],
  ["redirect_uris", { client_name: "Example" }],
  ["redirect_uris", { ...metadata, redirect_uris: [] }],
  ["redirectUri", { ...metadata, redirect_uris: ["http://app.example.com/callback"] }],
  ["client_secret", { ...metadata, client_secret: "s3cret" }],
  ["client_secret_expires_at", { ...metadata, client_secret_expires_at: 0 }],
  ["token_endpoint_auth_method", { ...metadata, token_endpoint_auth_method: "client_secret_post" }],
  ["token_endpoint_auth_method", { ...metadata, token_endpoint_auth_method: "client_secret_basic" }],
  ["jwks", { ...metadata, token_endpoint_auth_method: "private_key_jwt" }],
  ["client_id", { ...metadata, client_id: "https://other.example.com/client.json" }],
];
it.each(refused)(
  "is refused for its %s, without a secret in the message [spec-40, spec-41, spec-43]",
  (member, wrong) => {
    expect(() => createClientMetadataDocument(URL_OF_DOCUMENT, wrong)).toThrow(TypeError);
    expect(() => createClientMetadataDocument(URL_OF_DOCUMENT, wrong)).toThrow(member);
    expect(() => createClientMetadataDocument(URL_OF_DOCUMENT, wrong)).not.toThrow("s3cret");
  },
);

it("may name keys for private_key_jwt [spec-42]", () => {
  const keys = { token_endpoint_auth_method: "private_key_jwt", jwks_uri: "https://app.example.com/jwks.json" };
  expect(createClientMetadataDocument(URL_OF_DOCUMENT, { ...metadata, ...keys })).toMatchObject(keys);
});

it("is refused above the size that servers read [spec-44]", () => {
  expect(() => createClientMetadataDocument(URL_OF_DOCUMENT, { ...metadata, policy_uri: "x".repeat(5_000) })).toThrow(
    "5120 bytes",
  );
});

it("is what a server takes [spec-35, spec-36]", async () => {
  const document = createClientMetadataDocument(URL_OF_DOCUMENT, { client_name: "Test", redirect_uris: [REDIRECT] });
  const server = createFakeAuthServer({
    clientIdMetadataDocuments: true,
    fetch: (url) => Promise.resolve(Response.json(String(url) === URL_OF_DOCUMENT ? document : {})),
  });
  const { session } = createHost(server, { clientMetadataUrl: URL_OF_DOCUMENT });
  const { registration } = await session.authorize(approvedBy(server));
  expect(registration).toMatchObject({ clientId: URL_OF_DOCUMENT, source: "metadata_document" });
});
