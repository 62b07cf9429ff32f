import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../../src/testing.js";
import {
  REDIRECT_URI,
  call,
  codeParams,
  jsonOf,
  logIn,
  outcomeOf,
  pkce,
  postForm,
  refresh,
  register,
  registeredClientId,
} from "./plain-client.js";
import type { Json, Tokens } from "./plain-client.js";

const DAY_MS = 86_400_000;

async function serverAndClient(
  options: FakeAuthServerOptions = {},
  metadata: Json = {},
): Promise<{ server: FakeAuthServer; clientId: string }> {
  const server = createFakeAuthServer(options);
  return { server, clientId: await registeredClientId(server, metadata) };
}

test("exchanges a code for tokens that no cache keeps (RFC 6749 §5.1)", async () => {
  const { server, clientId } = await serverAndClient();
  const response = await postForm(server, "/token", await codeParams(server, clientId, { scope: "a b" }));
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await jsonOf(response)).toEqual({
    access_token: expect.any(String) as string,
    refresh_token: expect.any(String) as string,
    token_type: "Bearer",
    expires_in: 86_400,
    scope: "a b",
  });
});

test.each<[string, Record<string, string | undefined>, number, string]>([
  ["no grant type", { grant_type: undefined }, 400, "invalid_request"],
  ["an unknown grant type", { grant_type: "password" }, 400, "unsupported_grant_type"],
  ["no code", { code: undefined }, 400, "invalid_request"],
  ["an unknown code", { code: "made-up" }, 400, "invalid_grant"],
  ["no redirect URI", { redirect_uri: undefined }, 400, "invalid_request"],
  ["another redirect URI", { redirect_uri: "http://127.0.0.1:1/callback" }, 400, "invalid_grant"],
  ["no verifier", { code_verifier: undefined }, 400, "invalid_grant"],
  ["another verifier", { code_verifier: pkce().verifier }, 400, "invalid_grant"],
  ["a short verifier", { code_verifier: "short" }, 400, "invalid_grant"],
  ["another resource", { resource: "https://other.example" }, 400, "invalid_target"],
  ["no client", { client_id: undefined }, 401, "invalid_client"],
  ["an unknown client", { client_id: "nobody" }, 401, "invalid_client"],
  ["a secret that the client does not have", { client_secret: "guess" }, 401, "invalid_client"],
])("refuses a code with %s, and leaves the code good", async (_, changes, status, error) => {
  const { server, clientId } = await serverAndClient();
  const params = await codeParams(server, clientId);
  expect(await outcomeOf(await postForm(server, "/token", { ...params, ...changes }))).toEqual([status, error]);
  expect((await postForm(server, "/token", params)).status).toBe(200);
});

test("refuses the code of another client", async () => {
  const { server, clientId } = await serverAndClient();
  const other = await registeredClientId(server);
  const params = await codeParams(server, clientId);
  expect(await outcomeOf(await postForm(server, "/token", { ...params, client_id: other }))).toEqual([
    400,
    "invalid_grant",
  ]);
});

test("takes a code for a minute", async () => {
  const { server, clientId } = await serverAndClient({ now: () => 1_800_000_000_000 });
  const params = await codeParams(server, clientId);
  server.advance(59_999);
  expect((await postForm(server, "/token", params)).status).toBe(200);
});

test("refuses a code after a minute", async () => {
  const { server, clientId } = await serverAndClient({ now: () => 1_800_000_000_000 });
  const params = await codeParams(server, clientId);
  server.advance(60_000);
  expect(await outcomeOf(await postForm(server, "/token", params))).toEqual([400, "invalid_grant"]);
});

test("takes a code once, and revokes what it gave when it comes again (RFC 6749 §4.1.2)", async () => {
  const { server, clientId } = await serverAndClient();
  const params = await codeParams(server, clientId);
  const [first, second] = await Promise.all([postForm(server, "/token", params), postForm(server, "/token", params)]);
  expect([first.status, second.status].sort()).toEqual([200, 400]);
  const { access_token: token } = (await jsonOf(first.ok ? first : second)) as unknown as Tokens;
  expect((await call(server, token)).status).toBe(401);
});

test.each(["code", "grant_type", "client_id", "code_verifier", "redirect_uri"])(
  "refuses a repeated %s",
  async (name) => {
    const { server, clientId } = await serverAndClient();
    const body = new URLSearchParams((await codeParams(server, clientId)) as Record<string, string>);
    body.append(name, body.get(name) ?? "");
    const response = await server.fetch(`${server.issuer}/token`, { method: "POST", body });
    expect(await outcomeOf(response)).toEqual([400, "invalid_request"]);
  },
);

test.each(["/token", "/revoke"])("takes form posts alone at %s", async (path) => {
  const { server } = await serverAndClient();
  expect((await server.fetch(server.issuer + path)).status).toBe(405);
  const json = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  expect(await outcomeOf(await server.fetch(server.issuer + path, json))).toEqual([400, "invalid_request"]);
  const upper = {
    method: "POST",
    headers: { "content-type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8" },
    body: "client_id=nobody",
  };
  expect(await outcomeOf(await server.fetch(server.issuer + path, upper))).toEqual([401, "invalid_client"]);
});

test("checks no PKCE where none is required, but one that was begun (RFC 9700 §4.8.2)", async () => {
  const { server, clientId } = await serverAndClient({ codeChallengeMethods: [] });
  const none = { code_challenge: undefined, code_challenge_method: undefined };
  const { code_verifier: verifier, ...params } = await codeParams(server, clientId, none);
  expect(await outcomeOf(await postForm(server, "/token", { ...params, code_verifier: verifier }))).toEqual([
    400,
    "invalid_grant",
  ]);
  expect((await postForm(server, "/token", params)).status).toBe(200);
  const begun = await codeParams(server, clientId);
  expect(await outcomeOf(await postForm(server, "/token", { ...begun, code_verifier: pkce().verifier }))).toEqual([
    400,
    "invalid_grant",
  ]);
  expect((await postForm(server, "/token", begun)).status).toBe(200);
});

test("checks plain challenges where they are offered", async () => {
  const { server, clientId } = await serverAndClient({ codeChallengeMethods: ["plain"] });
  const { verifier } = pkce();
  const plain = { code_challenge: verifier, code_challenge_method: "plain" };
  const params = await codeParams(server, clientId, plain);
  expect((await postForm(server, "/token", params)).status).toBe(400);
  expect((await postForm(server, "/token", { ...params, code_verifier: verifier })).status).toBe(200);
});

const basic = (id: string, secret: string): string => {
  const encode = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1);
  return `Basic ${btoa(`${encode(id)}:${encode(secret)}`)}`;
};

test("authenticates clients as they are registered, and in no other way", async () => {
  const server = createFakeAuthServer();
  for (const method of ["none", "client_secret_basic", "client_secret_post"]) {
    const client = await jsonOf(await register(server, { token_endpoint_auth_method: method }));
    const id = client["client_id"] as string;
    const secret = (client["client_secret"] as string | undefined) ?? "a guess";
    const params = await codeParams(server, id);
    for (const used of ["none", "client_secret_post", "client_secret_basic"]) {
      const identified = { client_id: used === "client_secret_basic" ? undefined : id };
      const secretParam = used === "client_secret_post" ? { client_secret: secret } : {};
      const response = await postForm(
        server,
        "/token",
        { ...params, ...identified, ...secretParam, code: used === method ? params["code"] : "none" },
        used === "client_secret_basic" ? { authorization: basic(id, secret) } : {},
      );
      const challenged = response.headers.get("www-authenticate");
      expect([used, response.status, challenged]).toEqual(
        used === method ? [used, 200, null] : [used, 401, 'Basic realm="token"'],
      );
    }
  }
});

test("reads id and secret of Basic as RFC 6749 §2.3.1 encodes them", async () => {
  const client = { client_id: "https://app.example:1/c?d=é", client_secret: "p:% +ü", redirect_uris: [REDIRECT_URI] };
  const server = createFakeAuthServer({ clients: [client] });
  const { client_id: id, ...params } = await codeParams(server, client.client_id);
  const attempt = async (
    authorization: string,
    body: Record<string, string | undefined> = params,
  ): Promise<[number, unknown]> => outcomeOf(await postForm(server, "/token", body, { authorization }));

  expect(await attempt(basic(client.client_id, "wrong"))).toEqual([401, "invalid_client"]);
  expect(await attempt(`Basic ${btoa("no colon")}`)).toEqual([401, "invalid_client"]);
  expect(await attempt(`Basic ${btoa("%E9:%")}`)).toEqual([401, "invalid_client"]);
  expect(await attempt("Basic !")).toEqual([401, "invalid_client"]);
  expect(await attempt("Bearer token")).toEqual([401, "invalid_client"]);
  expect(await attempt(basic(client.client_id, client.client_secret), { ...params, client_id: "other" })).toEqual([
    400,
    "invalid_request",
  ]);
  expect(await attempt(basic(client.client_id, client.client_secret), { ...params, client_secret: "s" })).toEqual([
    400,
    "invalid_request",
  ]);
  expect(await attempt(basic(client.client_id, client.client_secret), { ...params, client_id: id })).toEqual([
    200,
    undefined,
  ]);
});

test("refuses a client that gives a wrong secret in the body", async () => {
  const server = createFakeAuthServer({
    clients: [
      {
        client_id: "a",
        client_secret: "s",
        token_endpoint_auth_method: "client_secret_post",
        redirect_uris: [REDIRECT_URI],
      },
    ],
  });
  const params = await codeParams(server, "a");
  expect((await postForm(server, "/token", { ...params, client_secret: "S" })).status).toBe(401);
  expect((await postForm(server, "/token", { ...params, client_secret: "s" })).status).toBe(200);
});

test("gives pre-registered clients both grants, and authentication by the secret they have", async () => {
  const server = createFakeAuthServer({
    clients: [{ client_id: "public", redirect_uris: [REDIRECT_URI] }, { client_id: "bare" }],
  });
  expect((await logIn(server, "public")).refresh_token).toBeDefined();
  await expect(codeParams(server, "bare")).rejects.toThrow("not registered");
});

test("gives refresh tokens to clients that are registered for them", async () => {
  const { server, clientId } = await serverAndClient({}, { grant_types: ["authorization_code"] });
  expect(await logIn(server, clientId)).not.toHaveProperty("refresh_token");
  expect(await outcomeOf(await refresh(server, clientId, "any"))).toEqual([400, "unauthorized_client"]);
});

test("gives no refresh tokens when told so, or those with `offline_access` alone", async () => {
  const never = await serverAndClient({ issueRefreshTokens: false });
  expect(await logIn(never.server, never.clientId)).not.toHaveProperty("refresh_token");
  const offline = await serverAndClient({ issueRefreshTokens: "offline_access", scopes: ["a"] });
  expect(await logIn(offline.server, offline.clientId, { scope: "a" })).not.toHaveProperty("refresh_token");
  const tokens = await logIn(offline.server, offline.clientId, { scope: "a offline_access" });
  expect(tokens.scope).toBe("a offline_access");
  expect(tokens.refresh_token).toBeDefined();
});

test("rotates refresh tokens, and starts both lifetimes anew each time", async () => {
  const { server, clientId } = await serverAndClient({
    now: () => 1_800_000_000_000,
    accessTokenTtlMs: 60_000,
    refreshTokenTtlMs: DAY_MS,
  });
  let tokens = await logIn(server, clientId);
  for (let turn = 0; turn < 3; turn += 1) {
    server.advance(DAY_MS - 1);
    expect((await call(server, tokens.access_token)).status).toBe(401);
    const response = await refresh(server, clientId, tokens.refresh_token);
    const next = (await response.json()) as Tokens;
    expect(next.expires_in).toBe(60);
    expect([next.access_token, next.refresh_token]).not.toContain(undefined);
    expect(next.refresh_token).not.toBe(tokens.refresh_token);
    expect((await call(server, next.access_token)).status).toBe(200);
    tokens = next;
  }
  server.advance(DAY_MS);
  expect(await outcomeOf(await refresh(server, clientId, tokens.refresh_token))).toEqual([400, "invalid_grant"]);
});

test("lets access tokens live a day and refresh tokens thirty unless told", async () => {
  const { server, clientId } = await serverAndClient({ now: () => 1_800_000_000_000 });
  const [used, unused] = [await logIn(server, clientId), await logIn(server, clientId)];
  server.advance(DAY_MS - 1);
  expect((await call(server, used.access_token)).status).toBe(200);
  server.advance(29 * DAY_MS);
  expect((await call(server, used.access_token)).status).toBe(401);
  expect((await refresh(server, clientId, used.refresh_token)).status).toBe(200);
  server.advance(1);
  expect(await outcomeOf(await refresh(server, clientId, unused.refresh_token))).toEqual([400, "invalid_grant"]);
});

test("serves web applications with a secret and command-line programs without one side by side", async () => {
  const server = createFakeAuthServer({ applicationTypeRules: true });
  const callback = "https://app.example/callback";
  const web = await jsonOf(
    await register(server, {
      application_type: "web",
      redirect_uris: [callback],
      token_endpoint_auth_method: "client_secret_post",
    }),
  );
  const cli = await registeredClientId(server, { application_type: "native" });
  const secret = { client_secret: web["client_secret"] as string };
  const ofWeb = await logIn(server, web["client_id"] as string, { redirect_uri: callback }, secret);
  const ofCli = await logIn(server, cli, { redirect_uri: REDIRECT_URI.replace("8976", "9") });
  for (const { access_token: token } of [ofWeb, ofCli]) expect((await call(server, token)).status).toBe(200);
  // neither can use what is the other's
  expect(await outcomeOf(await refresh(server, cli, ofWeb.refresh_token))).toEqual([400, "invalid_grant"]);
  expect(await outcomeOf(await refresh(server, web["client_id"] as string, ofWeb.refresh_token))).toEqual([
    401,
    "invalid_client",
  ]);
  expect((await refresh(server, web["client_id"] as string, ofWeb.refresh_token, secret)).status).toBe(200);
});

test("ends every token of the grant when a refresh token comes twice, and no other grant's (RFC 9700 §4.14.2)", async () => {
  const { server, clientId } = await serverAndClient();
  const bystander = await logIn(server, clientId);
  const tokens = await logIn(server, clientId);
  const next = (await jsonOf(await refresh(server, clientId, tokens.refresh_token))) as unknown as Tokens;
  expect((await call(server, tokens.access_token)).status).toBe(200);
  expect(await outcomeOf(await refresh(server, clientId, tokens.refresh_token))).toEqual([400, "invalid_grant"]);
  expect(await outcomeOf(await refresh(server, clientId, next.refresh_token))).toEqual([400, "invalid_grant"]);
  expect((await call(server, next.access_token)).status).toBe(401);
  expect((await call(server, bystander.access_token)).status).toBe(200);
  expect((await refresh(server, clientId, bystander.refresh_token)).status).toBe(200);
});

test("of several refreshes at once one wins, and then all have lost", async () => {
  const { server, clientId } = await serverAndClient();
  const tokens = await logIn(server, clientId);
  const responses = await Promise.all(Array.from({ length: 5 }, () => refresh(server, clientId, tokens.refresh_token)));
  expect(responses.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400]);
  const winner = (await jsonOf(responses.find(({ ok }) => ok) ?? Response.error())) as unknown as Tokens;
  expect((await call(server, winner.access_token)).status).toBe(401);
});

test("only refuses a used refresh token when reuse revokes nothing", async () => {
  const { server, clientId } = await serverAndClient({ revokeOnReuse: false });
  const tokens = await logIn(server, clientId);
  const next = (await jsonOf(await refresh(server, clientId, tokens.refresh_token))) as unknown as Tokens;
  expect(await outcomeOf(await refresh(server, clientId, tokens.refresh_token))).toEqual([400, "invalid_grant"]);
  expect((await call(server, next.access_token)).status).toBe(200);
  expect((await refresh(server, clientId, next.refresh_token)).status).toBe(200);
});

test("takes a used refresh token again for as long as it was told, and ends the grant after that", async () => {
  const { server, clientId } = await serverAndClient({ now: () => 1_800_000_000_000, reuseGraceMs: 1000 });
  const tokens = await logIn(server, clientId);
  const first = (await jsonOf(await refresh(server, clientId, tokens.refresh_token))) as unknown as Tokens;
  server.advance(999);
  const second = (await jsonOf(await refresh(server, clientId, tokens.refresh_token))) as unknown as Tokens;
  expect(second.refresh_token).not.toBe(first.refresh_token);
  for (const { access_token: token } of [tokens, first, second]) expect((await call(server, token)).status).toBe(200);
  server.advance(1);
  expect(await outcomeOf(await refresh(server, clientId, tokens.refresh_token))).toEqual([400, "invalid_grant"]);
  expect((await call(server, second.access_token)).status).toBe(401);
});

test("keeps a refresh token, and names none in the answer, without rotation", async () => {
  const { server, clientId } = await serverAndClient({ rotateRefreshTokens: false });
  const tokens = await logIn(server, clientId);
  for (let turn = 0; turn < 2; turn += 1) {
    const response = await refresh(server, clientId, tokens.refresh_token);
    expect(response.status).toBe(200);
    expect(await jsonOf(response)).not.toHaveProperty("refresh_token");
  }
});

test.each<[string, Record<string, string | undefined>, number, string | undefined]>([
  ["no refresh token", { refresh_token: undefined }, 400, "invalid_request"],
  ["an unknown one", { refresh_token: "made-up" }, 400, "invalid_grant"],
  ["another client's", { client_id: "other" }, 400, "invalid_grant"],
  ["another resource", { resource: "https://other.example" }, 400, "invalid_target"],
  ["more scope", { scope: "a c" }, 400, "invalid_scope"],
  ["no resource", { resource: undefined }, 200, undefined],
  ["the same scope", { scope: "b a" }, 200, undefined],
])("answers a refresh with %s", async (_, changes, status, error) => {
  const server = createFakeAuthServer({ clients: [{ client_id: "other", redirect_uris: [REDIRECT_URI] }] });
  const clientId = await registeredClientId(server);
  const tokens = await logIn(server, clientId, { scope: "a b" });
  expect(await outcomeOf(await refresh(server, clientId, tokens.refresh_token, changes))).toEqual([status, error]);
});

test("narrows the scope of one access token, and not of the grant", async () => {
  const { server, clientId } = await serverAndClient();
  const tokens = await logIn(server, clientId, { scope: "a b" });
  const narrow = (await jsonOf(
    await refresh(server, clientId, tokens.refresh_token, { scope: "a" }),
  )) as unknown as Tokens;
  expect(narrow.scope).toBe("a");
  expect(await jsonOf(await call(server, narrow.access_token))).toEqual({ ok: true, scope: "a" });
  expect(await jsonOf(await refresh(server, clientId, narrow.refresh_token))).toMatchObject({ scope: "a b" });
});

test("tells whole seconds of a lifetime", async () => {
  const { server, clientId } = await serverAndClient({ accessTokenTtlMs: 1999 });
  expect((await logIn(server, clientId)).expires_in).toBe(1);
});

test("refuses a resource at the token endpoint that the authorization request did not name (RFC 8707 §2.2)", async () => {
  const { server, clientId } = await serverAndClient();
  const params = await codeParams(server, clientId, { resource: undefined });
  expect(await outcomeOf(await postForm(server, "/token", params))).toEqual([400, "invalid_target"]);
});
