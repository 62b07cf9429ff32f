import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { registerClient } from "../../../src/protocol/register-client.js";
import type { AuthorizationServerMetadata, ClientMetadata, ClientRegistration } from "../../../src/types.js";
import { ISSUER, json, NOW, recordingFetch, rejectionOf, serverMetadata } from "./records.js";
import type { SentRequest } from "./records.js";

const now = (): number => NOW;
const redirect_uris = ["http://127.0.0.1/callback"];
const body = (request: SentRequest | undefined) => JSON.parse(request?.body ?? "{}") as Record<string, unknown>;

/** One registration that is answered with these members. */
const register = (
  answer: object,
  clientMetadata: ClientMetadata = { redirect_uris },
  metadata: Partial<AuthorizationServerMetadata> = {},
): Promise<ClientRegistration> =>
  registerClient(serverMetadata(metadata), {
    clientMetadata,
    fetch: recordingFetch(() => json(answer, { status: 201 })).fetch,
    now,
  });

describe("the registration request", () => {
  it("fills in what a public client with refresh tokens needs [spec-46, spec-47, spec-48, spec-52, spec-57, spec-59]", async () => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c" }, { status: 201 }));
    await registerClient(serverMetadata(), { clientMetadata: { client_name: "Example", redirect_uris }, fetch, now });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ method: "POST", url: `${ISSUER}/register` });
    expect(requests[0]?.headers.get("content-type")).toBe("application/json");
    expect(requests[0]?.headers.has("authorization")).toBe(false);
    expect(body(requests[0])).toEqual({
      client_name: "Example",
      redirect_uris,
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    });
  });

  it("says what the host says instead, and whatever else it says", async () => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c", client_secret: "s" }, { status: 201 }));
    const clientMetadata = {
      redirect_uris,
      application_type: "web",
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["authorization_code"],
      response_types: ["code"],
      scope: "read",
      software_id: "4NRB1-0XZABZI9E6-5SM3R",
    } as const;
    await registerClient(serverMetadata(), { clientMetadata, fetch, now });
    expect(body(requests[0])).toEqual(clientMetadata);
  });

  it("may be for a client that signs, with its public keys", async () => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c" }, { status: 201 }));
    const clientMetadata = { redirect_uris, token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [] } };
    const clientAuthentication = { methods: ["private_key_jwt"], authenticate: () => undefined } as const;
    const registration = await registerClient(serverMetadata(), { clientMetadata, clientAuthentication, fetch, now });

    expect(body(requests[0])).toMatchObject(clientMetadata);
    expect(registration.tokenEndpointAuthMethod).toBe("private_key_jwt");
    await expect(registerClient(serverMetadata(), { clientMetadata, fetch, now })).rejects.toThrow(TypeError);
    expect(requests).toHaveLength(1);
  });

  it.each([
    [["http://localhost:3000/cb"], "native"],
    [["http://[::1]/cb"], "native"],
    [["com.example.app:/cb"], "native"],
    [["https://localhost/cb"], "native"],
    [["https://app.example/cb", "http://127.0.0.1/cb"], "native"],
    [["https://app.example/cb"], "web"],
  ])("derives from %j that the client is %s [spec-47, spec-48]", async (uris, type) => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c" }, { status: 201 }));
    await registerClient(serverMetadata(), { clientMetadata: { redirect_uris: uris }, fetch, now });
    expect(body(requests[0])["application_type"]).toBe(type);
  });

  it.each([
    [undefined, "none"],
    [["client_secret_basic", "none"], "none"],
    [["client_secret_post", "client_secret_basic"], "client_secret_basic"],
    [["private_key_jwt", "client_secret_post"], "client_secret_post"],
    [["private_key_jwt"], "none"],
  ])("at a server that supports %j asks for %s [spec-93]", async (methods, expected) => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c", client_secret: "s" }, { status: 201 }));
    const server = serverMetadata(methods && { token_endpoint_auth_methods_supported: methods });
    await registerClient(server, { clientMetadata: { redirect_uris }, fetch, now });
    expect(body(requests[0])["token_endpoint_auth_method"]).toBe(expected);
  });

  it("carries an initial access token to the issuer that gave it, and to no other [spec-20]", async () => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c" }, { status: 201 }));
    const options = { clientMetadata: { redirect_uris }, fetch, now };
    await registerClient(serverMetadata(), { ...options, initialAccessToken: { issuer: ISSUER, token: "iat-1" } });
    expect(requests[0]?.headers.get("authorization")).toBe("Bearer iat-1");
    for (const issuer of [`${ISSUER}/`, "https://attacker.example"]) {
      const attempt = registerClient(serverMetadata(), { ...options, initialAccessToken: { issuer, token: "iat-1" } });
      const error = await rejectionOf(attempt);
      expect(error["code"]).toBe("client_issuer_mismatch");
      expect(error["message"]).toMatch(/^initialAccessToken /);
    }
    expect(requests).toHaveLength(1);
  });

  it("goes to https, or http on loopback for a server on loopback [spec-31, fact-09]", async () => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c" }, { status: 201 }));
    const registration_endpoint = "http://127.0.0.1:9000/register";
    const options = { clientMetadata: { redirect_uris }, fetch, now };
    const refused = await rejectionOf(registerClient(serverMetadata({ registration_endpoint }), options));
    expect(refused["code"]).toBe("insecure_url");
    await registerClient(serverMetadata({ registration_endpoint }, { serverUrl: "http://localhost/mcp" }), options);
    expect(requests.map(({ url }) => url)).toEqual([registration_endpoint]);
  });

  it("is judged by the host as well [spec-23, spec-117]", async () => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c" }, { status: 201 }));
    const seen: string[] = [];
    const allowUrl = (url: URL, { purpose }: { purpose: string }) => seen.push(`${purpose} ${url.href}`) === 0;
    const attempt = registerClient(serverMetadata(), { clientMetadata: { redirect_uris }, fetch, allowUrl });
    expect((await rejectionOf(attempt))["code"]).toBe("insecure_url");
    expect(seen).toEqual([`registration_endpoint ${ISSUER}/register`]);
    expect(requests).toHaveLength(0);
  });

  it.each([
    [{}, "redirect_uris"],
    [{ redirect_uris: [] }, "redirect_uris"],
    [{ redirect_uris: ["http://app.example/cb"] }, "redirectUri"],
    [{ redirect_uris: ["https://app.example/cb", "myapp:/cb"] }, "redirectUri"],
    [{ redirect_uris, token_endpoint_auth_method: "private_key_jwt" }, "token_endpoint_auth_method"],
  ])("is not made with %j [spec-58]", async (clientMetadata, named) => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c" }, { status: 201 }));
    const attempt = registerClient(serverMetadata(), { clientMetadata, fetch, now });
    await expect(attempt).rejects.toThrow(TypeError);
    await expect(attempt).rejects.toThrow(named);
    expect(requests).toHaveLength(0);
  });

  it("is not made where the server offers no registration, and the error says what to do [spec-34]", async () => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c" }, { status: 201 }));
    const server = serverMetadata({ registration_endpoint: undefined as never });
    const error = await rejectionOf(registerClient(server, { clientMetadata: { redirect_uris }, fetch }));
    expect(error).toMatchObject({ code: "registration_unsupported", issuer: ISSUER });
    expect(error["message"]).toMatch(/metadata document.*pre-registered/);
    expect(requests).toHaveLength(0);
  });
});

describe("the registration", () => {
  it("is what the server answered, bound to its issuer, as plain JSON [spec-19, spec-53]", async () => {
    const registration = await register({
      client_id: "c-1",
      client_secret: "secret-1",
      client_secret_expires_at: 1_900_000_000,
      token_endpoint_auth_method: "client_secret_post",
      redirect_uris: ["http://127.0.0.1/callback", "http://localhost/callback"],
      registration_access_token: "rat-1",
      registration_client_uri: `${ISSUER}/register/c-1`,
      client_name: "As they call it",
    });
    expect(registration).toStrictEqual({
      issuer: ISSUER,
      clientId: "c-1",
      clientSecret: "secret-1",
      clientSecretExpiresAt: 1_900_000_000_000,
      tokenEndpointAuthMethod: "client_secret_post",
      redirectUris: ["http://127.0.0.1/callback", "http://localhost/callback"],
      source: "dynamic",
      metadata: {
        client_id: "c-1",
        token_endpoint_auth_method: "client_secret_post",
        redirect_uris: ["http://127.0.0.1/callback", "http://localhost/callback"],
        client_name: "As they call it",
      },
      registrationAccessToken: "rat-1",
      registrationClientUri: `${ISSUER}/register/c-1`,
      createdAt: NOW,
    });
    expect(JSON.parse(JSON.stringify(registration))).toStrictEqual(registration);
  });

  it("has what was asked where the answer says nothing", async () => {
    for (const answer of [{ client_id: "c" }, { client_id: "c", redirect_uris: [], client_secret: null }]) {
      const registration = await register(answer);
      expect(registration).toMatchObject({ tokenEndpointAuthMethod: "none", redirectUris: redirect_uris });
      expect(registration).not.toHaveProperty("clientSecret");
    }
  });

  it("is accepted with status 200 and whatever content type [fact-06]", async () => {
    const { fetch } = recordingFetch(
      () => new Response('{"client_id":"c"}', { headers: { "content-type": "text/plain" } }),
    );
    const registration = await registerClient(serverMetadata(), { clientMetadata: { redirect_uris }, fetch });
    expect(registration.clientId).toBe("c");
    expect(registration.createdAt).toBeLessThan(NOW * 2);
  });

  it.each([
    [undefined, undefined],
    [0, undefined],
    ["0", undefined],
    ["1900000000", 1_900_000_000_000],
  ])("with a secret that expires at %j has %j [fact-06]", async (client_secret_expires_at, expected) => {
    const registration = await register({
      client_id: "c",
      client_secret: "s",
      token_endpoint_auth_method: "client_secret_basic",
      client_secret_expires_at,
    });
    expect(registration.clientSecretExpiresAt).toBe(expected);
  });

  it.each([
    ["client_secret_post", undefined, "client_secret_post"],
    ["client_secret_basic", ["client_secret_post"], "client_secret_basic"],
    [undefined, undefined, "client_secret_basic"],
    [undefined, ["client_secret_post"], "client_secret_post"],
    [undefined, ["client_secret_post", "none"], "client_secret_post"],
  ])("with a secret, method %j and %j supported authenticates by %s", async (method, methods, expected) => {
    const answer = { client_id: "c", client_secret: "s", token_endpoint_auth_method: method };
    const registration = await register(
      answer,
      undefined,
      methods && { token_endpoint_auth_methods_supported: methods },
    );
    expect(registration).toMatchObject({ tokenEndpointAuthMethod: expected, clientSecret: "s" });
  });

  it("as a public client keeps no secret that came along", async () => {
    const registration = await register({
      client_id: "c",
      client_secret: "s",
      client_secret_expires_at: 1,
      token_endpoint_auth_method: "none",
    });
    expect(registration.tokenEndpointAuthMethod).toBe("none");
    expect(registration).not.toHaveProperty("clientSecret");
    expect(registration).not.toHaveProperty("clientSecretExpiresAt");
    expect(JSON.stringify(registration)).not.toContain('"s"');
  });

  it.each([
    ["http://127.0.0.1:4321/callback", ["http://127.0.0.1/callback"]],
    ["https://app.example", ["https://app.example/"]],
    ["https://app.example/cb", ["https://other.example/cb", "https://app.example/cb"]],
  ])("may name %s in the server's way: %j", async (asked, answered) => {
    const registration = await register({ client_id: "c", redirect_uris: answered }, { redirect_uris: [asked] });
    expect(registration.redirectUris).toEqual(answered);
  });

  it("may have fewer redirect URIs than were asked for", async () => {
    const asked = [...redirect_uris, "http://localhost/callback"];
    const registration = await register({ client_id: "c", redirect_uris }, { redirect_uris: asked });
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
  ])("that cannot be used for lack of %s is refused: %j [spec-49]", async (named, answer) => {
    const error = await rejectionOf(register(answer));
    expect(error).toMatchObject({ code: "registration_rejected", issuer: ISSUER });
    expect(error["message"]).toContain(named);
  });

  it("with a method that needs a secret but none in the answer is refused", async () => {
    const error = await rejectionOf(
      register({ client_id: "c" }, undefined, { token_endpoint_auth_methods_supported: ["client_secret_post"] }),
    );
    expect(error["code"]).toBe("registration_rejected");
  });
});

describe("a refused registration", () => {
  /** What a server says that never registers anybody. */
  const refused = (init: ResponseInit, text: string, clientMetadata: ClientMetadata = { redirect_uris }) => {
    const { fetch, requests } = recordingFetch(() => new Response(text, init));
    return { requests, attempt: registerClient(serverMetadata(), { clientMetadata, fetch, now }) };
  };

  it("says why [spec-49, spec-50, spec-3.8-20]", async () => {
    const description = "http is not allowed\u001b[0m";
    const text = JSON.stringify({ error: "invalid_redirect_uri", error_description: description });
    const error = await rejectionOf(refused({ status: 400 }, text).attempt);
    expect(error).toMatchObject({
      code: "registration_rejected",
      issuer: ISSUER,
      status: 400,
      oauthError: "invalid_redirect_uri",
      oauthErrorDescription: description,
    });
    expect(error["message"]).toContain('"invalid_redirect_uri": "http is not allowed\\u001b[0m"');
  });

  it.each([
    [401, JSON.stringify({ error: "invalid_token" }), "invalid_token"],
    [403, "Forbidden: this client is not on the list", "not on the list"],
  ])("with status %i says that registration is closed and what to do [spec-3.8-21]", async (status, text, quoted) => {
    const error = await rejectionOf(refused({ status, headers: { "www-authenticate": "Bearer" } }, text).attempt);
    expect(error).toMatchObject({ code: "registration_rejected", status });
    expect(error["message"]).toMatch(/registration is closed.*pre-registered/);
    expect(error["message"]).toContain(quoted);
  });

  it("that is no OAuth error shows what the body says", async () => {
    const error = await rejectionOf(refused({ status: 400 }, JSON.stringify({ detail: "unknown software" })).attempt);
    expect(error).toMatchObject({ code: "registration_rejected", status: 400 });
    expect(error["message"]).toContain("unknown software");
  });

  it("in plain words shows them", async () => {
    const error = await rejectionOf(refused({ status: 400 }, "Ask the operator").attempt);
    expect(error).toMatchObject({ code: "registration_rejected", status: 400 });
    expect(error["message"]).toContain("Ask the operator");
  });

  it("is recognised behind status 200", async () => {
    const text = JSON.stringify({ error: "invalid_software_statement" });
    const error = await rejectionOf(refused({ status: 200 }, text).attempt);
    expect(error).toMatchObject({ code: "registration_rejected", oauthError: "invalid_software_statement" });
  });

  it("does not repeat an initial access token that the server echoes [spec-101]", async () => {
    const { fetch } = recordingFetch(
      (request) => new Response(`bad ${request.headers.get("authorization") ?? ""}`, { status: 403 }),
    );
    const error = await rejectionOf(
      registerClient(serverMetadata(), {
        clientMetadata: { redirect_uris },
        initialAccessToken: { issuer: ISSUER, token: "iat-1" },
        fetch,
      }),
    );
    expect(inspect(error, { depth: 9 })).not.toContain("iat-1");
    expect(error["message"]).toContain("bad Bearer [redacted]");
  });

  it.each([
    [500, ""],
    [503, JSON.stringify({ error: "invalid_client_metadata" })],
    [429, "slow down"],
    [400, JSON.stringify({ error: "temporarily_unavailable" })],
    [200, "<h1>Sign in to the network</h1>"],
  ])("is none when status %i and %j decide nothing [spec-3.8-18]", async (status, text) => {
    const { attempt, requests } = refused({ status, headers: { "retry-after": "7" } }, text);
    expect(await rejectionOf(attempt)).toMatchObject({ code: "server_error", status, retryAt: NOW + 7000 });
    expect(requests).toHaveLength(1);
  });

  it("reads the clock of the runtime when none is given", async () => {
    const { fetch } = recordingFetch(() => new Response("", { status: 503, headers: { "retry-after": "7" } }));
    const error = await rejectionOf(registerClient(serverMetadata(), { clientMetadata: { redirect_uris }, fetch }));
    expect(error["retryAt"]).toBeTypeOf("number");
  });

  it("at an endpoint that was only assumed says that there is none", async () => {
    const server = serverMetadata({}, { source: "origin_defaults" });
    const answer = async (status: number, text: string) => {
      const { fetch } = recordingFetch(() => new Response(text, { status }));
      return (await rejectionOf(registerClient(server, { clientMetadata: { redirect_uris }, fetch })))["code"];
    };
    expect(await answer(404, "Not Found")).toBe("registration_unsupported");
    expect(await answer(405, "")).toBe("registration_unsupported");
    expect(await answer(403, "")).toBe("registration_rejected");
    expect(await answer(400, JSON.stringify({ error: "invalid_client_metadata" }))).toBe("registration_rejected");
  });
});

describe("the second try with the other application type", () => {
  const rejected = (error = "invalid_redirect_uri"): Response =>
    json({ error, error_description: "the first reason" }, { status: 400 });
  const types = (requests: readonly SentRequest[]) => requests.map((request) => body(request)["application_type"]);

  it.each([
    ["http://localhost/cb", "invalid_redirect_uri", ["native", "web"]],
    ["https://app.example/cb", "invalid_client_metadata", ["web", "native"]],
  ])("is made once for %s after %s [spec-49, spec-51]", async (uri, error, expected) => {
    const { fetch, requests } = recordingFetch((_request, count) =>
      count === 1 ? rejected(error) : json({ client_id: "c" }, { status: 201 }),
    );
    const registration = await registerClient(serverMetadata(), { clientMetadata: { redirect_uris: [uri] }, fetch });
    expect(registration.clientId).toBe("c");
    expect(types(requests)).toEqual(expected);
  });

  it("leaves the first reason when it is refused as well", async () => {
    const { fetch, requests } = recordingFetch((_request, count) =>
      count === 1 ? rejected() : json({ error: "invalid_redirect_uri", error_description: "another" }, { status: 400 }),
    );
    const error = await rejectionOf(registerClient(serverMetadata(), { clientMetadata: { redirect_uris }, fetch }));
    expect(error["oauthErrorDescription"]).toBe("the first reason");
    expect(types(requests)).toEqual(["native", "web"]);
  });

  it("passes on what went wrong otherwise", async () => {
    const { fetch } = recordingFetch((_request, count) =>
      count === 1 ? rejected() : new Response("", { status: 503 }),
    );
    const error = await rejectionOf(registerClient(serverMetadata(), { clientMetadata: { redirect_uris }, fetch }));
    expect(error["code"]).toBe("server_error");
  });

  it.each([
    ["the host chose the type", { redirect_uris, application_type: "native" as const }, "invalid_redirect_uri"],
    [
      "a private-use scheme can only be native",
      { redirect_uris: [...redirect_uris, "com.example:/cb"] },
      "invalid_redirect_uri",
    ],
    ["the type is not the reason", { redirect_uris }, "invalid_software_statement"],
  ])("is not made when %s", async (_reason, clientMetadata, error) => {
    const { fetch, requests } = recordingFetch(() => rejected(error));
    const rejection = await rejectionOf(registerClient(serverMetadata(), { clientMetadata, fetch }));
    expect(rejection["oauthError"]).toBe(error);
    expect(requests).toHaveLength(1);
  });

  it("is not made with a client that the server registered but that cannot be used", async () => {
    const { fetch, requests } = recordingFetch(() => json({ client_id: "c", redirect_uris: ["https://x.example"] }));
    await rejectionOf(registerClient(serverMetadata(), { clientMetadata: { redirect_uris }, fetch }));
    expect(requests).toHaveLength(1);
  });
});
