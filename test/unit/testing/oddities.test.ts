import { describe, expect, it, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions, OddityName } from "../../../src/testing.js";
import {
  REDIRECT_URI,
  authorizationUrl,
  call,
  codeParams,
  jsonOf,
  logIn,
  pkce,
  postForm,
  refresh,
  register,
  registeredClientId,
} from "./plain-client.js";

const deviating = (fault: OddityName, options?: FakeAuthServerOptions): FakeAuthServer =>
  createFakeAuthServer({ ...options, faults: [{ fault }] });

const METADATA = "/.well-known/oauth-authorization-server";
const metadataOf = async (server: FakeAuthServer) => jsonOf(await server.fetch(server.issuer + METADATA));
const resourceMetadataOf = async (server: FakeAuthServer) =>
  jsonOf(await server.fetch("https://mcp.example.com/.well-known/oauth-protected-resource/mcp"));

describe("metadata", () => {
  it.each<[OddityName, Record<string, unknown>]>([
    ["missing_pkce_methods", { code_challenge_methods_supported: undefined }],
    ["issuer_alias", { issuer: "https://www.auth.example.com" }],
    ["null_members", { service_documentation: null, introspection_endpoint: null, scopes_supported: null }],
    ["plain_http_token_endpoint", { token_endpoint: "http://insecure.example/token" }],
    ["internal_token_endpoint", { token_endpoint: "https://169.254.169.254/token" }],
  ])("%s", async (fault, members) => {
    const server = deviating(fault);
    const usual = await metadataOf(createFakeAuthServer());
    expect(JSON.stringify(sorted(await metadataOf(server)))).toBe(JSON.stringify(sorted({ ...usual, ...members })));
  });

  it("issuer_alias: iss is the alias as well, and loopback has one too", async () => {
    const server = deviating("issuer_alias", { issuer: "http://127.0.0.1:1234/auth/" });
    expect(await jsonOf(await server.fetch(`http://127.0.0.1:1234${METADATA}/auth`))).toMatchObject({
      issuer: "http://localhost:1234/auth",
    });
    const other = deviating("issuer_alias");
    const callback = await approved(other);
    expect(callback.get("iss")).toBe("https://www.auth.example.com");
    expect((await approved(deviating("issuer_alias", { iss: { sent: false } }))).has("iss")).toBe(false);
  });

  it.each<[OddityName, string[]]>([
    ["issuer_root_slash", ["https://auth.example.com/"]],
    ["dead_server_first", ["https://dead.example", "https://auth.example.com"]],
  ])("%s", async (fault, servers) => {
    expect((await resourceMetadataOf(deviating(fault)))["authorization_servers"]).toEqual(servers);
  });

  it("appended_metadata: below the issuer's path alone", async () => {
    const issuer = "https://auth.example.com/oidc";
    const server = deviating("appended_metadata", { issuer });
    expect((await server.fetch(`https://auth.example.com${METADATA}/oidc`)).status).toBe(404);
    expect((await server.fetch(`https://auth.example.com${METADATA}`)).status).toBe(404);
    expect(await jsonOf(await server.fetch(issuer + METADATA))).toMatchObject({ issuer });
    // without a path both are one
    expect(await metadataOf(deviating("appended_metadata"))).toMatchObject({ issuer: "https://auth.example.com" });
  });

  it("redirected_metadata: a slash further on", async () => {
    const server = deviating("redirected_metadata");
    const response = await server.fetch(server.issuer + METADATA);
    expect([response.status, response.headers.get("location")]).toEqual([301, `${METADATA}/`]);
    expect(await jsonOf(await server.fetch(`${server.issuer}${METADATA}/`))).toMatchObject({ issuer: server.issuer });
    expect((await server.fetch(`${server.issuer}/.well-known/openid-configuration`)).status).toBe(404);
  });

  it("json_as_text: also the tokens", async () => {
    const server = deviating("json_as_text");
    const params = await codeParams(server, await registeredClientId(server));
    for (const response of [await server.fetch(server.issuer + METADATA), await postForm(server, "/token", params)]) {
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
    }
  });
});

describe("registration", () => {
  it.each<[OddityName, Record<string, unknown>]>([
    ["null_members", { client_uri: null, scope: null, client_secret: null }],
    ["secret_for_public_client", { token_endpoint_auth_method: "client_secret_post" }],
    ["auth_method_not_named", { token_endpoint_auth_method: undefined }],
    ["expiring_secret", { client_secret_expires_at: 3600 }],
    ["empty_uris", { client_uri: "", logo_uri: "", tos_uri: "" }],
  ])("%s", async (fault, members) => {
    const response = await register(deviating(fault, { now: () => 0 }));
    expect(response.status).toBe(201);
    const registered = await jsonOf(response);
    for (const [name, value] of Object.entries(members)) expect(registered[name], name).toEqual(value);
    expect(typeof registered["client_secret"] === "string").toBe(fault === "secret_for_public_client");
  });

  it("secret_for_public_client: without the secret there are no tokens", async () => {
    const server = deviating("secret_for_public_client");
    const { client_id: id, client_secret: secret } = await jsonOf(await register(server));
    const params = await codeParams(server, id as string);
    expect((await postForm(server, "/token", params)).status).toBe(401);
    expect((await postForm(server, "/token", { ...params, client_secret: secret as string })).status).toBe(200);
  });

  it("no_secret_for_confidential_client: it is a public one", async () => {
    const server = deviating("no_secret_for_confidential_client");
    const registered = await jsonOf(await register(server, { token_endpoint_auth_method: "client_secret_basic" }));
    expect(registered["token_endpoint_auth_method"]).toBe("none");
    expect(registered).not.toHaveProperty("client_secret");
    expect((await logIn(server, registered["client_id"] as string)).access_token).toMatch(/^access_token-/);
  });

  it("registration_200, and refusals as they are", async () => {
    const server = deviating("registration_200");
    expect((await register(server)).status).toBe(200);
    expect((await register(server, { redirect_uris: [] })).status).toBe(400);
  });

  it("figma_registration: plain text", async () => {
    const response = await register(deviating("figma_registration"));
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
      403,
      "text/plain",
      "Forbidden",
    ]);
  });

  it.each<[OddityName, string, string]>([
    ["localhost_only", "http://localhost:1/callback", "http://127.0.0.1:1/callback"],
    ["loopback_address_only", "http://127.0.0.1:1/callback", "http://localhost:1/callback"],
  ])("%s", async (fault, good, bad) => {
    const server = deviating(fault, { clients: [{ client_id: "app", redirect_uris: [bad] }] });
    const refused = await register(server, { redirect_uris: [good, bad] });
    expect([refused.status, (await jsonOf(refused))["error"]]).toEqual([400, "invalid_redirect_uri"]);
    const clientId = await registeredClientId(server, { redirect_uris: [good] });
    const url = authorizationUrl(server, clientId, pkce().challenge, { redirect_uri: good });
    expect((await server.approve(url)).searchParams.has("code")).toBe(true);
    const badUrl = authorizationUrl(server, "app", pkce().challenge, { redirect_uri: bad });
    await expect(server.approve(badUrl)).rejects.toThrow("answered 400");
  });
});

describe("callbacks", () => {
  it.each<[OddityName, string, string | null]>([
    ["missing_state", "state", null],
    ["wrong_state", "state", "of-another-login"],
    ["missing_iss", "iss", null],
  ])("%s", async (fault, parameter, value) => {
    const callback = await approved(deviating(fault));
    expect(callback.get(parameter)).toBe(value);
    expect(callback.has("code")).toBe(true);
  });

  it("slack_user_scope: scope is for a bot", async () => {
    const server = deviating("slack_user_scope");
    const clientId = await registeredClientId(server);
    expect(await logIn(server, clientId, { scope: "chat:write" })).not.toHaveProperty("scope");
    const asked = { scope: undefined, user_scope: "chat:write,search:read" };
    expect(await logIn(server, clientId, asked)).toMatchObject({ scope: "chat:write search:read" });
  });
});

describe("tokens", () => {
  it.each<[OddityName, Record<string, unknown>]>([
    ["github_tokens", { expires_in: undefined, token_type: "bearer", scope: "a,b" }],
    ["expires_in_string", { expires_in: "86400" }],
    ["expires_in_zero", { expires_in: 0 }],
    ["expires_in_missing", { expires_in: undefined }],
    ["token_type_lower_case", { token_type: "bearer" }],
    ["token_type_missing", { token_type: undefined }],
    ["token_type_unknown", { token_type: "mac" }],
    ["scope_missing", { scope: undefined }],
    ["scope_with_commas", { scope: "a,b" }],
    ["scope_list", { scope: ["a", "b"] }],
    ["refresh_token_missing", { refresh_token: undefined }],
    ["refresh_token_null", { refresh_token: null }],
    ["refresh_token_empty", { refresh_token: "" }],
    ["access_token_missing", { access_token: undefined }],
    ["access_token_empty", { access_token: "" }],
  ])("%s", async (fault, members) => {
    const server = createFakeAuthServer();
    const clientId = await registeredClientId(server);
    const usual = await logIn(server, clientId, { scope: "a b" });
    server.faults.add({ fault });
    for (const answer of [
      await logIn(server, clientId, { scope: "a b" }),
      await jsonOf(await refresh(server, clientId, usual.refresh_token)),
    ]) {
      expect(withoutValues(answer)).toEqual(withoutValues({ ...usual, ...members }));
    }
  });

  it("slack_tokens: nested, and an access token that works", async () => {
    const server = deviating("slack_tokens");
    const tokens = await logIn(server, await registeredClientId(server), { scope: "a b" });
    expect(tokens).toMatchObject({ ok: true, authed_user: { scope: "a,b", token_type: "user", expires_in: 86_400 } });
    expect(tokens).not.toHaveProperty("access_token");
    const { authed_user: user } = tokens as unknown as { authed_user: { access_token: string } };
    expect((await call(server, user.access_token)).status).toBe(200);
  });

  it.each<[OddityName, Record<string, unknown>]>([
    ["slack_errors", { ok: false, error: "invalid_grant" }],
    ["github_errors", { error: "bad_verification_code" }],
  ])("%s: with status 200", async (fault, members) => {
    const server = deviating(fault);
    const clientId = await registeredClientId(server);
    const refused = await refresh(server, clientId, "unknown");
    expect(refused.status).toBe(200);
    expect(await jsonOf(refused)).toMatchObject(members);
    expect(await logIn(server, clientId)).toHaveProperty("access_token");
  });

  it("github_errors: other codes are as ever", async () => {
    const response = await postForm(deviating("github_errors"), "/token", { client_id: "unknown" });
    expect((await jsonOf(response))["error"]).toBe("invalid_client");
  });

  it("form_encoded_tokens", async () => {
    const server = deviating("form_encoded_tokens");
    const response = await postForm(server, "/token", await codeParams(server, await registeredClientId(server)));
    expect(response.headers.get("content-type")).toBe("application/x-www-form-urlencoded; charset=utf-8");
    expect(Object.fromEntries(new URLSearchParams(await response.text()))).toMatchObject({
      token_type: "Bearer",
      expires_in: "86400",
    });
  });

  it("nested_tokens", async () => {
    const server = deviating("nested_tokens");
    const tokens = await logIn(server, await registeredClientId(server));
    expect(tokens).toEqual({ data: expect.objectContaining({ token_type: "Bearer" }) as unknown });
  });

  it("entra_resource: refused at every step, and not needed", async () => {
    const server = deviating("entra_resource");
    const clientId = await registeredClientId(server);
    const callback = await server.approve(authorizationUrl(server, clientId, pkce().challenge));
    expect(callback.searchParams.get("error")).toBe("invalid_target");
    expect(callback.searchParams.has("code")).toBe(false);

    const without = { ...(await codeParams(server, clientId, { resource: undefined })), resource: undefined };
    const refused = await postForm(server, "/token", { ...without, resource: server.serverUrl });
    expect((await jsonOf(refused))["error_description"]).toContain("AADSTS9010010");
    const tokens = await jsonOf(await postForm(server, "/token", without));
    expect((await call(server, tokens["access_token"] as string)).status).toBe(200);
    const refreshToken = tokens["refresh_token"] as string;
    expect((await refresh(server, clientId, refreshToken)).status).toBe(400);
    expect((await refresh(server, clientId, refreshToken, { resource: undefined })).status).toBe(200);
  });

  it("entra_refresh: not without scope", async () => {
    const server = deviating("entra_refresh");
    const clientId = await registeredClientId(server);
    const { refresh_token: token } = await logIn(server, clientId, { scope: "a" });
    const refused = await refresh(server, clientId, token);
    expect([refused.status, (await jsonOf(refused))["error_description"]]).toEqual([
      400,
      expect.stringContaining("AADSTS90009"),
    ]);
    expect((await refresh(server, clientId, token, { scope: "a" })).status).toBe(200);
  });

  it("google_offline: to who asked with access_type=offline", async () => {
    const server = deviating("google_offline");
    const clientId = await registeredClientId(server);
    expect(await logIn(server, clientId)).not.toHaveProperty("refresh_token");
    expect(await logIn(server, clientId, { access_type: "offline" })).toHaveProperty("refresh_token");
    const denied = await server.deny(authorizationUrl(server, clientId, pkce().challenge, { access_type: "offline" }));
    expect(denied.searchParams.get("error")).toBe("access_denied");
  });

  it("raw_basic: as it is, and not form-encoded", async () => {
    const secret = "a+b/c%20d";
    const server = deviating("raw_basic", {
      clients: [{ client_id: "app", client_secret: secret, redirect_uris: [REDIRECT_URI] }],
    });
    const params = { ...(await codeParams(server, "app")), client_id: undefined };
    const basic = (value: string) => ({ authorization: `Basic ${btoa(`app:${value}`)}` });
    expect((await postForm(server, "/token", params, basic(encodeURIComponent(secret)))).status).toBe(401);
    expect((await postForm(server, "/token", params, basic(secret))).status).toBe(200);
    expect((await postForm(server, "/token", params)).status).toBe(401);
  });

  it("invalid_client_400", async () => {
    const server = deviating("invalid_client_400");
    const refused = await refresh(server, "unknown", "x");
    expect([refused.status, (await jsonOf(refused))["error"]]).toEqual([400, "invalid_client"]);
    expect(await logIn(server, await registeredClientId(server))).toHaveProperty("access_token");
  });
});

describe("the MCP server", () => {
  const URL_OF_METADATA = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";

  it.each<[OddityName, string | null]>([
    ["challenge_missing", null],
    [
      "challenge_last",
      `Negotiate, Basic realm="intranet, \\"old\\"", Bearer scope="read", resource_metadata="${URL_OF_METADATA}"`,
    ],
    ["challenge_upper_case", `BEARER SCOPE="read", RESOURCE_METADATA="${URL_OF_METADATA}"`],
    [
      "challenge_twice",
      `Bearer scope="read", resource_metadata="${URL_OF_METADATA}", resource_metadata="${URL_OF_METADATA}"`,
    ],
    ["challenge_escaped", `Bearer scope="\\read", resource_metadata="\\${URL_OF_METADATA}"`],
    ["scope_not_named", `Bearer resource_metadata="${URL_OF_METADATA}"`],
  ])("%s", async (fault, challenge) => {
    const server = deviating(fault, { requiredScope: "read" });
    expect((await call(server)).headers.get("www-authenticate")).toBe(challenge);
    const { access_token: token } = await logIn(server, await registeredClientId(server));
    expect((await call(server, token)).status).toBe(200);
  });

  it("challenge_twice and scope_not_named leave alone what is not there", async () => {
    const without = { resourceMetadata: "well_known" as const };
    expect((await call(deviating("challenge_twice", without))).headers.get("www-authenticate")).toBe("Bearer");
    expect((await call(deviating("scope_not_named", without))).headers.get("www-authenticate")).toBe("Bearer");
  });

  it("step_up_401: a missing scope", async () => {
    const server = deviating("step_up_401", { pathScopes: { "/mcp/admin": "admin" } });
    const { access_token: token } = await logIn(server, await registeredClientId(server));
    const refused = await call(server, token, `${server.serverUrl}/admin`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
    expect((await call(server, token)).status).toBe(200);
  });

  it.each<[OddityName, number]>([
    ["rejects_every_token", 401],
    ["bad_token_500", 200],
    ["get_405", 405],
  ])("%s: a good token is answered with %i", async (fault, status) => {
    const server = deviating(fault);
    const { access_token: token } = await logIn(server, await registeredClientId(server));
    expect((await call(server, token)).status).toBe(status);
    expect((await call(server)).status).toBe(401);
    const posted = await server.fetch(server.serverUrl, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
    expect(posted.status).toBe(fault === "rejects_every_token" ? 401 : 200);
  });

  test("bad_token_500: only a bad one", async () => {
    expect((await call(deviating("bad_token_500"), "made-up")).status).toBe(500);
  });
});

async function approved(server: FakeAuthServer): Promise<URLSearchParams> {
  const clientId = await registeredClientId(server);
  return (await server.approve(authorizationUrl(server, clientId, pkce().challenge))).searchParams;
}

/** As JSON, with every token alike. */
const withoutValues = (tokens: object): unknown =>
  JSON.parse(
    JSON.stringify(tokens, (_name, value: unknown) =>
      typeof value === "string" ? value.replace(/^(access|refresh)_token-.*/, "a token") : value,
    ),
  );

const sorted = (object: object): object =>
  Object.fromEntries(Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1)));
