import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import { REDIRECT_URI, jsonOf, logIn, outcomeOf, postForm, refresh } from "./plain-client.js";

const NOW_MS = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const AUTHORIZATION = { authorization: "Bearer of-the-resource-server" };

const createServer = (): FakeAuthServer =>
  createFakeAuthServer({
    now: () => NOW_MS,
    introspectionToken: "of-the-resource-server",
    clients: [{ client_id: "app", redirect_uris: [REDIRECT_URI] }],
  });

const introspect = async (server: FakeAuthServer, token: string): Promise<unknown> =>
  jsonOf(await postForm(server, "/introspect", { token }, AUTHORIZATION));

test("tells a resource server what an access token is good for (RFC 7662 §2.2)", async () => {
  const server = createServer();
  const { access_token: token } = await logIn(server, "app", { scope: "a b" });
  const response = await postForm(server, "/introspect", { token, token_type_hint: "refresh_token" }, AUTHORIZATION);
  expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"]);
  expect(await jsonOf(response)).toEqual({
    active: true,
    iss: "https://auth.example.com",
    sub: "user",
    aud: "https://mcp.example.com/mcp",
    client_id: "app",
    scope: "a b",
    token_type: "Bearer",
    iat: NOW_MS / 1000,
    exp: (NOW_MS + DAY_MS) / 1000,
  });
  expect(server.counts.introspection).toBe(1);
  expect(server.requests.at(-1)?.form.get("token")).toBe(server.nameOf(token));
});

test("says no more than that it is not active of what is expired, revoked, foreign, or no access token", async () => {
  const server = createServer();
  const foreign = await logIn(createServer(), "app");
  const unbound = await logIn(server, "app", { resource: undefined }, { resource: undefined });
  const revoked = await logIn(server, "app");
  await postForm(server, "/revoke", { client_id: "app", token: revoked.access_token });
  const ended = await logIn(server, "app");
  server.revokeGrant(ended.refresh_token);
  const reused = await logIn(server, "app");
  await refresh(server, "app", reused.refresh_token);
  await refresh(server, "app", reused.refresh_token);
  const live = await logIn(server, "app");
  for (const token of [
    "made up",
    foreign.access_token,
    unbound.access_token,
    revoked.access_token,
    ended.access_token,
    reused.access_token,
    live.refresh_token,
  ]) {
    expect(await introspect(server, token), server.nameOf(token)).toEqual({ active: false });
  }
  expect(await introspect(server, live.access_token)).toMatchObject({ active: true });
  server.advance(DAY_MS);
  expect(await introspect(server, live.access_token)).toEqual({ active: false });
});

test("tells nobody else, and is not there unless told", async () => {
  const server = createServer();
  const { access_token: token } = await logIn(server, "app");
  for (const authorization of ["Bearer guess", `Bearer ${token}`, `Basic ${btoa("app:")}`]) {
    expect(await outcomeOf(await postForm(server, "/introspect", { token }, { authorization }))).toEqual([
      401,
      "invalid_token",
    ]);
  }
  const bare = await postForm(server, "/introspect", { token });
  expect([bare.status, bare.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  expect((await postForm(createFakeAuthServer(), "/introspect", { token }, AUTHORIZATION)).status).toBe(404);
  expect(await outcomeOf(await postForm(server, "/introspect", {}, AUTHORIZATION))).toEqual([400, "invalid_request"]);
});
