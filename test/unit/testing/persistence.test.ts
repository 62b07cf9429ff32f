import { expect, test, vi } from "vitest";
import { createMemoryStore } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { KVStore } from "../../../src/testing.js";
import { call, jsonOf, logIn, outcomeOf, refresh, register, registeredClientId } from "./plain-client.js";
import type { Tokens } from "./plain-client.js";

const NOW_MS = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const start = (store: KVStore, issuer?: string): ReturnType<typeof createFakeAuthServer> =>
  createFakeAuthServer({ store, issuer, now: () => NOW_MS, registrationManagement: true });

test("goes on after a restart: clients, grants and tokens, in any KVStore", async () => {
  for (const store of [createMemoryStore({ now: () => NOW_MS }), new Map<string, string>()]) {
    const before = start(store);
    const clientId = await registeredClientId(before);
    const tokens = await logIn(before, clientId, { scope: "a" });

    const after = start(store);
    expect(await jsonOf(await call(after, tokens.access_token))).toEqual({ ok: true, scope: "a" });
    const next = (await jsonOf(await refresh(after, clientId, tokens.refresh_token))) as unknown as Tokens;
    expect((await call(after, next.access_token)).status).toBe(200);
    expect(await logIn(after, clientId)).toHaveProperty("access_token");
  }
});

test("writes one after the other, however long a store takes", async () => {
  const backing = new Map<string, string>();
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let isSlow = false;
  const store: KVStore = {
    get: (key) => backing.get(key),
    delete: (key) => backing.delete(key),
    async set(key, value) {
      const isFirst = isSlow && key.includes("grant:");
      if (isFirst) {
        isSlow = false;
        await gate;
      }
      backing.set(key, value);
    },
  };
  const before = start(store);
  const clientId = await registeredClientId(before);
  const { refresh_token: token } = await logIn(before, clientId);
  isSlow = true;
  // the first writes that the grant is good, the second that it has ended
  const refreshed = refresh(before, clientId, token);
  await vi.waitUntil(() => !isSlow);
  const reused = refresh(before, clientId, token);
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  open();
  const next = (await jsonOf(await refreshed)) as unknown as Tokens;
  expect((await reused).status).toBe(400);

  expect((await call(start(store), next.access_token)).status).toBe(401);
});

test("remembers which refresh tokens were used, and which grants ended", async () => {
  const store = new Map<string, string>();
  const first = start(store);
  const clientId = await registeredClientId(first);
  const tokens = await logIn(first, clientId);
  const next = (await jsonOf(await refresh(first, clientId, tokens.refresh_token))) as unknown as Tokens;

  const second = start(store);
  expect(await outcomeOf(await refresh(second, clientId, tokens.refresh_token))).toEqual([400, "invalid_grant"]);
  expect((await call(second, next.access_token)).status).toBe(401);
  const third = start(store);
  expect(await outcomeOf(await refresh(third, clientId, next.refresh_token))).toEqual([400, "invalid_grant"]);
});

test("of several uses of a stored token at once one wins", async () => {
  const store = new Map<string, string>();
  const clientId = await registeredClientId(start(store));
  const tokens = await logIn(start(store), clientId);
  const after = start(store);
  const responses = await Promise.all(Array.from({ length: 5 }, () => refresh(after, clientId, tokens.refresh_token)));
  expect(responses.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400]);
});

test("remembers what was revoked, forgotten and deleted", async () => {
  const store = new Map<string, string>();
  const before = start(store);
  const gone = (await jsonOf(await register(before))) as Record<string, string>;
  const [forgotten, kept] = [await registeredClientId(before), await registeredClientId(before)];
  const [ofGone, revoked, bystander] = [
    await logIn(before, gone["client_id"] ?? ""),
    await logIn(before, kept),
    await logIn(before, kept),
  ];
  await before.fetch(gone["registration_client_uri"] ?? "", {
    method: "DELETE",
    headers: { authorization: `Bearer ${gone["registration_access_token"] ?? ""}` },
  });
  before.revokeGrant(revoked.access_token);
  before.forgetClient(forgotten);

  const after = start(store);
  expect((await call(after, ofGone.access_token)).status).toBe(401);
  expect((await call(after, revoked.access_token)).status).toBe(401);
  expect((await call(after, bystander.access_token)).status).toBe(200);
  await expect(logIn(after, forgotten)).rejects.toThrow("not known");
  after.forgetClient(kept);
  await expect(logIn(after, kept)).rejects.toThrow("not known");
});

test("keeps the lifetimes, and the access tokens that a test ended", async () => {
  const store = new Map<string, string>();
  const before = start(store);
  const clientId = await registeredClientId(before);
  const [ended, live] = [await logIn(before, clientId), await logIn(before, clientId)];
  before.expireAccessTokens();
  const { access_token: token } = (await jsonOf(
    await refresh(before, clientId, live.refresh_token),
  )) as unknown as Tokens;

  const after = start(store);
  expect((await call(after, ended.access_token)).status).toBe(401);
  after.advance(DAY_MS - 1);
  expect((await call(after, token)).status).toBe(200);
  after.advance(1);
  expect((await call(after, token)).status).toBe(401);
});

test("keeps neither secrets nor tokens, and nothing that is of another issuer", async () => {
  const store = new Map<string, string>();
  const server = start(store);
  const client = await jsonOf(await register(server, { token_endpoint_auth_method: "client_secret_post" }));
  const secret = client["client_secret"] as string;
  const id = client["client_id"] as string;
  const tokens = await logIn(server, id, {}, { client_secret: secret });
  const text = JSON.stringify([...store]);
  for (const value of [secret, client["registration_access_token"], tokens.access_token, tokens.refresh_token]) {
    expect(text).not.toContain(value);
  }
  expect((await refresh(start(store), id, tokens.refresh_token, { client_secret: secret })).status).toBe(200);
  expect((await refresh(start(store), id, tokens.refresh_token, { client_secret: "guess" })).status).toBe(401);
  const other = start(store, "https://other.example.com");
  expect((await call(other, tokens.access_token)).status).toBe(401);
  await expect(logIn(other, id)).rejects.toThrow("not known");
});

test("hands on what the store throws, once, and goes on when it works again", async () => {
  const entries = new Map<string, string>();
  const full = new Error("disk full");
  let isFull = true;
  const store: KVStore = {
    get: (key) => entries.get(key),
    set: (key, value) => {
      if (isFull) throw full;
      entries.set(key, value);
    },
    delete: (key) => entries.delete(key),
  };
  const server = start(store);
  await expect(register(server)).rejects.toBe(full);
  isFull = false;
  expect((await register(server)).status).toBe(201);
});
