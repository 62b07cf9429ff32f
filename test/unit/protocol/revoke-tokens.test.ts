import { expect, it } from "vitest";
import { revokeTokens } from "../../../src/protocol/revoke-tokens.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import { failureOf } from "../../support/host.js";
import { logIn } from "../../support/steps.js";

const revocations = (fake: FakeAuthServer) => fake.requests.filter(({ endpoint }) => endpoint === "revocation");

it("revokes the refresh token first, then the access token, as the client they were issued to", async () => {
  const fake = createFakeAuthServer();
  const { server, tokens, registration } = await logIn(fake);
  expect(await revokeTokens(server, tokens, { fetch: fake.fetch })).toBe(true);
  const client_id = registration.clientId;
  expect(revocations(fake).map(({ form, ...sent }) => [sent.method, sent.url, Object.fromEntries(form)])).toEqual([
    ["POST", `${fake.issuer}/revoke`, { token: "[refresh_token 1]", token_type_hint: "refresh_token", client_id }],
    ["POST", `${fake.issuer}/revoke`, { token: "[access_token 1]", token_type_hint: "access_token", client_id }],
  ]);
  const headers = { authorization: `Bearer ${tokens.accessToken}` };
  expect((await fake.fetch(fake.serverUrl, { headers })).status).toBe(401);
});

it("revokes the access token alone when there is no refresh token, with the client's secret", async () => {
  const fake = createFakeAuthServer();
  const clientMetadata = { token_endpoint_auth_method: "client_secret_basic" };
  const { server, tokens, registration } = await logIn(fake, { clientMetadata });
  await revokeTokens(server, { ...tokens, refreshToken: "" }, { fetch: fake.fetch });
  const [{ form, headers } = {}, ...others] = revocations(fake);
  expect(Object.fromEntries(form ?? [])).toEqual({ token: "[access_token 1]", token_type_hint: "access_token" });
  const credentials = btoa(`${registration.clientId}:${registration.clientSecret}`);
  expect(headers?.["authorization"]).toBe(`Basic ${fake.nameOf(credentials)}`);
  expect(others).toEqual([]);
});

it("says that the server has no such endpoint, without a request", async () => {
  const fake = createFakeAuthServer({ revocation: false });
  const { server, tokens } = await logIn(fake);
  const before = fake.requests.length;
  expect(await revokeTokens(server, tokens, { fetch: fake.fetch })).toBe(false);
  expect(fake.requests).toHaveLength(before);
});

it("goes on when a token type cannot be revoked", async () => {
  const fake = createFakeAuthServer();
  const { server, tokens } = await logIn(fake);
  const fault = { status: 400, body: { error: "unsupported_token_type" } };
  fake.faults.add({ endpoint: "revocation", fault, times: 2 });
  expect(await revokeTokens(server, tokens, { fetch: fake.fetch })).toBe(true);
  expect(fake.counts.revocation).toBe(2);
});

it.each([{ body: {} }, { status: 204, body: "" }, { body: "ok", headers: { "content-type": "text/plain" } }])(
  "takes any 2xx for done: %j",
  async (fault) => {
    const fake = createFakeAuthServer();
    const { server, tokens } = await logIn(fake);
    fake.faults.add({ endpoint: "revocation", fault, times: 2 });
    expect(await revokeTokens(server, tokens, { fetch: fake.fetch })).toBe(true);
    expect(fake.counts.revocation).toBe(2);
  },
);

it.each([400, 401, 200])("reports a refusal, with status %i", async (status) => {
  const fake = createFakeAuthServer();
  const { server, tokens } = await logIn(fake);
  const body = { error: "invalid_client", error_description: `who is ${tokens.refreshToken}?` };
  fake.faults.add({ endpoint: "revocation", fault: { status, body } });
  expect(await failureOf(revokeTokens(server, tokens, { fetch: fake.fetch }))).toMatchObject({
    code: "token_request_rejected",
    oauthError: "invalid_client",
    oauthErrorDescription: "who is [redacted]?",
    status,
  });
  expect(fake.counts.revocation).toBe(1);
});

it("reports a refusal that is no OAuth error, with what the body says", async () => {
  const fake = createFakeAuthServer();
  const { server, tokens } = await logIn(fake);
  fake.faults.add({ endpoint: "revocation", fault: { status: 400, body: { detail: "no such tenant" } } });
  const error = await failureOf(revokeTokens(server, tokens, { fetch: fake.fetch }));
  expect(error).toMatchObject({ code: "token_request_rejected", status: 400 });
  expect(String(error)).toContain("no such tenant");
});

it("is judged by the host as well [spec-23, spec-117]", async () => {
  const fake = createFakeAuthServer();
  const { server, tokens } = await logIn(fake);
  const seen: string[] = [];
  const allowUrl = (url: URL, { purpose }: { purpose: string }) => seen.push(`${purpose} ${url.href}`) === 0;
  const error = await failureOf(revokeTokens(server, tokens, { fetch: fake.fetch, allowUrl }));
  expect(error).toMatchObject({ code: "insecure_url" });
  expect(seen).toEqual([`revocation_endpoint ${fake.issuer}/revoke`]);
  expect(fake.counts.revocation).toBe(0);
});

it.each([
  [503, ""],
  [429, { error: "slow_down" }],
  [404, "not here"],
])("reports that nothing was decided, with status %i", async (status, body) => {
  const fake = createFakeAuthServer({ now: () => 1_800_000_000_000 });
  const { fetch, now } = fake;
  const { server, tokens } = await logIn(fake);
  fake.faults.add({ endpoint: "revocation", fault: { status, headers: { "retry-after": "7" }, body } });
  const error = await failureOf(revokeTokens(server, tokens, { fetch, now }));
  expect(error).toMatchObject({ code: "server_error", status, retryAt: now() + 7000, url: `${fake.issuer}/revoke` });
});

it("reads the clock of the runtime when none is given", async () => {
  const fake = createFakeAuthServer();
  const { server, tokens } = await logIn(fake);
  fake.faults.add({ endpoint: "revocation", fault: "503_retry_after" });
  const { retryAt = 0 } = (await failureOf(revokeTokens(server, tokens, { fetch: fake.fetch }))) as {
    retryAt?: number;
  };
  expect(Math.abs(retryAt - Date.now() - 120_000)).toBeLessThan(60_000);
});

it("shows the tokens to no other issuer [spec-20, spec-103]", async () => {
  const fake = createFakeAuthServer();
  const { fetch } = fake;
  const { server, tokens, registration } = await logIn(fake);
  const issuer = "https://attacker.example";
  for (const attempt of [
    revokeTokens({ ...server, issuer }, tokens, { fetch }),
    revokeTokens(server, { ...tokens, issuer }, { fetch }),
    revokeTokens(server, { ...tokens, registration: { ...registration, issuer } }, { fetch }),
  ]) {
    await expect(attempt).rejects.toMatchObject({ code: "client_issuer_mismatch" });
  }
  expect(fake.counts.revocation).toBe(0);
});
