import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { exchangeCallback } from "../../../src/protocol/exchange-callback.js";
import { refreshTokens } from "../../../src/protocol/refresh-tokens.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import { failureOf } from "../../support/host.js";
import { logIn, startLogin } from "../../support/steps.js";

const NOW = 1_800_000_000_000;
const now = (): number => NOW;

describe("a token response", () => {
  it.each(["Bearer", "bearer", "BEARER"])("may spell its type %s, which is kept as given", async (token_type) => {
    const fake = createFakeAuthServer({ faults: [{ endpoint: "token", fault: { members: { token_type } } }] });
    expect((await logIn(fake)).tokens.tokenType).toBe(token_type);
  });

  it("may have members that mean nothing to us, and tokens of any size [spec-96]", async () => {
    const fake = createFakeAuthServer();
    const access_token = "t".repeat(20_000);
    fake.faults.add({ endpoint: "token", fault: { members: { access_token, example_parameter: { nested: [1] } } } });
    const { tokens } = await logIn(fake);
    expect(tokens.accessToken).toBe(access_token);
    expect(tokens).not.toHaveProperty("example_parameter");
  });

  it("may have null members, which are absent ones [fact-04]", async () => {
    const fake = createFakeAuthServer();
    const members = { expires_in: null, refresh_token: null, scope: null, id_token: null, error: null };
    fake.faults.add({ endpoint: "token", fault: { members } });
    const { tokens } = await logIn(fake);
    for (const member of ["expiresAt", "refreshToken", "scope", "idToken"]) expect(tokens).not.toHaveProperty(member);
  });

  it.each([
    [3600, NOW + 3_600_000],
    ["3600", NOW + 3_600_000],
    [0.5, NOW + 500],
    [0, undefined],
    [-1, undefined],
    ["0", undefined],
    ["", undefined],
    [undefined, undefined],
    ["Infinity", undefined],
    [1e300, undefined],
    ["soon", undefined],
    [{ seconds: 1 }, undefined],
  ])("that lives %j seconds expires at %j [spec-96, fact-04, pain-21]", async (expires_in, expiresAt) => {
    const fake = createFakeAuthServer({ now, faults: [{ endpoint: "token", fault: { members: { expires_in } } }] });
    expect((await logIn(fake)).tokens.expiresAt).toBe(expiresAt);
  });

  it.each([
    [86_400, NOW + 86_400_000],
    ["86400", NOW + 86_400_000],
    [0, undefined],
    ["soon", undefined],
    [undefined, undefined],
  ])("whose refresh token lives %j seconds says until %j", async (refresh_token_expires_in, expected) => {
    const fake = createFakeAuthServer({
      now,
      faults: [{ endpoint: "token", fault: { members: { refresh_token_expires_in } } }],
    });
    expect((await logIn(fake)).tokens.refreshTokenExpiresAt).toBe(expected);
  });

  it.each([
    ["a clock an hour ahead", new Date(NOW + 3_600_000).toUTCString(), 3_600_000],
    ["a clock a day behind", new Date(NOW - 86_400_000).toUTCString(), -86_400_000],
    ["a clock that is right but for the way", new Date(NOW - 20_000).toUTCString(), undefined],
    ["no readable clock", "today", undefined],
  ])("of %s says how far", async (_, date, clockSkew) => {
    const fake = createFakeAuthServer({ now, faults: [{ endpoint: "token", fault: { headers: { date } } }] });
    expect((await logIn(fake)).tokens.clockSkew).toBe(clockSkew);
  });

  it("without a clock says nothing of one", async () => {
    const fake = createFakeAuthServer({ now });
    const fetch: typeof fake.fetch = async (input, init) => {
      const response = await fake.fetch(input, init);
      response.headers.delete("date");
      return response;
    };
    expect((await logIn({ ...fake, fetch })).tokens.clockSkew).toBeUndefined();
  });

  it("may have an empty refresh token, which is none", async () => {
    const fake = createFakeAuthServer({ faults: [{ fault: "refresh_token_empty" }] });
    expect((await logIn(fake)).tokens).not.toHaveProperty("refreshToken");
  });

  it("may have an empty scope, which says that nothing was granted", async () => {
    const fake = createFakeAuthServer({ faults: [{ endpoint: "token", fault: { members: { scope: "" } } }] });
    expect((await logIn(fake, { scope: "read" })).tokens.scope).toBe("");
  });

  it.each(["not a token", "e30.e30.", `e30.${btoa('{"iss":"https://other.example","nonce":"n"}')}.`])(
    "may have an odd ID token, which is kept unread: %s",
    async (id_token) => {
      const fake = createFakeAuthServer({ faults: [{ endpoint: "token", fault: { members: { id_token } } }] });
      expect((await logIn(fake)).tokens.idToken).toBe(id_token);
    },
  );

  it.each([7, "", {}])("may have an ID token that is none: %j", async (id_token) => {
    const fake = createFakeAuthServer({ faults: [{ endpoint: "token", fault: { members: { id_token } } }] });
    expect((await logIn(fake)).tokens).not.toHaveProperty("idToken");
  });

  it("may come with any content type and a challenge", async () => {
    const fake = createFakeAuthServer();
    const headers = { "content-type": "text/plain", "www-authenticate": "Bearer" };
    fake.faults.add({ endpoint: "token", fault: { headers } });
    expect(fake.nameOf((await logIn(fake)).tokens.accessToken)).toBe("[access_token 1]");
  });

  it.each([
    ["access_token", { access_token: undefined }],
    ["access_token", { access_token: "" }],
    ["access_token", { access_token: 7 }],
    // no header takes it, and what says so would repeat it
    ["access_token", { access_token: "s3cret\nvalue" }],
    ["token_type", { token_type: undefined }],
    ["token_type", { token_type: "DPoP" }],
    ["token_type", { token_type: "mac" }],
    ["token_type", { token_type: ["bearer"] }],
    ["refresh_token", { refresh_token: 7 }],
    ["scope", { scope: ["read"] }],
  ])("without a usable %s is refused: %j [fact-05]", async (member, members) => {
    const fake = createFakeAuthServer({
      faults: [{ endpoint: "token", fault: { members: { access_token: "access-2", ...members } } }],
    });
    const error = await failureOf(logIn(fake));
    expect(error).toMatchObject({ code: "token_response_invalid" });
    expect(String(error)).toContain(`"${member}"`);
    expect(inspect(error, { depth: 9 })).not.toContain("access-2");
  });

  it("with status 201 is refused [fact-05]", async () => {
    const fake = createFakeAuthServer({
      faults: [{ endpoint: "token", fault: { status: 201, members: { access_token: "access-2" } } }],
    });
    const error = await failureOf(logIn(fake));
    expect(error).toMatchObject({ code: "token_response_invalid", status: 201 });
    expect(inspect(error, { depth: 9 })).not.toContain("access-2");
  });

  it("that is a form is not read, and not shown either [fact-05]", async () => {
    const fake = createFakeAuthServer({ faults: [{ fault: "form_encoded_tokens" }] });
    fake.faults.add({ endpoint: "token", fault: { members: { access_token: "access-2" } } });
    const error = await failureOf(logIn(fake));
    expect(error).toMatchObject({ code: "server_error", status: 200 });
    expect(inspect(error, { depth: 9 })).not.toContain("access-2");
  });
});

describe("an error of the token endpoint", () => {
  const refusal = { error: "invalid_grant", error_description: "the code is used up" };
  const expected = { oauthError: "invalid_grant", oauthErrorDescription: "the code is used up" };

  it("is read behind a challenge [fact-01]", async () => {
    const fake = createFakeAuthServer();
    const headers = { "www-authenticate": 'Basic realm="as"' };
    fake.faults.add({ endpoint: "token", fault: { status: 401, headers, body: refusal } });
    expect(await failureOf(logIn(fake))).toMatchObject({ ...expected, status: 401 });
  });

  it.each(["text/html", "application/problem+json", ""])(
    "is read behind the content type %j [fact-02]",
    async (type) => {
      const fake = createFakeAuthServer();
      const headers = { "content-type": type };
      fake.faults.add({ endpoint: "token", fault: { status: 400, headers, body: refusal } });
      expect(await failureOf(logIn(fake))).toMatchObject({ ...expected, code: "token_request_rejected" });
    },
  );

  it("is read behind status 200 [spec-3.8-19, fact-03, pain-20]", async () => {
    const fake = createFakeAuthServer();
    const { server, tokens } = await logIn(fake);
    for (const endpoint of ["token", "refresh"] as const) fake.faults.add({ endpoint, fault: { body: refusal } });
    expect(await failureOf(logIn(fake))).toMatchObject({ ...expected, code: "token_request_rejected", status: 200 });
    const refused = await failureOf(refreshTokens(server, tokens, { fetch: fake.fetch }));
    expect(refused).toMatchObject({ ...expected, code: "refresh_rejected" });
  });

  it("is read beside an empty access token, and is none beside a real one", async () => {
    const fake = createFakeAuthServer({ faults: [{ endpoint: "token", fault: { members: { error: "none" } } }] });
    const { server, tokens } = await logIn(fake);
    expect(fake.nameOf(tokens.accessToken)).toBe("[access_token 1]");
    fake.faults.add({ endpoint: "refresh", fault: { status: 400, body: { ...refusal, access_token: "" } } });
    const refused = await failureOf(refreshTokens(server, tokens, { fetch: fake.fetch }));
    expect(refused).toMatchObject({ ...expected, code: "refresh_rejected" });
  });

  it("that is no OAuth error shows what the body says", async () => {
    const fake = createFakeAuthServer({
      faults: [{ endpoint: "token", fault: { status: 400, body: { detail: "no such tenant" } } }],
    });
    const error = await failureOf(logIn(fake));
    expect(error).toMatchObject({ code: "token_request_rejected", status: 400 });
    expect(String(error)).toContain("no such tenant");
  });

  it.each([
    [500, { error: "invalid_grant" }],
    [503, "<h1>Service unavailable</h1>"],
    [408, { error: "invalid_grant" }],
    [429, { error: "slow_down" }],
    [400, { error: "temporarily_unavailable" }],
    [200, { error: "server_error" }],
    [403, "<h1>Blocked by the proxy</h1>"],
    [404, []],
    [200, "<h1>Sign in to the network</h1>"],
  ])("with status %i and %j decides nothing [spec-3.8-18]", async (status, body) => {
    const fake = createFakeAuthServer();
    const { server, tokens } = await logIn(fake);
    for (const endpoint of ["token", "refresh"] as const) fake.faults.add({ endpoint, fault: { status, body } });
    const decidesNothing = { name: "TransportError", code: "server_error", status, url: `${fake.issuer}/token` };
    expect(await failureOf(logIn(fake))).toMatchObject(decidesNothing);
    expect(await failureOf(refreshTokens(server, tokens, { fetch: fake.fetch }))).toMatchObject(decidesNothing);
  });

  it.each([
    ["120", NOW + 120_000],
    [new Date(NOW + 5000).toUTCString(), NOW + 5000],
    ["later", undefined],
  ])("with Retry-After %j says when to come back [spec-3.8-18]", async (value, retryAt) => {
    const fake = createFakeAuthServer({ now });
    const { server, tokens } = await logIn(fake);
    fake.faults.add({ endpoint: "refresh", fault: { status: 503, headers: { "retry-after": value }, body: "" } });
    const error = await failureOf(refreshTokens(server, tokens, { fetch: fake.fetch, now }));
    expect(error).toMatchObject({ code: "server_error" });
    expect((error as { retryAt?: number }).retryAt).toBe(retryAt);
  });

  it("that echoes what was sent, or floods, keeps secrets and control characters out of sight [spec-101, spec-124, pain-40]", async () => {
    const fake = createFakeAuthServer();
    const { fetch } = fake;
    const clientMetadata = { token_endpoint_auth_method: "client_secret_post" };
    const { server, tokens, registration } = await logIn(fake, { clientMetadata });
    const bodies = [
      (params: string) => JSON.stringify({ error: "invalid_request", error_description: `\u001b[31m got ${params}` }),
      (params: string) => JSON.stringify({ error: params }),
      (params: string) => `<pre>${params}</pre>`,
    ];
    for (const body of bodies) {
      for (const endpoint of ["token", "refresh"] as const) {
        fake.faults.add({
          endpoint,
          fault: async (request) => {
            const sent = [...new URLSearchParams(await request.text()).values()];
            return new Response(body(sent.join(" ").repeat(99)), { status: 400 });
          },
        });
      }
      const { pending, authorizationUrl } = await startLogin(fake, { registration });
      const callback = await fake.approve(authorizationUrl);
      const secrets = [callback.searchParams.get("code"), pending.codeVerifier, pending.state];
      for (const attempt of [
        exchangeCallback(pending, callback, { fetch }),
        refreshTokens(server, tokens, { fetch }),
      ]) {
        const error = await failureOf(attempt);
        const seen = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error);
        for (const secret of [...secrets, tokens.refreshToken, registration.clientSecret]) {
          expect(secret).toBeTruthy();
          expect(seen).not.toContain(secret);
        }
        const { message } = error as Error;
        expect(message).not.toMatch(/\p{Cc}/u);
        expect(message.length).toBeLessThan(700);
      }
    }
  });
});
