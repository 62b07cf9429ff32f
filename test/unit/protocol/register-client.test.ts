import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { registerClient } from "../../../src/protocol/register-client.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import type { ClientMetadata } from "../../../src/types.js";
import { failureOf } from "../../support/host.js";
import { discover } from "../../support/steps.js";

const NOW = 1_800_000_000_000;
const now = (): number => NOW;
const redirect_uris = ["http://127.0.0.1/callback"];

/** The registrations that were asked for. */
const asked = (fake: FakeAuthServer): ClientMetadata[] =>
  fake.requests.filter(({ endpoint }) => endpoint === "registration").map(({ json }) => json as ClientMetadata);

const register = async (fake: FakeAuthServer, clientMetadata: ClientMetadata = { redirect_uris }) =>
  registerClient(await discover(fake), { clientMetadata, fetch: fake.fetch, now: fake.now });

describe("the registration request", () => {
  it("fills in what a public client with refresh tokens needs [spec-46, spec-47, spec-48, spec-52, spec-57, spec-59]", async () => {
    const fake = createFakeAuthServer();
    await register(fake, { client_name: "Example", redirect_uris });
    expect(fake.counts.registration).toBe(1);
    const request = fake.requests.at(-1);
    expect(request).toMatchObject({ method: "POST", url: `${fake.issuer}/register`, status: 201 });
    expect(request?.headers["content-type"]).toBe("application/json");
    expect(request?.headers).not.toHaveProperty("authorization");
    expect(request?.json).toEqual({
      client_name: "Example",
      redirect_uris,
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    });
  });

  it("says what the host says instead, and whatever else it says", async () => {
    const fake = createFakeAuthServer();
    const clientMetadata = {
      redirect_uris,
      application_type: "web",
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["authorization_code"],
      response_types: ["code"],
      scope: "read",
      software_id: "4NRB1-0XZABZI9E6-5SM3R",
    } as const;
    await register(fake, clientMetadata);
    expect(asked(fake)).toEqual([clientMetadata]);
  });

  it("may be for a client that signs, with its public keys", async () => {
    const fake = createFakeAuthServer({ tokenEndpointAuthMethods: ["private_key_jwt"] });
    const clientMetadata = { redirect_uris, token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [] } };
    const clientAuthentication = { methods: ["private_key_jwt"], authenticate: () => undefined } as const;
    const server = await discover(fake);
    const registration = await registerClient(server, { clientMetadata, clientAuthentication, fetch: fake.fetch });

    expect(asked(fake)).toMatchObject([clientMetadata]);
    expect(registration.tokenEndpointAuthMethod).toBe("private_key_jwt");
    await expect(register(fake, clientMetadata)).rejects.toThrow(TypeError);
    expect(fake.counts.registration).toBe(1);
  });

  it.each([
    [["http://localhost:3000/cb"], "native"],
    [["http://[::1]/cb"], "native"],
    [["com.example.app:/cb"], "native"],
    [["https://localhost/cb"], "native"],
    [["https://app.example/cb", "http://127.0.0.1/cb"], "native"],
    [["https://app.example/cb"], "web"],
  ])("derives from %j that the client is %s [spec-47, spec-48]", async (uris, application_type) => {
    const fake = createFakeAuthServer();
    await register(fake, { redirect_uris: uris });
    expect(asked(fake)).toMatchObject([{ application_type }]);
  });

  it.each([
    [undefined, "none"],
    [["client_secret_basic", "none"], "none"],
    [["client_secret_post", "client_secret_basic"], "client_secret_basic"],
    [["private_key_jwt", "client_secret_post"], "client_secret_post"],
    [["private_key_jwt"], "none"],
  ])("at a server that supports %j asks for %s [spec-93]", async (methods, token_endpoint_auth_method) => {
    const authorizationServerMetadata = { token_endpoint_auth_methods_supported: methods };
    const fake = createFakeAuthServer({ authorizationServerMetadata });
    await register(fake);
    expect(asked(fake)).toMatchObject([{ token_endpoint_auth_method }]);
  });

  it("carries an initial access token to the issuer that gave it, and to no other [spec-20]", async () => {
    const fake = createFakeAuthServer({ registration: "closed", initialAccessToken: "iat-1" });
    const server = await discover(fake);
    const registerWith = (issuer: string) =>
      registerClient(server, {
        clientMetadata: { redirect_uris },
        initialAccessToken: { issuer, token: "iat-1" },
        fetch: fake.fetch,
      });
    await registerWith(fake.issuer);
    expect(fake.requests.at(-1)?.headers["authorization"]).toBe(`Bearer ${fake.nameOf("iat-1")}`);
    for (const issuer of [`${fake.issuer}/`, "https://attacker.example"]) {
      const error = await failureOf(registerWith(issuer));
      expect(error).toMatchObject({ code: "client_issuer_mismatch" });
      expect((error as Error).message).toMatch(/^initialAccessToken /);
    }
    expect(fake.counts.registration).toBe(1);
  });

  it("goes to https, or http on loopback for a server on loopback [spec-31, fact-09]", async () => {
    const local = createFakeAuthServer({ serverUrl: "http://localhost/mcp", issuer: "http://127.0.0.1:9000" });
    await register(local);
    expect(local.requests.at(-1)).toMatchObject({ url: "http://127.0.0.1:9000/register", status: 201 });

    const registration_endpoint = "http://127.0.0.1:9000/register";
    const fake = createFakeAuthServer({ authorizationServerMetadata: { registration_endpoint } });
    expect(await failureOf(register(fake))).toMatchObject({ code: "insecure_url" });
    expect(fake.requests.map(({ url }) => url)).not.toContain(registration_endpoint);
  });

  it("is judged by the host as well [spec-23, spec-117]", async () => {
    const fake = createFakeAuthServer();
    const seen: string[] = [];
    const allowUrl = (url: URL, { purpose }: { purpose: string }) => seen.push(`${purpose} ${url.href}`) === 0;
    const options = { clientMetadata: { redirect_uris }, fetch: fake.fetch, allowUrl };
    const error = await failureOf(registerClient(await discover(fake), options));
    expect(error).toMatchObject({ code: "insecure_url" });
    expect(seen).toEqual([`registration_endpoint ${fake.issuer}/register`]);
    expect(fake.counts.registration).toBe(0);
  });

  it.each([
    [{}, "redirect_uris"],
    [{ redirect_uris: [] }, "redirect_uris"],
    [{ redirect_uris: ["http://app.example/cb"] }, "redirectUri"],
    [{ redirect_uris: ["https://app.example/cb", "myapp:/cb"] }, "redirectUri"],
    [{ redirect_uris, token_endpoint_auth_method: "private_key_jwt" }, "token_endpoint_auth_method"],
  ])("is not made with %j [spec-58]", async (clientMetadata, named) => {
    const fake = createFakeAuthServer();
    const attempt = register(fake, clientMetadata);
    await expect(attempt).rejects.toThrow(TypeError);
    await expect(attempt).rejects.toThrow(named);
    expect(fake.counts.registration).toBe(0);
  });

  it("is not made where the server offers no registration, and the error says what to do [spec-34]", async () => {
    const fake = createFakeAuthServer({ registration: "none" });
    const error = await failureOf(register(fake));
    expect(error).toMatchObject({ code: "registration_unsupported", issuer: fake.issuer });
    expect(String(error)).toMatch(/metadata document.*pre-registered/);
    expect(fake.counts.registration).toBe(0);
  });
});

describe("the registration", () => {
  it("is what the server answered, bound to its issuer, as plain JSON [spec-19, spec-53]", async () => {
    const fake = createFakeAuthServer({ registrationManagement: true, now });
    const members = {
      token_endpoint_auth_method: "client_secret_post",
      client_secret: "secret-1",
      client_secret_expires_at: 1_900_000_000,
      redirect_uris: ["http://127.0.0.1/callback", "http://localhost/callback"],
      client_name: "As they call it",
    };
    fake.faults.add({ endpoint: "registration", fault: { members } });
    const registration = await register(fake);
    const { clientId, registrationAccessToken = "" } = registration;
    expect(fake.nameOf(registrationAccessToken)).toBe("[registration_access_token 1]");
    expect(registration).toStrictEqual({
      issuer: fake.issuer,
      clientId,
      clientSecret: "secret-1",
      clientSecretExpiresAt: 1_900_000_000_000,
      tokenEndpointAuthMethod: "client_secret_post",
      redirectUris: members.redirect_uris,
      source: "dynamic",
      metadata: {
        client_id: clientId,
        client_id_issued_at: NOW / 1000,
        application_type: "native",
        token_endpoint_auth_method: "client_secret_post",
        redirect_uris: members.redirect_uris,
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        client_name: "As they call it",
      },
      registrationAccessToken,
      registrationClientUri: `${fake.issuer}/register/${clientId}`,
      createdAt: NOW,
    });
    expect(JSON.parse(JSON.stringify(registration))).toStrictEqual(registration);
  });

  it.each([{ client_id: "c" }, { client_id: "c", redirect_uris: [], client_secret: null }])(
    "has what was asked where the answer says nothing: %j",
    async (body) => {
      const fake = createFakeAuthServer({ faults: [{ endpoint: "registration", fault: { status: 201, body } }] });
      const registration = await register(fake);
      expect(registration).toMatchObject({ tokenEndpointAuthMethod: "none", redirectUris: redirect_uris });
      expect(registration).not.toHaveProperty("clientSecret");
    },
  );

  it("is accepted with status 200 and whatever content type [fact-06]", async () => {
    const fake = createFakeAuthServer();
    const { fetch } = fake;
    fake.faults.add({ fault: "registration_200" });
    fake.faults.add({ endpoint: "registration", fault: { headers: { "content-type": "text/plain" } } });
    const registration = await registerClient(await discover(fake), { clientMetadata: { redirect_uris }, fetch });
    expect(() => fake.forgetClient(registration.clientId)).not.toThrow();
    expect(Math.abs(registration.createdAt - Date.now())).toBeLessThan(60_000);
  });

  it.each([
    [undefined, undefined],
    [0, undefined],
    ["0", undefined],
    ["1900000000", 1_900_000_000_000],
  ])("with a secret that expires at %j has %j [fact-06]", async (client_secret_expires_at, expected) => {
    const fake = createFakeAuthServer({ faults: [{ fault: "secret_for_public_client" }] });
    fake.faults.add({ endpoint: "registration", fault: { members: { client_secret_expires_at } } });
    const registration = await register(fake);
    expect(registration.clientSecret).toBeTruthy();
    expect(registration.clientSecretExpiresAt).toBe(expected);
  });

  it.each([
    ["client_secret_post", undefined, "client_secret_post"],
    ["client_secret_basic", ["client_secret_post"], "client_secret_basic"],
    [undefined, undefined, "client_secret_basic"],
    [undefined, ["client_secret_post"], "client_secret_post"],
    [undefined, ["client_secret_post", "none"], "client_secret_post"],
  ])("with a secret, method %j and %j supported authenticates by %s", async (method, methods, expected) => {
    const fake = createFakeAuthServer({
      authorizationServerMetadata: { token_endpoint_auth_methods_supported: methods },
    });
    const members = { client_secret: "s", token_endpoint_auth_method: method };
    fake.faults.add({ endpoint: "registration", fault: { members } });
    expect(await register(fake)).toMatchObject({ tokenEndpointAuthMethod: expected, clientSecret: "s" });
  });

  it("as a public client keeps no secret that came along", async () => {
    const fake = createFakeAuthServer();
    const members = { client_secret: "s", client_secret_expires_at: 1, token_endpoint_auth_method: "none" };
    fake.faults.add({ endpoint: "registration", fault: { members } });
    const registration = await register(fake);
    expect(registration.tokenEndpointAuthMethod).toBe("none");
    expect(registration).not.toHaveProperty("clientSecret");
    expect(registration).not.toHaveProperty("clientSecretExpiresAt");
    expect(JSON.stringify(registration)).not.toContain('"s"');
  });

  it.each([
    ["http://127.0.0.1:4321/callback", ["http://127.0.0.1/callback"]],
    ["https://app.example", ["https://app.example/"]],
    ["https://app.example/cb", ["https://other.example/cb", "https://app.example/cb"]],
  ])("may name %s in the server's way: %j", async (uri, answered) => {
    const fake = createFakeAuthServer({
      faults: [{ endpoint: "registration", fault: { members: { redirect_uris: answered } } }],
    });
    expect((await register(fake, { redirect_uris: [uri] })).redirectUris).toEqual(answered);
  });

  it("may have fewer redirect URIs than were asked for", async () => {
    const fake = createFakeAuthServer({
      faults: [{ endpoint: "registration", fault: { members: { redirect_uris } } }],
    });
    const registration = await register(fake, { redirect_uris: [...redirect_uris, "http://localhost/callback"] });
    expect(registration.redirectUris).toEqual(redirect_uris);
  });

  it.each([
    ["client_id", {}],
    ["client_id", { client_id: 7 }],
    ['"client_secret"', { client_id: "c", token_endpoint_auth_method: "client_secret_basic" }],
    ['"client_secret"', { client_id: "c", token_endpoint_auth_method: "client_secret_post", client_secret: "" }],
    [
      '"token_endpoint_auth_method" "private_key_jwt"',
      { client_id: "c", token_endpoint_auth_method: "private_key_jwt" },
    ],
    ['"redirect_uris"', { client_id: "c", redirect_uris: ["https://other.example/cb"] }],
  ])("that cannot be used for lack of %s is refused: %j [spec-49]", async (named, body) => {
    const fake = createFakeAuthServer({ faults: [{ endpoint: "registration", fault: { status: 201, body } }] });
    const error = await failureOf(register(fake));
    expect(error).toMatchObject({ code: "registration_rejected", issuer: fake.issuer });
    expect(String(error)).toContain(named);
  });

  it("with a method that needs a secret but none in the answer is refused", async () => {
    const fake = createFakeAuthServer({
      tokenEndpointAuthMethods: ["client_secret_post"],
      faults: [{ endpoint: "registration", fault: { members: { client_secret: undefined } } }],
    });
    expect(await failureOf(register(fake))).toMatchObject({ code: "registration_rejected" });
  });
});

describe("a refused registration", () => {
  it("says why [spec-49, spec-50, spec-3.8-20]", async () => {
    const fake = createFakeAuthServer();
    const description = "http is not allowed\u001b[0m";
    const body = { error: "invalid_redirect_uri", error_description: description };
    fake.faults.add({ endpoint: "registration", fault: { status: 400, body }, times: 2 });
    const error = await failureOf(register(fake));
    expect(error).toMatchObject({
      code: "registration_rejected",
      issuer: fake.issuer,
      status: 400,
      oauthError: "invalid_redirect_uri",
      oauthErrorDescription: description,
    });
    expect(String(error)).toContain('"invalid_redirect_uri": "http is not allowed\\u001b[0m"');
  });

  it("without the initial access token says that registration is closed and what to do [spec-3.8-21]", async () => {
    const error = await failureOf(register(createFakeAuthServer({ registration: "closed" })));
    expect(error).toMatchObject({ code: "registration_rejected", status: 401, oauthError: "invalid_token" });
    expect(String(error)).toMatch(/registration is closed.*pre-registered/);
    expect(String(error)).toContain("invalid_token");
  });

  it("with status 403 says that registration is closed, what to do, and why in the server's words [spec-3.8-21]", async () => {
    const fake = createFakeAuthServer();
    const body = "Forbidden: this client is not on the list";
    fake.faults.add({ endpoint: "registration", fault: { status: 403, body } });
    const error = await failureOf(register(fake));
    expect(error).toMatchObject({ code: "registration_rejected", status: 403 });
    expect(String(error)).toMatch(/registration is closed.*pre-registered/);
    expect(String(error)).toContain("not on the list");
  });

  it.each([{ detail: "Ask the operator" }, "Ask the operator"])(
    "that is no OAuth error shows what the body says: %j",
    async (body) => {
      const fake = createFakeAuthServer({ faults: [{ endpoint: "registration", fault: { status: 400, body } }] });
      const error = await failureOf(register(fake));
      expect(error).toMatchObject({ code: "registration_rejected", status: 400 });
      expect(String(error)).toContain("Ask the operator");
    },
  );

  it("is recognised behind status 200", async () => {
    const fake = createFakeAuthServer();
    const error = "invalid_software_statement";
    fake.faults.add({ endpoint: "registration", fault: { body: { error } } });
    expect(await failureOf(register(fake))).toMatchObject({ code: "registration_rejected", oauthError: error });
  });

  it("does not repeat an initial access token that the server echoes [spec-101]", async () => {
    const fake = createFakeAuthServer({
      faults: [
        {
          endpoint: "registration",
          fault: ({ headers }) => new Response(`bad ${headers.get("authorization") ?? ""}`, { status: 403 }),
        },
      ],
    });
    const initialAccessToken = { issuer: fake.issuer, token: "iat-1" };
    const options = { clientMetadata: { redirect_uris }, initialAccessToken, fetch: fake.fetch };
    const error = await failureOf(registerClient(await discover(fake), options));
    expect(inspect(error, { depth: 9 })).not.toContain("iat-1");
    expect(String(error)).toContain("bad Bearer [redacted]");
  });

  it.each([
    [500, ""],
    [503, { error: "invalid_client_metadata" }],
    [429, "slow down"],
    [400, { error: "temporarily_unavailable" }],
    [200, "<h1>Sign in to the network</h1>"],
  ])("is none when status %i and %j decide nothing [spec-3.8-18]", async (status, body) => {
    const fake = createFakeAuthServer({
      now,
      faults: [{ endpoint: "registration", fault: { status, headers: { "retry-after": "7" }, body } }],
    });
    const error = await failureOf(register(fake));
    expect(error).toMatchObject({ code: "server_error", status, retryAt: NOW + 7000 });
    expect(fake.counts.registration).toBe(1);
  });

  it("reads the clock of the runtime when none is given", async () => {
    const fake = createFakeAuthServer({ faults: [{ endpoint: "registration", fault: "503_retry_after" }] });
    const options = { clientMetadata: { redirect_uris }, fetch: fake.fetch };
    const error = (await failureOf(registerClient(await discover(fake), options))) as { readonly retryAt: number };
    expect(Math.abs(error.retryAt - Date.now() - 120_000)).toBeLessThan(60_000);
  });

  it("at an endpoint that was only assumed says that there is none", async () => {
    const issuer = "https://mcp.example.com";
    const fake = createFakeAuthServer({
      issuer,
      metadataKind: "none",
      resourceMetadata: "none",
      registration: "none",
    });
    expect(await failureOf(register(fake))).toMatchObject({ code: "registration_unsupported", status: 404 });
    for (const [status, body, code] of [
      [405, "", "registration_unsupported"],
      [403, "", "registration_rejected"],
      [400, { error: "invalid_software_statement" }, "registration_rejected"],
    ] as const) {
      fake.faults.add({ endpoint: "registration", fault: { status, body } });
      expect(await failureOf(register(fake))).toMatchObject({ code, status });
    }
  });
});

describe("the second try with the other application type", () => {
  const refusal = (error: string, error_description = "the first reason") => ({
    status: 400,
    body: { error, error_description },
  });
  const types = (fake: FakeAuthServer) => asked(fake).map(({ application_type: type }) => type);

  it.each([
    ["http://localhost/cb", "invalid_redirect_uri", ["native", "web"]],
    ["https://app.example/cb", "invalid_client_metadata", ["web", "native"]],
  ])("is made once for %s after %s [spec-49, spec-51]", async (uri, error, expected) => {
    const fake = createFakeAuthServer({ faults: [{ endpoint: "registration", fault: refusal(error) }] });
    const registration = await register(fake, { redirect_uris: [uri] });
    expect(() => fake.forgetClient(registration.clientId)).not.toThrow();
    expect(types(fake)).toEqual(expected);
  });

  it("leaves the first reason when it is refused as well", async () => {
    const fake = createFakeAuthServer();
    for (const reason of ["the first reason", "another"])
      fake.faults.add({ endpoint: "registration", fault: refusal("invalid_redirect_uri", reason) });
    expect(await failureOf(register(fake))).toMatchObject({ oauthErrorDescription: "the first reason" });
    expect(types(fake)).toEqual(["native", "web"]);
  });

  it("passes on what went wrong otherwise", async () => {
    const fake = createFakeAuthServer();
    for (const fault of [refusal("invalid_redirect_uri"), "500"] as const)
      fake.faults.add({ endpoint: "registration", fault });
    expect(await failureOf(register(fake))).toMatchObject({ code: "server_error" });
  });

  it.each([
    ["the host chose the type", { redirect_uris, application_type: "native" as const }, "invalid_redirect_uri"],
    [
      "a private-use scheme can only be native",
      { redirect_uris: [...redirect_uris, "com.example:/cb"] },
      "invalid_redirect_uri",
    ],
    ["the type is not the reason", { redirect_uris }, "invalid_software_statement"],
  ])("is not made when %s", async (_, clientMetadata, error) => {
    const fake = createFakeAuthServer({ faults: [{ endpoint: "registration", fault: refusal(error) }] });
    expect(await failureOf(register(fake, clientMetadata))).toMatchObject({ oauthError: error });
    expect(fake.counts.registration).toBe(1);
  });

  it("is not made with a client that the server registered but that cannot be used", async () => {
    const fake = createFakeAuthServer({
      faults: [{ endpoint: "registration", fault: { members: { redirect_uris: ["https://x.example"] } } }],
    });
    expect(await failureOf(register(fake))).toMatchObject({ code: "registration_rejected" });
    expect(fake.counts.registration).toBe(1);
  });
});
