import { describe, expect, it } from "vitest";
import { refreshTokens } from "../../../src/protocol/refresh-tokens.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import { failureOf, REDIRECT } from "../../support/host.js";
import { logIn } from "../../support/steps.js";

describe("the refresh request", () => {
  it("has the refresh token, the resource and the client, and no scope [spec-90, spec-106]", async () => {
    const fake = createFakeAuthServer();
    const { server, tokens, registration } = await logIn(fake, { scope: "read" });
    await refreshTokens(server, tokens, { fetch: fake.fetch });
    expect(fake.counts.refresh).toBe(1);
    expect(fake.requests.at(-1)).toMatchObject({ method: "POST", url: `${fake.issuer}/token`, status: 200 });
    expect(Object.fromEntries(fake.requests.at(-1)?.form ?? [])).toEqual({
      grant_type: "refresh_token",
      refresh_token: fake.nameOf(tokens.refreshToken ?? ""),
      resource: fake.serverUrl,
      client_id: registration.clientId,
    });
  });

  it("authenticates as the client that the tokens were issued to [spec-93]", async () => {
    const [client_id, client_secret] = ["their client", "secret"];
    const fake = createFakeAuthServer({ clients: [{ client_id, client_secret, redirect_uris: [REDIRECT] }] });
    const { server, tokens } = await logIn(fake, {
      registration: {
        clientId: client_id,
        clientSecret: client_secret,
        tokenEndpointAuthMethod: "client_secret_basic",
      },
    });
    await refreshTokens(server, tokens, { fetch: fake.fetch });
    const { headers, form } = fake.requests.at(-1) ?? {};
    expect(headers?.["authorization"]).toBe(`Basic ${fake.nameOf(btoa("their+client:secret"))}`);
    expect(form?.has("client_id")).toBe(false);
  });

  it("is not made without the secret that the client authenticates with", async () => {
    for (const method of ["client_secret_basic", "client_secret_post"]) {
      const fake = createFakeAuthServer();
      const { server, tokens } = await logIn(fake, { clientMetadata: { token_endpoint_auth_method: method } });
      const { clientSecret, ...registration } = tokens.registration;
      const attempt = refreshTokens(server, { ...tokens, registration }, { fetch: fake.fetch });
      await expect(attempt).rejects.toThrow(TypeError);
      await expect(attempt).rejects.toThrow("clientSecret");
      expect(clientSecret).toBeTruthy();
      expect(fake.counts.refresh).toBe(0);
    }
  });

  it("may ask for less", async () => {
    const fake = createFakeAuthServer();
    const { server, tokens } = await logIn(fake, { scope: "read write" });
    const less = await refreshTokens(server, tokens, { fetch: fake.fetch, scope: "read" });
    expect(fake.requests.at(-1)?.form.get("scope")).toBe("read");
    expect(less).toMatchObject({ scope: "read", requestedScope: "read write" });
  });

  it.each(["https://auth.example.com/", "https://AUTH.example.com", "https://attacker.example"])(
    "is not made to another issuer: %s [spec-20, spec-103, fact-07]",
    async (issuer) => {
      const fake = createFakeAuthServer();
      const { fetch } = fake;
      const { server, tokens, registration } = await logIn(fake);
      for (const attempt of [
        refreshTokens({ ...server, issuer }, tokens, { fetch }),
        refreshTokens(server, { ...tokens, issuer }, { fetch }),
        refreshTokens(server, { ...tokens, registration: { ...registration, issuer } }, { fetch }),
      ]) {
        await expect(attempt).rejects.toMatchObject({ code: "client_issuer_mismatch" });
      }
      expect(fake.counts.refresh).toBe(0);
    },
  );

  it("is judged by the host as well [spec-23, spec-117]", async () => {
    const fake = createFakeAuthServer();
    const { server, tokens } = await logIn(fake);
    const seen: string[] = [];
    const allowUrl = (url: URL, { purpose }: { purpose: string }) => seen.push(`${purpose} ${url.href}`) === 0;
    const error = await failureOf(refreshTokens(server, tokens, { fetch: fake.fetch, allowUrl }));
    expect(error).toMatchObject({ code: "insecure_url" });
    expect(seen).toEqual([`token_endpoint ${fake.issuer}/token`]);
    expect(fake.counts.refresh).toBe(0);
  });

  it("needs a refresh token", async () => {
    const { server, tokens } = await logIn(createFakeAuthServer({ issueRefreshTokens: false }));
    await expect(refreshTokens(server, tokens)).rejects.toThrow(TypeError);
    await expect(refreshTokens(server, { ...tokens, refreshToken: "" })).rejects.toThrow(TypeError);
  });
});

describe("the refreshed tokens", () => {
  it("keep what the answer leaves out, but no expiry of the old ones [spec-105]", async () => {
    const fake = createFakeAuthServer({ rotateRefreshTokens: false, now: () => 1_800_000_000_000 });
    const { fetch, now } = fake;
    fake.faults.add({
      endpoint: "token",
      fault: { members: { scope: "read", id_token: "id-1", refresh_token_expires_in: 86_400 } },
    });
    const { server, tokens } = await logIn(fake, { scope: "read write" });
    for (const fault of ["scope_missing", "expires_in_missing", "refresh_token_missing"] as const)
      fake.faults.add({ fault });
    fake.advance(3_600_000);
    const { expiresAt, ...before } = { ...tokens, tokenEndpoint: `${fake.issuer}/old-token` };
    const { accessToken, ...after } = await refreshTokens(server, { ...before, expiresAt: 1 }, { fetch, now });
    expect(fake.nameOf(accessToken)).toBe("[access_token 2]");
    expect(after).toStrictEqual({
      tokenType: "Bearer",
      refreshToken: before.refreshToken,
      scope: "read",
      requestedScope: "read write",
      idToken: "id-1",
      refreshTokenExpiresAt: before.refreshTokenExpiresAt,
      obtainedAt: now(),
      issuer: fake.issuer,
      tokenEndpoint: `${fake.issuer}/token`,
      resource: fake.serverUrl,
      registration: before.registration,
    });
    expect(expiresAt).toBeGreaterThan(1);
  });

  it("replace what the answer has [spec-105]", async () => {
    const fake = createFakeAuthServer({ now: () => 1_800_000_000_000 });
    const { fetch, now } = fake;
    fake.faults.add({ endpoint: "token", fault: { members: { id_token: "id-1", refresh_token_expires_in: 86_400 } } });
    const { server, tokens } = await logIn(fake, { scope: "read write" });
    fake.faults.add({ endpoint: "refresh", fault: { members: { scope: "read", id_token: "id-2", expires_in: 60 } } });
    const after = await refreshTokens(server, tokens, { fetch, now });
    expect(after).toMatchObject({ scope: "read", idToken: "id-2", expiresAt: now() + 60_000 });
    expect(fake.nameOf(after.refreshToken ?? "")).toBe("[refresh_token 2]");
    expect(tokens).toHaveProperty("refreshTokenExpiresAt");
    expect(after).not.toHaveProperty("refreshTokenExpiresAt");
  });
});

describe("a refusal", () => {
  it.each([
    "invalid_grant",
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
  ])("with %s is final [spec-3.8-12, spec-3.8-14, spec-3.8-15, spec-3.8-16]", async (error) => {
    const fake = createFakeAuthServer();
    const { server, tokens } = await logIn(fake);
    fake.faults.add({ endpoint: "refresh", fault: { status: 400, body: { error } } });
    const refused = await failureOf(refreshTokens(server, tokens, { fetch: fake.fetch }));
    expect(refused).toMatchObject({ name: "TokenError", code: "refresh_rejected", status: 400, oauthError: error });
    expect(fake.counts.refresh).toBe(1);
  });

  it.each([{ error: "invalid_request" }, { error: "use_dpop_nonce" }, { message: "no" }])(
    "with %j is left to the caller's judgement",
    async (body) => {
      const fake = createFakeAuthServer();
      const { server, tokens } = await logIn(fake);
      fake.faults.add({ endpoint: "refresh", fault: { status: 401, body } });
      const refused = await failureOf(refreshTokens(server, tokens, { fetch: fake.fetch }));
      expect(refused).toMatchObject({ name: "TokenError", code: "token_request_rejected", status: 401 });
    },
  );

  it("is quoted without what would move a terminal's cursor or turn the direction of a line [spec-124]", async () => {
    const fake = createFakeAuthServer();
    const { server, tokens } = await logIn(fake);
    const error_description = "\u009b2Jgone\u202ella\u007f, line\nbreak";
    fake.faults.add({
      endpoint: "refresh",
      fault: { status: 400, body: { error: "invalid_grant", error_description } },
    });
    const refused = String(await failureOf(refreshTokens(server, tokens, { fetch: fake.fetch })));
    expect(refused).toContain(String.raw`"2Jgonella, line\nbreak"`);
  });

  it("that says the client's secret back, in whatever encoding it was sent, is quoted without it [pain-40]", async () => {
    const [client_id, client_secret] = ["client-1", "s3cret/with+more"];
    for (const method of ["client_secret_basic", "client_secret_post"] as const) {
      const known = { client_id, client_secret, redirect_uris: [REDIRECT], token_endpoint_auth_method: method };
      const fake = createFakeAuthServer({ clients: [known] });
      const { server, tokens } = await logIn(fake, {
        registration: { clientId: client_id, clientSecret: client_secret, tokenEndpointAuthMethod: method },
      });
      fake.faults.add({
        endpoint: "refresh",
        fault: async (request) => {
          const error_description = `${request.headers.get("authorization")} ${await request.text()}`;
          return Response.json({ error: "invalid_client", error_description }, { status: 401 });
        },
      });
      const refused = String(await failureOf(refreshTokens(server, tokens, { fetch: fake.fetch })));
      expect(refused).toContain("[redacted]");
      for (const form of ["s3cret", btoa("client-1:s3cret").slice(0, 18)]) expect(refused).not.toContain(form);
    }
  });
});
