import { describe, expect, it } from "vitest";
import type { AuthSession } from "../../src/index.js";
import { createAuthFetch, createDpop, isAuthError } from "../../src/index.js";
import { createFakeAuthServer, type FakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT, viewOf } from "../support/host.js";
import { STATE } from "../support/refresh.js";

/** What a member may be that another program, or a table of the host's own, has written. */
const WRONG = [7, {}, ["x"], "nonsense", null];
/** A method of authentication is for the host to have, which is told with a TypeError that it does not. */
const isUnknownMethod = (path: readonly string[], wrong: unknown): boolean =>
  path.at(-1) === "tokenEndpointAuthMethod" && wrong === "nonsense";

/** Members that a record may have, beside those that it has after a login. */
const MORE: Readonly<Record<string, object>> = {
  tokens: { scope: "a", requestedScope: "a", idToken: "a", clockSkew: 1, refreshTokenExpiresAt: 9e12 },
  state: { refusedRefresh: "a", refusedAccess: "a", refusals: 1, failures: 1, doubt: "a", doubtedAt: 1, retryAt: 1 },
  pending: { subject: "a", scope: "a", dpopKeyId: "a" },
  client: { clientSecret: "a", clientSecretExpiresAt: 9e12, registrationAccessToken: "a", registrationClientUri: "a" },
};

const challenge = (more: string): Response =>
  new Response(null, { status: 403, headers: { "www-authenticate": `Bearer error="insufficient_scope"${more}` } });

/** Everything of a session that reads what is stored. */
const uses: readonly (readonly [string, (session: AuthSession, server: FakeAuthServer) => Promise<unknown>])[] = [
  ["getTokens", (session) => session.getTokens()],
  ["getAccessToken", (session) => session.getAccessToken()],
  ["a request", (session, server) => createAuthFetch(session)(`${server.serverUrl}/below`)],
  ["a refresh", (session, server) => (server.expireAccessTokens(), createAuthFetch(session)(server.serverUrl))],
  ["a step-up", (session) => session.handleChallenge(challenge(', scope="more"'))],
  ["a step-up to what is published", (session) => session.handleChallenge(challenge(""))],
  [
    "startAuthorization",
    (session) =>
      session.startAuthorization({
        redirectUri: REDIRECT,
        challenge: { scheme: "Bearer", error: "insufficient_scope" },
      }),
  ],
  ["signOut", (session) => session.signOut({ unregister: true })],
];

/** Every member of a value, by its path. */
const pathsOf = (value: unknown, path: readonly string[] = []): (readonly string[])[] =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, member]) => [
        [...path, name],
        // of the client's metadata nothing is read
        ...(name === "metadata" ? [] : pathsOf(member, [...path, name])),
      ])
    : [];

/** The record with another value at the path. */
function spoil(record: object, path: readonly string[], wrong: unknown): string {
  const copy = structuredClone(record) as Record<string, unknown>;
  let member = copy;
  for (const name of path.slice(0, -1)) member = member[name] as typeof member;
  member[path.at(-1) ?? ""] = wrong;
  return JSON.stringify(copy);
}

const DPOP = { kind: "dpop", server: { dpop: {} }, host: () => ({ dpop: createDpop() }) };

async function login(kind: string) {
  const isDpop = kind === DPOP.kind;
  const server = createFakeAuthServer({ scopes: ["read"], ...(isDpop && DPOP.server) });
  const backing = new Map<string, string>();
  const open = (copy: Map<string, string>) => createHost(server, { ...(isDpop && DPOP.host()), store: viewOf(copy) });
  await open(backing).session.authorize(approvedBy(server));
  backing.set(STATE, '{"v":1,"data":{}}');
  const [key, text] = [...backing].find(([name]) => name.startsWith(`v1:${kind}:`)) ?? ["", "{}"];
  const { v, data } = JSON.parse(text) as { v: number; data: object };
  return { server, backing, open, key, record: { v, data: { ...data, ...MORE[kind] } } };
}

describe.each(["tokens", "state", "client", "server", "issuer", DPOP.kind])(
  "a stored record of the kind %s with a member of a wrong type is a miss, or an error of the library",
  (kind) => {
    it.each(uses)("in %s", async (name, use) => {
      let world = await login(kind);
      const bad: string[] = [];
      for (const path of pathsOf(world.record)) {
        for (const wrong of WRONG.filter((one) => !isUnknownMethod(path, one))) {
          const { server, backing, open, key, record } = world;
          const { session } = open(new Map(backing).set(key, spoil(record, path, wrong)));
          const outcome = await use(session, server).catch((error: unknown) => error);
          const isBad = outcome instanceof Error && !isAuthError(outcome);
          if (isBad) bad.push(`${path.join(".")} = ${JSON.stringify(wrong)}: ${String(outcome)}`);
          // what was used up at the server cannot be used again
          if (/refresh|signOut/.test(name)) world = await login(kind);
        }
      }
      expect(bad).toEqual([]);
    });
  },
);

it("a login that waits with a member of a wrong type is none that waits, or an error of the library", async () => {
  const start = async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    const { client, session, events } = createHost(server, { store: viewOf(backing) });
    const { authorizationUrl, state } = await session.startAuthorization({ redirectUri: REDIRECT });
    const key = `v1:pending:${state}`;
    const { v, data } = JSON.parse(backing.get(key) ?? "{}") as { v: number; data: object };
    const record = { v, data: { ...data, ...MORE["pending"] } };
    return { client, events, backing, key, record, callback: await server.approve(authorizationUrl) };
  };
  const { record } = await start();
  const bad: string[] = [];
  for (const path of pathsOf(record)) {
    for (const wrong of WRONG.filter((one) => !isUnknownMethod(path, one))) {
      const { client, backing, key, callback, record: own } = await start();
      backing.set(key, spoil(own, path, wrong));
      const finish = client.finishAuthorization(callback, { subject: "a" });
      const outcome = await finish.catch((error: unknown) => error);
      const isBad = outcome instanceof Error && !isAuthError(outcome);
      if (isBad) bad.push(`${path.join(".")} = ${JSON.stringify(wrong)}: ${String(outcome)}`);
    }
  }
  expect(bad).toEqual([]);
});

it("a member of a wrong type is named in the event", async () => {
  const { backing, key, record, server } = await login("tokens");
  backing.set(key, spoil(record, ["data", "scope"], 7));
  const { session, events } = createHost(server, { store: viewOf(backing) });
  expect(await session.getTokens()).toBeUndefined();
  expect(events).toEqual([{ type: "record_ignored", key, reason: 'it has no usable "scope"' }]);
});

it("null, which a table has for what is absent, is as good as absent", async () => {
  const { backing, open, key, record, server } = await login("tokens");
  const { refreshToken, scope, requestedScope } = { refreshToken: null, scope: null, requestedScope: null };
  backing.set(key, JSON.stringify({ ...record, data: { ...record.data, refreshToken, scope, requestedScope } }));
  const { session, events } = open(backing);
  expect(await session.getAccessToken()).toBeTypeOf("string");
  server.expireAccessTokens();
  expect(await failureOf(createAuthFetch(session)(server.serverUrl))).toMatchObject({ code: "authorization_required" });
  expect(events.filter(({ type }) => type === "record_ignored")).toEqual([]);
});
