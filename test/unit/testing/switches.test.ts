import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../../src/testing.js";
import { jsonOf, outcomeOf, postForm, register } from "./plain-client.js";
import type { Json } from "./plain-client.js";

/** Everything that can be switched on or off beside the rest, each by itself and all together. */
const SWITCHES: readonly FakeAuthServerOptions[] = [
  { registration: "none" },
  { registration: "closed", initialAccessToken: "initial" },
  { registrationManagement: true },
  { revocation: false },
  { introspectionToken: "resource server" },
  { issueRefreshTokens: false },
  { clientCredentials: true },
  { deviceAuthorization: {} },
  { identityProviders: [] },
  { workloadIssuers: [] },
  { idJag: { audiences: {} } },
  { dpop: {} },
  { metadataKind: "openid" },
  { metadataKind: "openid_inserted", issuer: "https://auth.example.com/tenant" },
  { clientIdMetadataDocuments: true },
  { iss: { advertised: false, sent: false } },
  { tokenEndpointAuthMethods: ["none"] },
  { tokenEndpointAuthMethods: ["private_key_jwt", "client_secret_post", "none"] },
  { codeChallengeMethods: [] },
  { codeChallengeMethods: ["plain", "S256"] },
];
const CASES: readonly FakeAuthServerOptions[] = [
  {},
  ...SWITCHES,
  Object.assign({}, ...SWITCHES.slice(2)) as FakeAuthServerOptions,
];

const ENDPOINTS: Readonly<Record<string, string>> = {
  authorization_endpoint: "/authorize",
  token_endpoint: "/token",
  registration_endpoint: "/register",
  revocation_endpoint: "/revoke",
  introspection_endpoint: "/introspect",
  device_authorization_endpoint: "/device_authorization",
  jwks_uri: "/jwks",
};
const URN = "urn:ietf:params:oauth:grant-type";
const GRANT_TYPES = [
  "authorization_code",
  "refresh_token",
  "client_credentials",
  `${URN}:device_code`,
  `${URN}:jwt-bearer`,
  `${URN}:token-exchange`,
  "password",
];
const AUTH_METHODS = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"];

async function metadataOf(server: FakeAuthServer, { metadataKind }: FakeAuthServerOptions): Promise<Json> {
  const { origin, pathname } = new URL(server.issuer);
  const path = pathname.replace(/\/$/, "");
  const url =
    metadataKind === "openid"
      ? `${origin}${path}/.well-known/openid-configuration`
      : `${origin}/.well-known/${metadataKind === undefined ? "oauth-authorization-server" : "openid-configuration"}${path}`;
  return jsonOf(await server.fetch(url));
}

test.each(CASES)("publishes the endpoints that there are, and no others: %j", async (options) => {
  const server = createFakeAuthServer(options);
  const metadata = await metadataOf(server, options);
  for (const [member, path] of Object.entries(ENDPOINTS)) {
    const isThere = (await server.fetch(server.issuer + path, { method: "HEAD" })).status !== 404;
    expect([member, metadata[member]]).toEqual([member, isThere ? server.issuer + path : undefined]);
  }
});

test.each(CASES)("publishes the grants that it knows, and no others: %j", async (options) => {
  const clients = [{ client_id: "any", client_secret: "s", token_endpoint_auth_method: "client_secret_post" }];
  const server = createFakeAuthServer({ ...options, clients });
  const published = (await metadataOf(server, options))["grant_types_supported"] as readonly string[];
  const known: string[] = [];
  for (const grantType of GRANT_TYPES) {
    const params = { grant_type: grantType, client_id: "any", client_secret: "s" };
    const [, error] = await outcomeOf(await postForm(server, "/token", params));
    if (error !== "unsupported_grant_type") known.push(grantType);
  }
  expect([...published].sort()).toEqual(known.sort());
});

test.each(CASES.filter(({ registration }) => registration !== "none"))(
  "publishes how clients may authenticate, and lets them register for that alone: %j",
  async (options) => {
    const server = createFakeAuthServer({ ...options, registration: "open" });
    const metadata = await metadataOf(server, options);
    const known: string[] = [];
    for (const method of AUTH_METHODS) {
      const jwks = method === "private_key_jwt" ? { keys: [] } : undefined;
      const response = await register(server, { token_endpoint_auth_method: method, jwks });
      if (response.ok) known.push(method);
    }
    expect([...(metadata["token_endpoint_auth_methods_supported"] as string[])].sort()).toEqual(known.sort());
    const signs = known.includes("private_key_jwt");
    expect("token_endpoint_auth_signing_alg_values_supported" in metadata).toBe(signs);
    expect("revocation_endpoint_auth_methods_supported" in metadata).toBe("revocation_endpoint" in metadata);
    expect("revocation_endpoint_auth_signing_alg_values_supported" in metadata).toBe(
      signs && "revocation_endpoint" in metadata,
    );
    expect("introspection_endpoint_auth_methods_supported" in metadata).toBe("introspection_endpoint" in metadata);
  },
);

test.each(CASES)(
  "publishes `iss`, metadata documents, PKCE, DPoP, ID-JAG and OpenID as they are: %j",
  async (options) => {
    const fetch = (url: string | URL): Promise<Response> =>
      Promise.resolve(
        Response.json({ client_id: String(url), client_name: "x", redirect_uris: ["https://app.example/callback"] }),
      );
    const server = createFakeAuthServer({
      ...options,
      fetch,
      clients: [{ client_id: "any", redirect_uris: ["https://app.example/callback"] }],
    });
    const metadata = await metadataOf(server, options);
    const authorize = async (params: Record<string, string>): Promise<Response> => {
      const all = { response_type: "code", redirect_uri: "https://app.example/callback", ...params };
      return server.fetch(`${server.issuer}/authorize?${new URLSearchParams(all).toString()}`);
    };
    const isIssSent = async (): Promise<boolean> => {
      const callback = await server.deny(
        `${server.issuer}/authorize?client_id=any&redirect_uri=${encodeURIComponent("https://app.example/callback")}`,
      );
      return callback.searchParams.has("iss");
    };
    expect(metadata["authorization_response_iss_parameter_supported"] ?? false).toBe(await isIssSent());
    const ofDocument = await authorize({ client_id: "https://app.example/client.json" });
    expect(metadata["client_id_metadata_document_supported"] ?? false).toBe(ofDocument.status !== 400);
    for (const method of ["S256", "plain"]) {
      const callback = await server.approve(
        `${server.issuer}/authorize?${new URLSearchParams({
          response_type: "code",
          client_id: "any",
          redirect_uri: "https://app.example/callback",
          code_challenge: "c".repeat(43),
          code_challenge_method: method,
        }).toString()}`,
      );
      const published = (metadata["code_challenge_methods_supported"] ?? ["S256"]) as readonly string[];
      expect([method, published.includes(method)]).toEqual([method, callback.searchParams.has("code")]);
    }
    const flags: Readonly<Record<string, boolean>> = {
      dpop_signing_alg_values_supported: options.dpop !== undefined,
      authorization_grant_profiles_supported: options.identityProviders !== undefined,
      identity_chaining_requested_token_types_supported: options.idJag !== undefined,
    };
    for (const [member, isOn] of Object.entries(flags)) expect([member, member in metadata]).toEqual([member, isOn]);
    const isOpenid = options.metadataKind !== undefined;
    for (const member of ["subject_types_supported", "id_token_signing_alg_values_supported"]) {
      expect([member, member in metadata]).toEqual([member, isOpenid]);
    }
  },
);
