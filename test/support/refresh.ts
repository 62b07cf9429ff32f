import type { AuthClientOptions, TokenSet } from "../../src/index.js";
import type { FakeAnswer, FakeAuthServer } from "../../src/testing.js";
import type { Host, SharedLocks } from "./host.js";
import { createHost, lockingViewOf, viewOf } from "./host.js";

export const DAY = 86_400_000;
export const TOKENS = "v1:tokens:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-";
export const STATE = "v1:state:https%3A%2F%2Fmcp.example.com%2Fmcp:user:-";

/** Processes that share one store, which locks. */
export function createProcesses(server: FakeAuthServer, options: Partial<AuthClientOptions> = {}) {
  const backing = new Map<string, string>();
  const locks: SharedLocks = new Map();
  return {
    backing,
    start: (more: Partial<AuthClientOptions> = {}): Host =>
      createHost(server, { store: lockingViewOf(backing, locks), ...options, ...more }),
    state: () => (JSON.parse(backing.get(STATE) ?? '{"data":{}}') as { data: Record<string, unknown> }).data,
    tokens: () => (JSON.parse(backing.get(TOKENS) ?? '{"data":null}') as { data: TokenSet | null }).data,
  };
}

export const unauthorized = (): Response =>
  new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } });
export const refusal = (error: string, status = 400): FakeAnswer => ({ status, body: { error } });
/** A server that gives out the same access token for as long as it likes, as caches in front of one do. */
export const repeating = (server: FakeAuthServer, accessToken: string) =>
  server.faults.add({
    endpoint: "refresh",
    times: Infinity,
    fault: async (_, answer) =>
      Response.json({ ...((await (await answer()).json()) as object), access_token: accessToken }),
  });

/** A store over `backing` that takes no tokens while it is full. */
export function createFillableStore(backing = new Map<string, string>()) {
  let isFull = false;
  const set = (key: string, value: string): void => {
    if (isFull && key === TOKENS) throw new Error("ENOSPC");
    backing.set(key, value);
  };
  return {
    backing,
    store: { ...viewOf(backing), set },
    fill: () => void (isFull = true),
    makeRoom: () => void (isFull = false),
  };
}
