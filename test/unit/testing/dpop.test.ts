import { describe, expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeDpopOptions } from "../../../src/testing.js";
import { createProver, type DpopProver, type ProofChanges } from "../../support/dpop-prover.ts";
import { call, codeParams, jsonOf, logIn, outcomeOf, postForm, registeredClientId } from "./plain-client.js";

const createServer = (dpop: FakeDpopOptions = {}): FakeAuthServer =>
  createFakeAuthServer({ now: () => 1_800_000_000_000, dpop });

const tokenUrl = (server: FakeAuthServer): string => `${server.issuer}/token`;

async function askForTokens(
  server: FakeAuthServer,
  prover: DpopProver,
  params: Record<string, string | undefined>,
  changes?: ProofChanges,
): Promise<Response> {
  const dpop = await prover.prove("POST", tokenUrl(server), server.now(), undefined, changes);
  return postForm(server, "/token", params, { dpop });
}

interface Bound {
  readonly clientId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

async function logInWithProof(server: FakeAuthServer, prover: DpopProver, changes?: ProofChanges): Promise<Bound> {
  const clientId = await registeredClientId(server);
  const response = await askForTokens(server, prover, await codeParams(server, clientId), changes);
  const tokens = await jsonOf(response);
  expect(tokens["token_type"]).toBe("DPoP");
  return {
    clientId,
    accessToken: tokens["access_token"] as string,
    refreshToken: tokens["refresh_token"] as string,
  };
}

async function callWithProof(
  server: FakeAuthServer,
  prover: DpopProver,
  accessToken: string,
  changes?: ProofChanges,
): Promise<Response> {
  const dpop = await prover.prove("GET", server.serverUrl, server.now(), accessToken, changes);
  return server.fetch(`${server.serverUrl}?query=1`, { headers: { authorization: `DPoP ${accessToken}`, dpop } });
}

const challengeOf = (response: Response): string => response.headers.get("www-authenticate") ?? "";

test("says that it offers DPoP, and when it insists on it", async () => {
  const read = async (server: FakeAuthServer) => [
    await jsonOf(await server.fetch(`${server.issuer}/.well-known/oauth-authorization-server`)),
    await jsonOf(await server.fetch("https://mcp.example.com/.well-known/oauth-protected-resource/mcp")),
  ];
  const [none, offered, required] = [createFakeAuthServer(), createServer(), createServer({ required: true })];
  for (const document of await read(none)) expect(document).not.toHaveProperty("dpop_signing_alg_values_supported");
  for (const document of [...(await read(offered)), ...(await read(required))]) {
    expect(document["dpop_signing_alg_values_supported"]).toEqual(["ES256"]);
  }
  expect((await read(offered))[1]).not.toHaveProperty("dpop_bound_access_tokens_required");
  expect((await read(required))[1]).toHaveProperty("dpop_bound_access_tokens_required", true);
});

test("does not look at proofs unless it offers DPoP", async () => {
  const server = createFakeAuthServer();
  const params = await codeParams(server, await registeredClientId(server));
  const tokens = await jsonOf(await postForm(server, "/token", params, { dpop: "no proof at all" }));
  expect(tokens["token_type"]).toBe("Bearer");
  const { status } = await server.fetch(server.serverUrl, {
    headers: { authorization: `DPoP ${String(tokens["access_token"])}` },
  });
  expect(status).toBe(401);
});

test("binds tokens to the key that the proof was made with, and takes them with proofs by that key alone", async () => {
  const server = createServer();
  const [owner, thief] = [await createProver(), await createProver()];
  const { accessToken } = await logInWithProof(server, owner);

  expect((await callWithProof(server, owner, accessToken)).status).toBe(200);
  const stolen = await callWithProof(server, thief, accessToken);
  expect(stolen.status).toBe(401);
  expect(challengeOf(stolen)).toMatch(/^DPoP algs="ES256", error="invalid_token", .*, Bearer$/);
  const downgraded = await call(server, accessToken);
  expect(downgraded.status).toBe(401);
  expect(challengeOf(downgraded)).toMatch(/^Bearer error="invalid_token", .*, DPoP algs="ES256"$/);
  const unproven = await server.fetch(server.serverUrl, { headers: { authorization: `DPoP ${accessToken}` } });
  expect(challengeOf(unproven)).toContain('error="invalid_dpop_proof"');
});

test("takes proofs and bearer tokens side by side, or proofs alone where it insists", async () => {
  const optional = createServer();
  const bearer = await logIn(optional, await registeredClientId(optional));
  expect((await call(optional, bearer.access_token)).status).toBe(200);
  const prover = await createProver();
  expect((await callWithProof(optional, prover, bearer.access_token)).status).toBe(401);

  const strict = createServer({ required: true });
  const params = await codeParams(strict, await registeredClientId(strict));
  expect(await outcomeOf(await postForm(strict, "/token", params))).toEqual([400, "invalid_dpop_proof"]);
  expect((await askForTokens(strict, prover, params)).status).toBe(200);
  expect(challengeOf(await call(strict))).toMatch(/^DPoP algs="ES256", resource_metadata="[^"]+"$/);
});

describe("a proof", () => {
  const wrong: readonly [string, ProofChanges][] = [
    ["of another type", { header: { typ: "jwt" } }],
    ["without a key", { header: { jwk: undefined } }],
    ["for another method", { claims: { htm: "PUT" } }],
    ["for another URL", { claims: { htu: "https://auth.example.com/tokens" } }],
    ["with a query in its URL", { claims: { htu: "https://auth.example.com/token?a=b" } }],
    ["without an id", { claims: { jti: undefined } }],
    ["with an empty id", { claims: { jti: "" } }],
    ["without a time", { claims: { iat: undefined } }],
    ["that is too old", { claims: { iat: 1_800_000_000 - 301 } }],
    ["from the future", { claims: { iat: 1_800_000_000 + 301 } }],
  ];
  test.each(wrong)("%s is refused, and the code stays good", async (_, changes) => {
    const server = createServer();
    const prover = await createProver();
    const params = await codeParams(server, await registeredClientId(server));
    expect(await outcomeOf(await askForTokens(server, prover, params, changes))).toEqual([400, "invalid_dpop_proof"]);
    expect((await askForTokens(server, prover, params)).status).toBe(200);
  });

  test("is refused by the MCP server when it is for another access token, or for none", async () => {
    const server = createServer();
    const prover = await createProver();
    const { accessToken } = await logInWithProof(server, prover);
    for (const ath of ["hash", undefined]) {
      const response = await callWithProof(server, prover, accessToken, { claims: { ath } });
      expect(challengeOf(response)).toContain('error="invalid_dpop_proof"');
    }
  });

  test("must be signed with the key it shows, by ES256, and show no private key", async () => {
    const server = createServer();
    const [prover, other, strong] = [await createProver(), await createProver(), await createProver("ES384")];
    const params = await codeParams(server, await registeredClientId(server));
    for (const [by, changes] of [
      [prover, { header: { jwk: other.publicJwk } }],
      [prover, { header: { jwk: prover.privateJwk } }],
      [strong, {}],
    ] as const) {
      expect(await outcomeOf(await askForTokens(server, by, params, changes))).toEqual([400, "invalid_dpop_proof"]);
    }
    const dpop = "a.b.c, d.e.f";
    expect(await outcomeOf(await postForm(server, "/token", params, { dpop }))).toEqual([400, "invalid_dpop_proof"]);
  });

  test("is good once, at each of the two servers", async () => {
    const server = createServer();
    const prover = await createProver();
    const claims = { jti: "the same" };
    const { accessToken } = await logInWithProof(server, prover, { claims });
    const [first, second] = [
      await callWithProof(server, prover, accessToken, { claims }),
      await callWithProof(server, prover, accessToken, { claims }),
    ];
    expect([first.status, second.status]).toEqual([200, 401]);
    expect(challengeOf(second)).toContain("used before");
    server.advance(600_001);
    expect((await callWithProof(server, prover, accessToken, { claims })).status).toBe(200);
  });
});

describe("what is bound", () => {
  test("is a code whose authorization request names a key (dpop_jkt)", async () => {
    const server = createServer();
    const [owner, thief] = [await createProver(), await createProver()];
    const params = await codeParams(server, await registeredClientId(server), { dpop_jkt: owner.jkt });
    expect(await outcomeOf(await askForTokens(server, thief, params))).toEqual([400, "invalid_grant"]);
    expect(await outcomeOf(await postForm(server, "/token", params))).toEqual([400, "invalid_grant"]);
    expect((await askForTokens(server, owner, params)).status).toBe(200);
  });

  test("is the refresh token of a public client, and the one after it", async () => {
    const server = createServer();
    const [owner, thief] = [await createProver(), await createProver()];
    const { clientId, refreshToken } = await logInWithProof(server, owner);
    const params = { grant_type: "refresh_token", client_id: clientId, refresh_token: refreshToken };
    expect(await outcomeOf(await askForTokens(server, thief, params))).toEqual([400, "invalid_grant"]);
    expect(await outcomeOf(await postForm(server, "/token", params))).toEqual([400, "invalid_grant"]);
    const renewed = await jsonOf(await askForTokens(server, owner, params));
    const next = { ...params, refresh_token: renewed["refresh_token"] as string };
    expect(await outcomeOf(await askForTokens(server, thief, next))).toEqual([400, "invalid_grant"]);
    expect((await askForTokens(server, owner, next)).status).toBe(200);
  });

  test("is named by introspection (RFC 9449 §6.2)", async () => {
    const server = createFakeAuthServer({ now: () => 1_800_000_000_000, dpop: {}, introspectionToken: "rs" });
    const prover = await createProver();
    const { clientId, accessToken } = await logInWithProof(server, prover);
    const bearer = await logIn(server, clientId);
    const introspect = async (token: string) =>
      jsonOf(await postForm(server, "/introspect", { token }, { authorization: "Bearer rs" }));
    expect(await introspect(accessToken)).toMatchObject({ active: true, token_type: "DPoP", cnf: { jkt: prover.jkt } });
    expect(await introspect(bearer.access_token)).toMatchObject({ active: true, token_type: "Bearer" });
    expect(await introspect(bearer.access_token)).not.toHaveProperty("cnf");
  });

  test("stays bound when the server starts anew", async () => {
    const options = { now: () => 1_800_000_000_000, dpop: {}, store: new Map<string, string>() };
    const before = createFakeAuthServer(options);
    const [owner, thief] = [await createProver(), await createProver()];
    const { clientId, accessToken, refreshToken } = await logInWithProof(before, owner);
    const after = createFakeAuthServer(options);
    expect((await call(after, accessToken)).status).toBe(401);
    expect((await callWithProof(after, thief, accessToken)).status).toBe(401);
    expect((await callWithProof(after, owner, accessToken)).status).toBe(200);
    const params = { grant_type: "refresh_token", client_id: clientId, refresh_token: refreshToken };
    expect(await outcomeOf(await askForTokens(after, thief, params))).toEqual([400, "invalid_grant"]);
    expect((await askForTokens(after, owner, params)).status).toBe(200);
  });

  test("is not the refresh token of a client that has a secret", async () => {
    const server = createFakeAuthServer({
      dpop: {},
      clients: [{ client_id: "c", client_secret: "s", redirect_uris: ["http://127.0.0.1:8976/callback"] }],
    });
    const headers = { authorization: `Basic ${btoa("c:s")}` };
    const send = async (params: Record<string, string | undefined>): Promise<Response> => {
      const dpop = await (await createProver()).prove("POST", tokenUrl(server), server.now());
      return postForm(server, "/token", { ...params, client_id: undefined }, { ...headers, dpop });
    };
    const tokens = await jsonOf(await send(await codeParams(server, "c")));
    const refresh = { grant_type: "refresh_token", refresh_token: tokens["refresh_token"] as string };
    expect((await jsonOf(await send(refresh)))["token_type"]).toBe("DPoP");
  });
});

describe("nonces", () => {
  test("are demanded of both servers' proofs, are different, and are said with every answer", async () => {
    const server = createServer({ nonces: true });
    const prover = await createProver();
    const clientId = await registeredClientId(server);
    const params = await codeParams(server, clientId);
    const demand = await askForTokens(server, prover, params);
    const nonce = demand.headers.get("dpop-nonce");
    expect(await outcomeOf(demand)).toEqual([400, "use_dpop_nonce"]);
    const granted = await askForTokens(server, prover, params, { claims: { nonce } });
    expect(granted.status).toBe(200);
    expect(granted.headers.get("dpop-nonce")).toBe(nonce);

    const accessToken = (await jsonOf(granted))["access_token"] as string;
    const refused = await callWithProof(server, prover, accessToken, { claims: { nonce } });
    expect(refused.status).toBe(401);
    expect(challengeOf(refused)).toContain('error="use_dpop_nonce"');
    const other = refused.headers.get("dpop-nonce");
    expect(other).not.toBe(nonce);
    const response = await callWithProof(server, prover, accessToken, { claims: { nonce: other } });
    expect(response.status).toBe(200);
    expect(response.headers.get("dpop-nonce")).toBe(other);

    server.advance(300_000);
    expect((await callWithProof(server, prover, accessToken, { claims: { nonce: other } })).status).toBe(401);
  });

  test.each([
    ["authorization_server", [400, 200]],
    ["resource_server", [200, 401]],
  ] as const)("may be demanded by the %s alone", async (nonces, [atToken, atResource]) => {
    const server = createServer({ nonces });
    const prover = await createProver();
    const params = await codeParams(server, await registeredClientId(server));
    const first = await askForTokens(server, prover, params);
    expect(first.status).toBe(atToken);
    const claims = { nonce: first.headers.get("dpop-nonce") ?? undefined };
    const tokens = atToken === 200 ? first : await askForTokens(server, prover, params, { claims });
    const accessToken = (await jsonOf(tokens))["access_token"] as string;
    expect((await callWithProof(server, prover, accessToken)).status).toBe(atResource);
  });
});
