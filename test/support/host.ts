import type {
  AuthClient,
  AuthClientOptions,
  AuthEvent,
  AuthorizeOptions,
  AuthSession,
  KVStore,
} from "../../src/index.js";
import { createAuthClient, createMemoryStore } from "../../src/index.js";
import type { FakeAuthServer } from "../../src/testing.js";

export const REDIRECT = "http://127.0.0.1:8976/callback";

export interface Host {
  readonly client: AuthClient;
  /** The session of the only user at the server. */
  readonly session: AuthSession;
  readonly events: AuthEvent[];
}

/** A host application whose whole world is one fake server. */
export function createHost(server: FakeAuthServer, options: Partial<AuthClientOptions> = {}): Host {
  const events: AuthEvent[] = [];
  const client = createAuthClient({
    clientMetadata: { client_name: "Test" },
    store: createMemoryStore({ now: server.now }),
    fetch: server.fetch,
    now: server.now,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { client, session: client.session(server.serverUrl), events };
}

/** A login that the user allows. */
export const approvedBy = (server: FakeAuthServer, more: Partial<AuthorizeOptions> = {}): AuthorizeOptions => ({
  redirectUri: REDIRECT,
  interact: (url) => server.approve(url),
  ...more,
});

/** What another process has: the same data behind a store object of its own, with no lock. */
export const viewOf = (backing: Map<string, string>): KVStore => ({
  get: (key) => backing.get(key),
  set: (key, value) => backing.set(key, value),
  delete: (key) => backing.delete(key),
});

/** Locks that every process on the same backing shares. */
export type SharedLocks = Map<string, Promise<unknown>>;

/** As {@link viewOf}, with a lock that holds across processes. */
export function lockingViewOf(backing: Map<string, string>, locks: SharedLocks): KVStore {
  return {
    ...viewOf(backing),
    async withLock(key, task, { signal } = {}) {
      const before = locks.get(key) ?? Promise.resolve();
      let release = (): void => undefined;
      locks.set(
        key,
        before.then(() => new Promise<void>((resolve) => (release = resolve))),
      );
      const gone = new Promise<never>((_, reject) => {
        signal?.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      });
      try {
        await Promise.race([before, gone]);
      } catch (error) {
        void before.then(() => release());
        throw error;
      }
      try {
        return await task(new AbortController().signal);
      } finally {
        release();
      }
    },
  };
}

/** What a promise was rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

// the real ones, also while a test has others in their place
const { performance, setImmediate } = globalThis;
const elapsed = performance.now.bind(performance);
/** Not how long anything may take: when nothing will come any more. */
const GIVE_UP_AFTER_MS = 60_000;

/** Resolves when `condition` holds; every turn lets pending work go on. */
export async function until(condition: () => unknown): Promise<void> {
  for (const start = elapsed(); !condition();) {
    if (elapsed() - start > GIVE_UP_AFTER_MS) throw new Error(`it never came to pass: ${String(condition)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
