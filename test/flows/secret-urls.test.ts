import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AuthClientOptions, FetchLike, KVStore } from "../../src/index.js";
import {
  createAuthFetch,
  createDpop,
  createEncryptedStore,
  createKeyvStore,
  createTokenStore,
  createWebStorageStore,
  discoverAuthServer,
} from "../../src/index.js";
import { createFileStore } from "../../src/node.js";
import { createRedisStore } from "../../src/redis.js";
import type { FakeAuthServer } from "../../src/testing.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, viewOf } from "../support/host.js";
import { DAY } from "../support/refresh.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const SECRET = "hunter2";
const withKey = (server: FakeAuthServer): string => `${server.serverUrl}?api_key=${SECRET}`;

/** A host whose one MCP server has a key in its URL. */
function createKeyHost(server: FakeAuthServer, options: Partial<AuthClientOptions> = {}) {
  // the fake server knows itself by its URL without the key alone
  const fetch: FetchLike = (input, init) => server.fetch(String(input).replace(/\?api_key=.*/, ""), init);
  const { client, events } = createHost(server, { fetch, ...options });
  return { client, events, session: client.session(withKey(server)) };
}

/** Everything of an error that a log might show, what the store itself said aside. */
const shown = (error: unknown): string =>
  [
    String(error),
    (error as Error).stack,
    JSON.stringify(error),
    JSON.stringify(Object.entries(error as object)),
  ].join();

const fail = (): never => {
  throw new Error("disk full");
};

/** Stores that fail as their kind does; the tested text is of the library and of the store itself. */
const failing: readonly (readonly [string, () => KVStore | Promise<KVStore>])[] = [
  ["of the host", () => ({ get: fail, set: fail, delete: fail })],
  ["that cannot lock", () => ({ ...viewOf(new Map()), get: () => expiredTokens(), withLock: fail })],
  ["in a file where its folder should be", () => createFileStore({ directory: fileInsteadOfFolder() })],
  ["in a page without room", () => createWebStorageStore({ getItem: fail, setItem: fail, removeItem: fail })],
  ["over a Keyv that is down", () => createKeyvStore({ get: fail, set: fail, delete: fail })],
  [
    "in a Redis that knows no such command",
    () =>
      createRedisStore({
        call: async (command, ...args) => {
          throw new Error(`ERR unknown command '${command}', with args beginning with: '${args.join("' '")}'`);
        },
      }),
  ],
  ["that is encrypted, over one that fails", async () => createEncryptedStore(failingStore(), await aesKey())],
];

const failingStore = (): KVStore => ({ get: fail, set: fail, delete: fail });
const aesKey = () => crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);

function fileInsteadOfFolder(): string {
  const path = join(temporaryFolder(), "store");
  writeFileSync(path, "");
  return path;
}

const expiredTokens = (): string =>
  JSON.stringify({
    v: 1,
    data: {
      accessToken: "old",
      refreshToken: "old",
      tokenType: "Bearer",
      issuer: "https://auth.example.com",
      tokenEndpoint: "https://auth.example.com/token",
      resource: "https://mcp.example.com/mcp",
      obtainedAt: 0,
      expiresAt: 1,
      registration: {
        issuer: "https://auth.example.com",
        clientId: "ours",
        tokenEndpointAuthMethod: "none",
        redirectUris: [],
        source: "dynamic",
        createdAt: 0,
      },
    },
  });

describe("a key in the query of the MCP server's URL is not shown [pain-40]", () => {
  it.each(failing)("in the errors of a store %s", async (_, open) => {
    const server = createFakeAuthServer();
    const { session } = createKeyHost(server, { store: await open() });
    const errors = [
      await failureOf(session.getAccessToken()),
      await failureOf(session.authorize(approvedBy(server))),
      await failureOf(session.signOut()),
      await failureOf(createAuthFetch(session)(withKey(server))),
    ];
    for (const error of errors) {
      expect(error).toMatchObject({ code: "store_failed", key: expect.stringContaining("%3F…") as unknown });
      for (let one: unknown = error; one instanceof Error; one = one.cause) expect(shown(one)).not.toContain(SECRET);
    }
  });

  it("in the error of a lock that does not come free, or is lost", async () => {
    const server = createFakeAuthServer();
    const backing = new Map<string, string>();
    await createKeyHost(server, { store: viewOf(backing) }).session.authorize(approvedBy(server));
    server.advance(DAY);
    const lost: KVStore = {
      ...viewOf(backing),
      withLock: async (_, task) => task(AbortSignal.abort(new Error("lost"))),
    };
    const error = await failureOf(createKeyHost(server, { store: lost }).session.getAccessToken());
    expect(error).toMatchObject({
      code: "lock_timeout",
      key: "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp%3F…:user:-",
    });
    expect(shown(error)).not.toContain(SECRET);
  });

  it("in the report of a record that cannot be used, whichever store finds it", async () => {
    const server = createFakeAuthServer();
    const reports: unknown[] = [];
    const onIgnored = (report: unknown): void => void reports.push(report);
    const broken: KVStore = { ...viewOf(new Map()), get: () => "{" };
    const directory = temporaryFolder();
    const files = createFileStore({ directory, onIgnored });
    for (const store of [broken, createEncryptedStore(broken, await aesKey(), { onIgnored }), files]) {
      const { session, events } = createKeyHost(server, { store });
      if (store === files) {
        await session.authorize(approvedBy(server));
        for await (const key of files.keys?.("v1:tokens:") ?? []) await files.set(key, "{");
      }
      await createTokenStore(store, { onIgnored }).getTokens({ serverUrl: withKey(server) });
      expect(await session.getTokens()).toBeUndefined();
      reports.push(...events);
    }
    expect(reports.length).toBeGreaterThanOrEqual(6);
    expect(JSON.stringify(reports)).toContain("%3F…:user:-");
    expect(JSON.stringify(reports)).not.toContain(SECRET);
  });

  it("in an event, whatever happens", async () => {
    const server = createFakeAuthServer({ dpop: {} });
    const backing = new Map<string, string>();
    const { session, events } = createKeyHost(server, { store: viewOf(backing), dpop: createDpop() });
    await session.authorize(approvedBy(server));
    server.advance(DAY);
    await Promise.all([session.getAccessToken(), session.getAccessToken()]);
    server.advance(DAY);
    const other = createKeyHost(server, { store: viewOf(backing), dpop: createDpop() });
    await other.session.getAccessToken();
    server.advance(DAY);
    server.faults.add({ endpoint: "refresh", fault: "500" });
    await failureOf(session.getAccessToken());
    for (const key of backing.keys()) if (key.startsWith("v1:dpop:")) backing.delete(key);
    const later = createKeyHost(server, { store: viewOf(backing), dpop: createDpop() });
    await later.session.getTokens();
    await session.signOut();
    const all = [...events, ...other.events, ...later.events];

    expect(new Set(all.map(({ type }) => type))).toEqual(
      new Set([
        "discovered",
        "registered",
        "authorization_started",
        "authorized",
        "refreshed",
        "refresh_failed",
        "dpop_key_missing",
        "signed_out",
      ]),
    );
    for (const event of all) {
      if ("serverUrl" in event) expect(event.serverUrl).toBe(`${server.serverUrl}?…`);
      expect(JSON.stringify(event) + ("error" in event ? shown(event.error) : "")).not.toContain(SECRET);
    }
  });

  it("in the error about metadata that repeat the URL, as servers behind a proxy write it", async () => {
    const url = `https://mcp.example.com/mcp?api_key=${SECRET}`;
    const resource = url.replace("https", "http");
    const fetch = async () => Response.json({ resource, authorization_servers: ["https://auth.example.com"] });
    const error = await failureOf(discoverAuthServer(url, { fetch }));
    expect(error).toMatchObject({ code: "resource_mismatch" });
    expect(shown(error)).toContain("http://mcp.example.com/mcp?…");
    expect(shown(error)).not.toContain(SECRET);
  });

  it("in the error about metadata that list other resources", async () => {
    const url = `https://mcp.example.com/mcp?api_key=${SECRET}`;
    const issuer = "https://auth.example.com";
    const fetch = async (input: string | URL) =>
      String(input).startsWith(issuer)
        ? Response.json({ issuer, token_endpoint: `${issuer}/token`, protected_resources: [] })
        : Response.json({ resource: url, authorization_servers: [issuer] });
    const error = await failureOf(discoverAuthServer(url, { fetch }));
    expect(error).toMatchObject({ code: "resource_mismatch" });
    expect(shown(error)).not.toContain(SECRET);
  });

  it("in the error of a token endpoint that repeats the resource", async () => {
    const server = createFakeAuthServer();
    const url = withKey(server);
    server.faults.add({
      endpoint: "token",
      fault: { status: 400, body: { error: "invalid_target", error_description: `no such resource: ${url}` } },
    });
    const { session } = createKeyHost(server);
    const error = await failureOf(session.authorize(approvedBy(server)));
    expect(error).toMatchObject({ code: "token_request_rejected", oauthError: "invalid_target" });
    expect(shown(error)).toContain("no such resource: https://mcp.example.com/mcp?[redacted]");
    expect(shown(error)).not.toContain(SECRET);
  });
});
