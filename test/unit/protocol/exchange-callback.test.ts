import { describe, expect, it } from "vitest";
import { exchangeCallback } from "../../../src/protocol/exchange-callback.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { Callback, PendingAuthorization } from "../../../src/types.js";
import { failureOf, REDIRECT } from "../../support/host.js";
import { approveLogin, startLogin } from "../../support/steps.js";

/** The record of a login at a server with another token endpoint. */
const withTokenEndpoint = (pending: PendingAuthorization, token_endpoint: unknown): PendingAuthorization => {
  const authorizationServer = { ...pending.server.authorizationServer, token_endpoint: token_endpoint as string };
  return { ...pending, server: { ...pending.server, authorizationServer } };
};

describe("the token request", () => {
  it("is one form POST to the recorded endpoint with code, verifier, redirect URI and resource [spec-85, spec-90, spec-91, spec-92, spec-94]", async () => {
    const fake = createFakeAuthServer();
    const { pending, registration, callback } = await approveLogin(fake);
    const before = fake.requests.length;
    await exchangeCallback(pending, callback, { fetch: fake.fetch });
    expect(fake.requests).toHaveLength(before + 1);
    const request = fake.requests.at(-1);
    expect(request).toMatchObject({ method: "POST", url: `${fake.issuer}/token`, status: 200 });
    expect(request?.headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded/);
    expect(request?.headers["accept"]).toBe("application/json");
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      grant_type: "authorization_code",
      code: fake.nameOf(callback.searchParams.get("code") ?? ""),
      code_verifier: fake.nameOf(pending.codeVerifier),
      redirect_uri: REDIRECT,
      resource: fake.serverUrl,
      client_id: registration.clientId,
    });
  });

  it("sends the resource exactly as it was recorded, without a URL parser's corrections [spec-69, spec-90]", async () => {
    const resource = "HTTPS://MCP.example.com";
    const fake = createFakeAuthServer({ protectedResourceMetadata: { resource } });
    const { pending, callback } = await approveLogin(fake);
    await exchangeCallback(pending, callback, { fetch: fake.fetch });
    expect(fake.requests.at(-1)?.form.get("resource")).toBe(resource);
  });

  it("of a public client has its id and no credentials [spec-93]", async () => {
    const fake = createFakeAuthServer();
    const { pending, callback } = await approveLogin(fake);
    await exchangeCallback(pending, callback, { fetch: fake.fetch });
    expect(fake.requests.at(-1)?.headers).not.toHaveProperty("authorization");
    expect(fake.requests.at(-1)?.form.has("client_secret")).toBe(false);
  });

  it("of a client with a secret in the body has it there and nowhere else [spec-93, spec-94]", async () => {
    const client = {
      client_id: "client-1",
      client_secret: "s%c:r&t",
      token_endpoint_auth_method: "client_secret_post",
    };
    const fake = createFakeAuthServer({ clients: [{ ...client, redirect_uris: [REDIRECT] }] });
    const { pending, callback } = await approveLogin(fake, {
      registration: { clientId: "client-1", clientSecret: "s%c:r&t", tokenEndpointAuthMethod: "client_secret_post" },
    });
    await exchangeCallback(pending, callback, { fetch: fake.fetch });
    const { headers, form, url } = fake.requests.at(-1) ?? {};
    expect(headers).not.toHaveProperty("authorization");
    expect([form?.get("client_id"), form?.get("client_secret")]).toEqual(["client-1", fake.nameOf("s%c:r&t")]);
    expect(url).not.toContain("?");
  });

  it("of a client with Basic authentication encodes id and secret as a form before base64 [spec-93, fact-12]", async () => {
    const [client_id, client_secret] = ["client:é", "s% c:+"];
    const fake = createFakeAuthServer({ clients: [{ client_id, client_secret, redirect_uris: [REDIRECT] }] });
    const { pending, callback } = await approveLogin(fake, {
      registration: {
        clientId: client_id,
        clientSecret: client_secret,
        tokenEndpointAuthMethod: "client_secret_basic",
      },
    });
    await exchangeCallback(pending, callback, { fetch: fake.fetch });
    const { headers, form } = fake.requests.at(-1) ?? {};
    expect(headers?.["authorization"]).toBe(`Basic ${fake.nameOf(btoa("client%3A%C3%A9:s%25+c%3A%2B"))}`);
    expect([form?.has("client_id"), form?.has("client_secret")]).toEqual([false, false]);
  });

  it("goes to plain http only on loopback, and only for an MCP server on loopback [spec-31, spec-95, spec-118, fact-09]", async () => {
    const local = createFakeAuthServer({ serverUrl: "http://localhost:8080/mcp", issuer: "http://127.0.0.1:9000" });
    const login = await startLogin(local);
    await exchangeCallback(login.pending, await local.approve(login.authorizationUrl), { fetch: local.fetch });
    expect(local.requests.at(-1)?.url).toBe("http://127.0.0.1:9000/token");

    const fake = createFakeAuthServer();
    const { pending, callback } = await approveLogin(fake);
    const before = fake.requests.length;
    for (const endpoint of ["http://127.0.0.1:9000/token", "http://auth.example.com/token"]) {
      const attempt = exchangeCallback(withTokenEndpoint(pending, endpoint), callback, { fetch: fake.fetch });
      expect(await failureOf(attempt)).toMatchObject({ code: "insecure_url" });
    }
    expect(fake.requests).toHaveLength(before);
  });

  it("is not followed to another place", async () => {
    const fake = createFakeAuthServer();
    const headers = { location: `${fake.issuer}/elsewhere` };
    fake.faults.add({ endpoint: "token", fault: { status: 307, headers, body: "" } });
    const { pending, callback } = await approveLogin(fake);
    const error = await failureOf(exchangeCallback(pending, callback, { fetch: fake.fetch }));
    expect(error).toMatchObject({ code: "redirect_refused" });
    expect(fake.requests.at(-1)?.endpoint).toBe("token");
    expect(fake.counts.token).toBe(1);
  });

  it("is not made with a client of another issuer [spec-20, spec-53]", async () => {
    const fake = createFakeAuthServer();
    const { pending, callback } = await approveLogin(fake);
    const others = { ...pending, registration: { ...pending.registration, issuer: "https://AUTH.example.com" } };
    const error = await failureOf(exchangeCallback(others, callback, { fetch: fake.fetch }));
    expect(error).toMatchObject({ code: "client_issuer_mismatch" });
    expect(fake.counts.token).toBe(0);
  });

  it("rejects with the caller's own reason when aborted", async () => {
    const controller = new AbortController();
    const fake = createFakeAuthServer();
    fake.faults.add({
      endpoint: "token",
      fault: (_request, answer) => {
        controller.abort(null);
        return answer();
      },
    });
    const { pending, callback } = await approveLogin(fake);
    const options = { fetch: fake.fetch, signal: controller.signal };
    await expect(exchangeCallback(pending, callback, options)).rejects.toBeNull();
  });

  it("needs a token endpoint that is a URL", async () => {
    const fake = createFakeAuthServer();
    const { pending, callback } = await approveLogin(fake);
    for (const endpoint of ["/token", undefined]) {
      const attempt = exchangeCallback(withTokenEndpoint(pending, endpoint), callback, { fetch: fake.fetch });
      const error = await failureOf(attempt);
      expect(error).toMatchObject({ code: "metadata_invalid" });
      expect(String(error)).toContain('"token_endpoint"');
    }
    expect(fake.counts.token).toBe(0);
  });
});

describe("the callback", () => {
  const forms: readonly (readonly [string, (query: string) => Callback])[] = [
    ["a URL as text", (query) => `https://app.example/callback${query}`],
    ["a URL of a private scheme, pasted with a line break", (query) => `com.example.app:/callback${query}\n`],
    ["a path and a query, as of node:http", (query) => `/callback${query}`],
    ["a request, as of Express", (query) => Object.assign({ query: {} }, { url: `/callback${query}` })],
    ["a query", (query) => ` ${query}`],
    ["a URL", (query) => new URL(`http://127.0.0.1:4321/callback${query}`)],
    ["parameters", (query) => new URLSearchParams(query)],
    ["a callback result", (query) => ({ url: `http://127.0.0.1:4321/${query}`, code: "ignored", state: "ignored" })],
  ];
  it.each(forms)("may be %s", async (_, form) => {
    const fake = createFakeAuthServer();
    const { pending, callback } = await approveLogin(fake);
    expect((await exchangeCallback(pending, form(callback.search), { fetch: fake.fetch })).accessToken).toBeTruthy();
  });

  it.each(["", "code=code-1&state=state-1", "callback?code=code-1&state=state-1", "localhost callback"])(
    "is refused when it is neither a URL nor a query: %j",
    async (callback) => {
      const { pending } = await startLogin(createFakeAuthServer());
      const error = await failureOf(exchangeCallback(pending, callback));
      expect(error).toMatchObject({ code: "callback_invalid" });
      expect((error as Error).cause).toBeUndefined();
    },
  );

  it.each([undefined, null, 7, { code: "code-1", state: "state-1" }])("must be given: %j", async (callback) => {
    const { pending } = await startLogin(createFakeAuthServer());
    await expect(exchangeCallback(pending, callback as never)).rejects.toThrow('"callback" must be');
  });

  it.each<[string, (query: URLSearchParams) => void]>([
    ["another code", (query) => query.append("code", "code-2")],
    ["the same code", (query) => query.append("code", query.get("code") ?? "")],
    ["the same state", (query) => query.append("state", query.get("state") ?? "")],
    ["the same iss", (query) => query.append("iss", query.get("iss") ?? "")],
    ["two empty errors", (query) => [1, 2].forEach(() => query.append("error", ""))],
  ])("is refused when a parameter repeats: %s [spec-86, fact-08]", async (_, repeat) => {
    const fake = createFakeAuthServer();
    const { pending, callback } = await approveLogin(fake);
    repeat(callback.searchParams);
    for (const form of [callback.search, { url: callback.href }]) {
      const error = await failureOf(exchangeCallback(pending, form, { fetch: fake.fetch }));
      expect(error).toMatchObject({ code: "callback_invalid" });
    }
    expect(fake.counts.token).toBe(0);
  });

  it("may have parameters that mean nothing to us, repeated or not [spec-86]", async () => {
    const fake = createFakeAuthServer();
    const { pending, callback } = await approveLogin(fake);
    const more = `${callback.search}&session_state=1&session_state=2&response=x&token=y&id_token=z`;
    await exchangeCallback(pending, more, { fetch: fake.fetch });
    expect(fake.counts.token).toBe(1);
  });

  it.each(["?code=code-1", "?code=code-1&state=", "?code=code-1&state=STATE-1", "?error=access_denied"])(
    "is refused without our state: %s [spec-70, spec-81, fact-08]",
    async (callback) => {
      const fake = createFakeAuthServer();
      const { pending } = await startLogin(fake);
      const mine = { ...pending, state: "state-1" };
      const error = await failureOf(exchangeCallback(mine, callback, { fetch: fake.fetch }));
      expect(error).toMatchObject({ code: "state_unknown" });
      expect(fake.counts.token).toBe(0);
    },
  );

  it("is refused once the login has expired, and when the record cannot tell", async () => {
    const fake = createFakeAuthServer({ now: () => 0 });
    const { now } = fake;
    const { pending, authorizationUrl } = await startLogin(fake);
    fake.advance(pending.expiresAt - 1);
    const callback = await fake.approve(authorizationUrl);
    const untold = { ...pending, expiresAt: Number.NaN };
    expect(await failureOf(exchangeCallback(untold, callback, { now }))).toMatchObject({ code: "state_expired" });
    await exchangeCallback(pending, callback, { fetch: fake.fetch, now });
    for (const more of [1, 1]) {
      fake.advance(more);
      expect(await failureOf(exchangeCallback(pending, callback, { now }))).toMatchObject({ code: "state_expired" });
    }
  });

  it.each(["?state=state-1", "?state=state-1&code=&error="])(
    "is refused when it has neither code nor error: %s",
    async (callback) => {
      const { pending } = await startLogin(createFakeAuthServer({ iss: { advertised: false } }));
      const error = await failureOf(exchangeCallback({ ...pending, state: "state-1" }, callback));
      expect(error).toMatchObject({ code: "callback_invalid" });
    },
  );
});

describe("iss", () => {
  const OTHERS = [
    "",
    "https://attacker.example",
    "https://auth.example.com/",
    "https://AUTH.example.com",
    "https://auth.example.com:443",
  ];

  it.each([
    ["promised and equal", { advertised: true, sent: true }],
    ["not promised, but equal", { advertised: false, sent: true }],
    ["not promised and absent", { advertised: false, sent: false }],
  ])("is accepted when it is %s [spec-82]", async (_, iss) => {
    const fake = createFakeAuthServer({ iss });
    const { pending, callback } = await approveLogin(fake);
    await exchangeCallback(pending, callback, { fetch: fake.fetch });
    expect(fake.counts.token).toBe(1);
  });

  it("is accepted when it is promised by something else than true, and absent [spec-82]", async () => {
    const fake = createFakeAuthServer({ faults: [{ fault: "missing_iss" }] });
    const { pending, callback } = await approveLogin(fake);
    const promise = { authorization_response_iss_parameter_supported: "true" as never };
    const server = { ...pending.server, authorizationServer: { ...pending.server.authorizationServer, ...promise } };
    await exchangeCallback({ ...pending, server }, callback, { fetch: fake.fetch });
    expect(fake.counts.token).toBe(1);
  });

  it.each([
    { advertised: true, sent: false },
    ...OTHERS.flatMap((sent) => [
      { advertised: true, sent },
      { advertised: false, sent },
    ]),
  ])(
    "is refused when it is $sent, promised: $advertised [spec-82, spec-83, spec-123, fact-07, fact-08]",
    async (iss) => {
      const fake = createFakeAuthServer({ iss });
      const { pending, callback } = await approveLogin(fake);
      const error = await failureOf(exchangeCallback(pending, callback, { fetch: fake.fetch }));
      expect(error).toMatchObject({ code: "callback_issuer_mismatch" });
      expect(fake.counts.token).toBe(0);
    },
  );

  it("is judged before the error, of which nothing is shown [spec-84]", async () => {
    const fake = createFakeAuthServer({ iss: { sent: "https://attacker.example" } });
    const { pending, authorizationUrl } = await startLogin(fake);
    const callback = await fake.deny(authorizationUrl);
    callback.searchParams.set("error_description", "call 0900");
    const error = await failureOf(exchangeCallback(pending, callback));
    expect(error).toMatchObject({ code: "callback_issuer_mismatch" });
    expect(error).not.toHaveProperty("oauthError");
    expect(error).not.toHaveProperty("oauthErrorDescription");
    expect(String(error)).not.toMatch(/access_denied|0900|attacker/);
  });

  it.each([false, "https://other.example"])(
    "is not judged where no metadata says who the issuer is: %s",
    async (sent) => {
      const issuer = "https://mcp.example.com";
      const fake = createFakeAuthServer({ issuer, metadataKind: "none", resourceMetadata: "none", iss: { sent } });
      const { pending, callback } = await approveLogin(fake);
      expect(pending.server.source).toBe("origin_defaults");
      await exchangeCallback(pending, callback, { fetch: fake.fetch });
      expect(fake.counts.token).toBe(1);
    },
  );
});

describe("an error in the callback", () => {
  it.each(["access_denied", "invalid_scope", "unauthorized_client", "invalid_request"])(
    "%s ends the login and says why [spec-3.8-07, spec-3.8-08, spec-3.8-10]",
    async (error) => {
      const fake = createFakeAuthServer();
      const { pending, authorizationUrl } = await startLogin(fake);
      const callback = await fake.deny(authorizationUrl, error);
      callback.searchParams.set("error_description", 'not "you"');
      callback.searchParams.set("code", "code-1");
      const denied = await failureOf(exchangeCallback(pending, callback, { fetch: fake.fetch }));
      expect(denied).toMatchObject({
        code: "authorization_denied",
        oauthError: error,
        oauthErrorDescription: 'not "you"',
      });
      expect(String(denied)).toContain(`"${error}": "not \\"you\\""`);
      expect(fake.counts.token).toBe(0);
    },
  );

  it("without a description says the error alone", async () => {
    const fake = createFakeAuthServer();
    const { pending, authorizationUrl } = await startLogin(fake);
    const callback = await fake.deny(authorizationUrl);
    callback.searchParams.delete("error_description");
    const denied = await failureOf(exchangeCallback(pending, callback));
    expect(denied).not.toHaveProperty("oauthErrorDescription");
    expect(String(denied)).toContain('("access_denied")');
  });

  it.each(["temporarily_unavailable", "server_error"])("%s means: try later [spec-3.8-09]", async (error) => {
    const fake = createFakeAuthServer();
    const { pending, authorizationUrl } = await startLogin(fake);
    const failed = await failureOf(exchangeCallback(pending, await fake.deny(authorizationUrl, error)));
    expect(failed).toMatchObject({ name: "TransportError", code: "server_error", url: fake.issuer });
  });

  it("cannot smuggle control characters or a flood into the message [spec-124]", async () => {
    const fake = createFakeAuthServer();
    const { pending, authorizationUrl } = await startLogin(fake);
    const callback = await fake.deny(authorizationUrl, "a\u001b[31m\n");
    callback.searchParams.set("error_description", "x".repeat(5000));
    const { message } = (await failureOf(exchangeCallback(pending, callback))) as Error;
    expect(message).not.toMatch(/\p{Cc}/u);
    expect(message.length).toBeLessThan(500);
  });
});

describe("the tokens", () => {
  it("carry what they are bound to, and the requested scope when the server names none", async () => {
    const fake = createFakeAuthServer({ now: () => 1_800_000_000_000 });
    fake.faults.add({ fault: "scope_missing" });
    const { pending, callback } = await approveLogin(fake, { scope: "read write" });
    const tokens = await exchangeCallback(pending, callback, { fetch: fake.fetch, now: fake.now });
    const { accessToken, refreshToken = "", ...rest } = tokens;
    expect([fake.nameOf(accessToken), fake.nameOf(refreshToken)]).toEqual(["[access_token 1]", "[refresh_token 1]"]);
    expect(rest).toEqual({
      tokenType: "Bearer",
      scope: "read write",
      requestedScope: "read write",
      obtainedAt: 1_800_000_000_000,
      expiresAt: 1_800_086_400_000,
      issuer: fake.issuer,
      tokenEndpoint: `${fake.issuer}/token`,
      resource: fake.serverUrl,
      registration: pending.registration,
    });
  });

  it("have the granted scope beside the requested one", async () => {
    const fake = createFakeAuthServer();
    const { pending, authorizationUrl } = await startLogin(fake, { scope: "read write" });
    const callback = await fake.approve(authorizationUrl, { scope: "read" });
    const tokens = await exchangeCallback(pending, callback, { fetch: fake.fetch });
    expect(tokens).toMatchObject({ scope: "read", requestedScope: "read write" });
  });

  it("need no refresh token and no scope [spec-104]", async () => {
    const fake = createFakeAuthServer({ issueRefreshTokens: false });
    for (const fault of ["scope_missing", "expires_in_missing"] as const) fake.faults.add({ fault });
    const { pending, callback } = await approveLogin(fake);
    const tokens = await exchangeCallback(pending, callback, { fetch: fake.fetch });
    for (const member of ["refreshToken", "scope", "expiresAt"]) expect(tokens).not.toHaveProperty(member);
  });

  it("are plain JSON", async () => {
    const fake = createFakeAuthServer();
    const { pending, callback } = await approveLogin(fake);
    const tokens = await exchangeCallback(pending, callback, { fetch: fake.fetch });
    expect(JSON.parse(JSON.stringify(tokens))).toStrictEqual(tokens);
    expect(Math.abs(tokens.obtainedAt - Date.now())).toBeLessThan(60_000);
  });
});

it.each(["invalid_grant", "invalid_client", "invalid_target", "invalid_request"])(
  "a code that is refused with %s ends this login, and is not sent again [spec-3.8-12, spec-3.8-16]",
  async (error) => {
    const fake = createFakeAuthServer({ faults: [{ endpoint: "token", fault: { status: 400, body: { error } } }] });
    const { pending, callback } = await approveLogin(fake);
    const refused = await failureOf(exchangeCallback(pending, callback, { fetch: fake.fetch }));
    expect(refused).toMatchObject({ code: "token_request_rejected", status: 400, oauthError: error });
    expect(fake.counts.token).toBe(1);
  },
);
