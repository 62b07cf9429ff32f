import { describe, expect, it } from "vitest";
import { inspect } from "node:util";
import { exchangeCallback } from "../../../src/protocol/exchange-callback.js";
import { refreshTokens } from "../../../src/protocol/refresh-tokens.js";
import type { TokenSet } from "../../../src/types.js";
import {
  clientRegistration,
  json,
  NOW,
  pendingAuthorization,
  recordingFetch,
  rejectionOf,
  serverMetadata,
  tokenSet,
} from "../protocol/records.js";

const now = (): number => NOW;
const minimal = { access_token: "access-2", token_type: "Bearer" };

/** One code exchange that is answered with `response`. */
const exchange = (response: Response): Promise<TokenSet> =>
  exchangeCallback(pendingAuthorization(), "?code=code-1&state=state-1", {
    fetch: recordingFetch(() => response).fetch,
    now,
  });

const refresh = (response: Response): Promise<TokenSet> =>
  refreshTokens(serverMetadata(), tokenSet(), { fetch: recordingFetch(() => response).fetch, now });

describe("a token response", () => {
  it.each(["Bearer", "bearer", "BEARER"])("may spell its type %s, which is kept as given", async (token_type) => {
    expect((await exchange(json({ ...minimal, token_type }))).tokenType).toBe(token_type);
  });

  it("may have members that mean nothing to us, and tokens of any size [spec-96]", async () => {
    const access_token = "t".repeat(20_000);
    const tokens = await exchange(json({ ...minimal, access_token, example_parameter: { nested: [1] } }));
    expect(tokens.accessToken).toBe(access_token);
    expect(tokens).not.toHaveProperty("example_parameter");
  });

  it("may have null members, which are absent ones [fact-04]", async () => {
    const tokens = await exchange(
      json({ ...minimal, expires_in: null, refresh_token: null, scope: null, id_token: null, error: null }),
    );
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
    expect((await exchange(json({ ...minimal, expires_in }))).expiresAt).toBe(expiresAt);
  });

  it.each([
    [86_400, NOW + 86_400_000],
    ["86400", NOW + 86_400_000],
    [0, undefined],
    ["soon", undefined],
    [undefined, undefined],
  ])("whose refresh token lives %j seconds says until %j", async (refresh_token_expires_in, expected) => {
    const tokens = await exchange(json({ ...minimal, refresh_token: "r", refresh_token_expires_in }));
    expect(tokens.refreshTokenExpiresAt).toBe(expected);
  });

  it.each([
    ["a clock an hour ahead", NOW + 3_600_000, 3_600_000],
    ["a clock a day behind", NOW - 86_400_000, -86_400_000],
    ["a clock that is right but for the way", NOW - 20_000, undefined],
  ])("of %s says how far", async (_, date, clockSkew) => {
    const headers = { date: new Date(date).toUTCString() };
    expect((await exchange(json(minimal, { headers }))).clockSkew).toBe(clockSkew);
    expect((await exchange(json(minimal, { headers: { date: "today" } }))).clockSkew).toBeUndefined();
  });

  it("may have an empty refresh token, which is none", async () => {
    expect(await exchange(json({ ...minimal, refresh_token: "" }))).not.toHaveProperty("refreshToken");
  });

  it("may have an empty scope, which says that nothing was granted", async () => {
    expect((await exchange(json({ ...minimal, scope: "" }))).scope).toBe("");
  });

  it.each(["not a token", "e30.e30.", `e30.${btoa('{"iss":"https://other.example","nonce":"n"}')}.`])(
    "may have an odd ID token, which is kept unread: %s",
    async (id_token) => {
      expect((await exchange(json({ ...minimal, id_token }))).idToken).toBe(id_token);
    },
  );

  it.each([7, "", {}])("may have an ID token that is none: %j", async (id_token) => {
    expect(await exchange(json({ ...minimal, id_token }))).not.toHaveProperty("idToken");
  });

  it("may come with any content type and a challenge", async () => {
    const headers = { "content-type": "text/plain", "www-authenticate": "Bearer" };
    expect((await exchange(json(minimal, { headers }))).accessToken).toBe("access-2");
  });

  it.each([
    ["access_token", { access_token: undefined }],
    ["access_token", { access_token: "" }],
    ["access_token", { access_token: 7 }],
    ["token_type", { token_type: undefined }],
    ["token_type", { token_type: "DPoP" }],
    ["token_type", { token_type: "mac" }],
    ["token_type", { token_type: ["bearer"] }],
    ["refresh_token", { refresh_token: 7 }],
    ["scope", { scope: ["read"] }],
  ])("without a usable %s is refused: %j [fact-05]", async (member, members) => {
    const error = await rejectionOf(exchange(json({ ...minimal, ...members })));
    expect(error["code"]).toBe("token_response_invalid");
    expect(error["message"]).toContain(`"${member}"`);
    expect(inspect(error, { depth: 9 })).not.toContain("access-2");
  });

  it("with status 201 is refused [fact-05]", async () => {
    const error = await rejectionOf(exchange(json(minimal, { status: 201 })));
    expect(error).toMatchObject({ code: "token_response_invalid", status: 201 });
    expect(inspect(error, { depth: 9 })).not.toContain("access-2");
  });

  it("that is a form is not read, and not shown either [fact-05]", async () => {
    const error = await rejectionOf(exchange(new Response(new URLSearchParams(minimal))));
    expect(error).toMatchObject({ code: "server_error", status: 200 });
    expect(inspect(error, { depth: 9 })).not.toContain("access-2");
  });
});

describe("an error of the token endpoint", () => {
  const refusal = { error: "invalid_grant", error_description: "the code is used up" };
  const expected = { oauthError: "invalid_grant", oauthErrorDescription: "the code is used up" };

  it("is read behind a challenge [fact-01]", async () => {
    const response = json(refusal, { status: 401, headers: { "www-authenticate": 'Basic realm="as"' } });
    expect(await rejectionOf(exchange(response))).toMatchObject({ ...expected, status: 401 });
  });

  it.each(["text/html", "application/problem+json", ""])(
    "is read behind the content type %j [fact-02]",
    async (type) => {
      const response = json(refusal, { status: 400, headers: { "content-type": type } });
      expect(await rejectionOf(exchange(response))).toMatchObject({ ...expected, code: "token_request_rejected" });
    },
  );

  it("is read behind status 200 [spec-3.8-19, fact-03, pain-20]", async () => {
    const error = await rejectionOf(exchange(json(refusal)));
    expect(error).toMatchObject({ ...expected, code: "token_request_rejected", status: 200 });
    expect(await rejectionOf(refresh(json(refusal)))).toMatchObject({ ...expected, code: "refresh_rejected" });
  });

  it("is read beside an empty access token, and is none beside a real one", async () => {
    const error = await rejectionOf(refresh(json({ ...refusal, access_token: "" }, { status: 400 })));
    expect(error).toMatchObject({ ...expected, code: "refresh_rejected" });
    expect((await exchange(json({ ...minimal, error: "none" }))).accessToken).toBe("access-2");
  });

  it("that is no OAuth error shows what the body says", async () => {
    const error = await rejectionOf(exchange(json({ detail: "no such tenant" }, { status: 400 })));
    expect(error).toMatchObject({ code: "token_request_rejected", status: 400 });
    expect(error["message"]).toContain("no such tenant");
  });

  it.each([
    [500, JSON.stringify({ error: "invalid_grant" })],
    [503, "<h1>Service unavailable</h1>"],
    [408, ""],
    [429, JSON.stringify({ error: "slow_down" })],
    [400, JSON.stringify({ error: "temporarily_unavailable" })],
    [200, JSON.stringify({ error: "server_error" })],
    [403, "<h1>Blocked by the proxy</h1>"],
    [404, "[]"],
    [200, "<h1>Sign in to the network</h1>"],
  ])("with status %i and %j decides nothing [spec-3.8-18]", async (status, body) => {
    for (const attempt of [exchange, refresh]) {
      const error = await rejectionOf(attempt(new Response(body, { status })));
      expect(error).toMatchObject({ name: "TransportError", code: "server_error", status });
      expect(error["url"]).toBe("https://as.example/token");
    }
  });

  it.each([
    ["120", NOW + 120_000],
    [new Date(NOW + 5000).toUTCString(), NOW + 5000],
    ["later", undefined],
  ])("with Retry-After %j says when to come back [spec-3.8-18]", async (value, retryAt) => {
    const response = new Response("", { status: 503, headers: { "retry-after": value } });
    expect((await rejectionOf(refresh(response)))["retryAt"]).toBe(retryAt);
  });

  it("that echoes what was sent, or floods, keeps secrets and control characters out of sight [spec-101, spec-124, pain-40]", async () => {
    const registration = clientRegistration({
      tokenEndpointAuthMethod: "client_secret_post",
      clientSecret: "client-secret-1",
    });
    const secrets = ["code-1", "verifier-1", "refresh-1", "client-secret-1", "state-1"];
    const bodies = [
      (params: string) => JSON.stringify({ error: "invalid_request", error_description: `\u001b[31m got ${params}` }),
      (params: string) => JSON.stringify({ error: params }),
      (params: string) => `<pre>${params}</pre>`,
    ];
    for (const body of bodies) {
      const { fetch } = recordingFetch(
        (request) => new Response(body(Object.values(request.params).join(" ").repeat(99)), { status: 400 }),
      );
      for (const attempt of [
        exchangeCallback(pendingAuthorization({ registration }), "?code=code-1&state=state-1", { fetch, now }),
        refreshTokens(serverMetadata(), tokenSet({ registration }), { fetch, now }),
      ]) {
        const error = await rejectionOf(attempt);
        const seen = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error);
        for (const secret of secrets) expect(seen).not.toContain(secret);
        expect(error["message"]).not.toMatch(/\p{Cc}/u);
        expect(String(error["message"]).length).toBeLessThan(700);
      }
    }
  });
});
