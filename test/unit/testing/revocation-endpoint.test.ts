import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import { call, jsonOf, logIn, postForm, refresh, register, registeredClientId } from "./plain-client.js";
import type { Tokens } from "./plain-client.js";

test("revokes a refresh token with everything of its grant (RFC 7009 §2.1)", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  const first = await logIn(server, clientId);
  const other = await logIn(server, clientId);
  const tokens = (await jsonOf(await refresh(server, clientId, first.refresh_token))) as unknown as Tokens;
  const response = await postForm(server, "/revoke", { client_id: clientId, token: tokens.refresh_token });
  expect([response.status, await response.text()]).toEqual([200, ""]);
  for (const { access_token: token } of [first, tokens]) expect((await call(server, token)).status).toBe(401);
  expect((await refresh(server, clientId, tokens.refresh_token)).status).toBe(400);
  expect((await call(server, other.access_token)).status).toBe(200);
});

test("revokes an access token alone", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  const tokens = await logIn(server, clientId);
  const params = { client_id: clientId, token: tokens.access_token, token_type_hint: "refresh_token" };
  expect((await postForm(server, "/revoke", params)).status).toBe(200);
  expect((await call(server, tokens.access_token)).status).toBe(401);
  expect((await refresh(server, clientId, tokens.refresh_token)).status).toBe(200);
});

test("says yes to a token that it does not know, and to one that was revoked before (RFC 7009 §2.2)", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  const { refresh_token: token } = await logIn(server, clientId);
  for (const one of ["made-up", token, token]) {
    expect((await postForm(server, "/revoke", { client_id: clientId, token: one })).status).toBe(200);
  }
});

test("refuses another client's token, and leaves it alone", async () => {
  const server = createFakeAuthServer();
  const clientId = await registeredClientId(server);
  const tokens = await logIn(server, clientId);
  const other = await registeredClientId(server);
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const response = await postForm(server, "/revoke", { client_id: other, token });
    expect([response.status, (await jsonOf(response))["error"]]).toEqual([400, "invalid_request"]);
  }
  expect((await call(server, tokens.access_token)).status).toBe(200);
});

test("authenticates the client, and wants a token", async () => {
  const server = createFakeAuthServer();
  const client = await jsonOf(await register(server, { token_endpoint_auth_method: "client_secret_post" }));
  const id = client["client_id"] as string;
  const secret = client["client_secret"] as string;
  const attempt = async (params: Record<string, string>): Promise<unknown> =>
    (await postForm(server, "/revoke", params)).status;
  expect(await attempt({ client_id: id, token: "any" })).toBe(401);
  expect(await attempt({ client_id: id, client_secret: "wrong", token: "any" })).toBe(401);
  expect(await attempt({ client_id: id, client_secret: secret })).toBe(400);
  expect(await attempt({ client_id: id, client_secret: secret, token: "any" })).toBe(200);
});

test("has no revocation endpoint when told so", async () => {
  const server = createFakeAuthServer({ revocation: false });
  expect((await postForm(server, "/revoke", { token: "any" })).status).toBe(404);
});
