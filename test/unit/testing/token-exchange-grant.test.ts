import { decodeJwt, decodeProtectedHeader } from "jose";
import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../../src/testing.js";
import { REDIRECT_URI, call, jsonOf, logIn, outcomeOf, postForm, refresh } from "./plain-client.js";
import { createSigner } from "./signed-assertion.js";

const TOKEN_TYPE = "urn:ietf:params:oauth:token-type";
const NOW_MS = 1_800_000_000_000;

const createIdp = (options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({
    issuer: "https://idp.example.com",
    serverUrl: "https://idp.example.com/userinfo",
    metadataKind: "openid",
    now: () => NOW_MS,
    idJag: { audiences: { "https://auth.example.com": "host" }, subjectTokens: { "<saml/>": "bob" } },
    clients: [
      { client_id: "sso", redirect_uris: [REDIRECT_URI] },
      { client_id: "other", redirect_uris: [REDIRECT_URI] },
    ],
    ...options,
  });

const exchange = (idp: FakeAuthServer, changes: Record<string, string | undefined>): Promise<Response> =>
  postForm(idp, "/token", {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    client_id: "sso",
    requested_token_type: `${TOKEN_TYPE}:id-jag`,
    subject_token: "<saml/>",
    subject_token_type: `${TOKEN_TYPE}:saml2`,
    audience: "https://auth.example.com",
    resource: "https://mcp.example.com/mcp",
    scope: "a",
    ...changes,
  });

test("exchanges the ID token of a login for an ID-JAG, which another server takes", async () => {
  const idp = createIdp();
  const { id_token: idToken } = (await logIn(idp, "sso", { scope: "openid" })) as unknown as { id_token: string };
  const response = await exchange(idp, { subject_token: idToken, subject_token_type: `${TOKEN_TYPE}:id_token` });
  expect(response.status).toBe(200);
  const { access_token: idJag, ...rest } = (await jsonOf(response)) as { access_token: string };
  expect(rest).toEqual({ issued_token_type: `${TOKEN_TYPE}:id-jag`, token_type: "N_A", expires_in: 300, scope: "a" });
  expect(decodeProtectedHeader(idJag)).toEqual({ alg: "RS256", kid: "1", typ: "oauth-id-jag+jwt" });
  expect(decodeJwt(idJag)).toEqual({
    iss: "https://idp.example.com",
    sub: "user",
    aud: "https://auth.example.com",
    client_id: "host",
    jti: expect.any(String) as string,
    iat: NOW_MS / 1000,
    exp: NOW_MS / 1000 + 300,
    scope: "a",
    resource: "https://mcp.example.com/mcp",
  });
  expect(idp.requests.at(-1)?.form.get("subject_token")).toBe(idp.nameOf(idToken));

  const server = createFakeAuthServer({
    now: () => NOW_MS,
    identityProviders: [{ issuer: idp.issuer, keys: idp.signingKeys }],
    clients: [{ client_id: "host" }],
  });
  const params = { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", client_id: "host", assertion: idJag };
  const tokens = await jsonOf(await postForm(server, "/token", params));
  expect((await call(server, tokens["access_token"] as string)).status).toBe(200);
});

test("takes a refresh token as proof of the login, and leaves it good; and what it was told to take", async () => {
  const idp = createIdp();
  const { refresh_token: token } = await logIn(idp, "sso", { scope: "openid" });
  const proof = { subject_token: token, subject_token_type: `${TOKEN_TYPE}:refresh_token` };
  for (const attempt of [proof, proof, {}]) expect((await exchange(idp, attempt)).status).toBe(200);
  expect(decodeJwt((await jsonOf(await exchange(idp, {})))["access_token"] as string).sub).toBe("bob");
  expect((await refresh(idp, "sso", token)).status).toBe(200);
  expect(await outcomeOf(await exchange(idp, proof))).toEqual([400, "invalid_request"]);
  expect(await outcomeOf(await exchange(idp, { ...proof, client_id: "other" }))).toEqual([400, "invalid_request"]);
});

test.each<[string, Record<string, string | undefined>, string]>([
  ["no subject token", { subject_token: undefined }, "invalid_request"],
  ["no subject token type", { subject_token_type: undefined }, "invalid_request"],
  ["another type of subject token", { subject_token_type: `${TOKEN_TYPE}:access_token` }, "invalid_request"],
  ["a subject token that it does not know", { subject_token: "<x/>" }, "invalid_request"],
  ["another type asked for", { requested_token_type: `${TOKEN_TYPE}:access_token` }, "invalid_request"],
  ["no type asked for", { requested_token_type: undefined }, "invalid_request"],
  ["no audience", { audience: undefined }, "invalid_request"],
  ["an audience that it issues nothing for", { audience: "https://other.example" }, "invalid_target"],
])("refuses an exchange with %s (RFC 8693 §2.2.2)", async (_, changes, error) => {
  expect(await outcomeOf(await exchange(createIdp(), changes))).toEqual([400, error]);
});

test("refuses ID tokens that it did not sign, of another client, and that have expired", async () => {
  const idp = createIdp();
  const { id_token: idToken } = (await logIn(idp, "sso", { scope: "openid" })) as unknown as { id_token: string };
  const type = { subject_token_type: `${TOKEN_TYPE}:id_token` };
  const signer = await createSigner("RS256", "1");
  const forged = await signer.sign(decodeJwt(idToken), { typ: "JWT" });
  const idJag = (await jsonOf(await exchange(idp, {})))["access_token"] as string;
  for (const attempt of [
    { subject_token: forged },
    { subject_token: idJag },
    { subject_token: "none" },
    { subject_token: idToken, client_id: "other" },
  ]) {
    expect(await outcomeOf(await exchange(idp, { ...type, ...attempt }))).toEqual([400, "invalid_request"]);
  }
  idp.advance(3_600_000);
  expect(await outcomeOf(await exchange(idp, { ...type, subject_token: idToken }))).toEqual([400, "invalid_request"]);
});

test("repeats the nonce in the ID token, and issues none without the scope or at a server that is no OpenID provider", async () => {
  const idp = createIdp();
  const withNonce = (await logIn(idp, "sso", { scope: "openid", nonce: "n" })) as unknown as { id_token: string };
  expect(decodeJwt(withNonce.id_token)).toEqual({
    iss: "https://idp.example.com",
    sub: "user",
    aud: "sso",
    nonce: "n",
    iat: NOW_MS / 1000,
    exp: NOW_MS / 1000 + 3600,
  });
  expect(await logIn(idp, "sso", { scope: "a" })).not.toHaveProperty("id_token");
  const plain = createIdp({ metadataKind: "oauth" });
  expect(await logIn(plain, "sso", { scope: "openid" })).not.toHaveProperty("id_token");
});
