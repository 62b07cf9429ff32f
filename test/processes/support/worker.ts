// One process of a host application: does what it is told, on the store that it is given.
import { createAuthClient, createAuthFetch, isAuthError } from "mcp-oauth-client";
import type { KVStore } from "mcp-oauth-client";
import { openStore } from "./store-spec.ts";
import type { Answers, Task } from "./tasks.ts";

const [spec = "", serverUrl = ""] = process.argv.slice(2);
let offsetMs = 0;
const now = (): number => Date.now() + offsetMs;
const { store: opened } = await openStore(spec, now);
let stopsBeforeRefresh = false;
const store: KVStore = {
  ...opened,
  async set(key, value, options) {
    await opened.set(key, value, options);
    if (stopsBeforeRefresh && key.startsWith("v1:state:")) {
      stopsBeforeRefresh = false;
      await new Promise((resolve) => process.send?.({ held: true }, resolve));
      process.kill(process.pid, "SIGSTOP");
    }
  },
};
const withLock = <T>(key: string, task: (lease: AbortSignal) => Promise<T>): Promise<T> => {
  if (store.withLock === undefined) throw new TypeError("the store has no lock");
  return store.withLock(key, task);
};
const client = createAuthClient({ clientMetadata: { client_name: "Test" }, store, now });
const session = client.session(serverUrl);
let logins = 0;
const authFetch = createAuthFetch(session, {
  onAuthorizationRequired: async ({ challenge, scope, signal }) => {
    await session.authorize({
      redirectUri: "http://127.0.0.1:8976/callback",
      challenge,
      scope,
      signal,
      interact: approve,
    });
  },
});

/** The browser of a user who allows everything. */
async function approve(authorizationUrl: URL): Promise<URL> {
  logins += 1;
  const response = await fetch(authorizationUrl, { redirect: "manual" });
  return new URL(response.headers.get("location") ?? "", authorizationUrl);
}

async function request(send: typeof authFetch): Promise<string> {
  try {
    const response = await send(serverUrl);
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    if (isAuthError(error, "authorization_required")) return error.code;
    return isAuthError(error) ? `${error.code}: ${String(error)}, ${String(error.cause)}` : String(error);
  }
}

const perform: { readonly [K in Task["type"]]: (task: Extract<Task, { type: K }>) => Promise<Answers[K]> } = {
  async requests({ count }) {
    const send = createAuthFetch(session);
    return { outcomes: await Promise.all(Array.from({ length: count }, () => request(send))) };
  },
  async stopBeforeRefresh() {
    stopsBeforeRefresh = true;
    return { outcome: await request(authFetch) };
  },
  async login() {
    logins = 0;
    const outcome = await request(authFetch);
    return { outcome, logins };
  },
  async lock({ keys, holdMs }) {
    const startedAt = performance.now();
    let left = keys.length;
    const answers = await Promise.all(
      keys.map((key) =>
        withLock(key, async (lease) => {
          const waitedMs = performance.now() - startedAt;
          left -= 1;
          if (left === 0) process.send?.({ held: true });
          await new Promise((resolve) => {
            if (holdMs !== undefined) setTimeout(resolve, holdMs);
            // else until it is killed, or learns that it was taken for dead
            lease.addEventListener("abort", resolve);
          });
          return { waitedMs, wasLost: lease.aborted };
        }),
      ),
    );
    return {
      waitedMs: Math.max(...answers.map(({ waitedMs }) => waitedMs)),
      wasLost: answers.every(({ wasLost }) => wasLost),
    };
  },
  async enter({ keys, me, at }) {
    // all at once, to the microsecond
    while (Date.now() < at);
    const alone = await Promise.all(keys.map((key) => withLock(key, (lease) => isAlone(key, me, lease))));
    return { intrusions: alone.filter((isTrue) => !isTrue).length };
  },
  async alternate({ key, me, forMs }) {
    let turns = 0;
    let intrusions = 0;
    for (const until = performance.now() + forMs; performance.now() < until; turns += 1) {
      const mark = `${me} ${turns}`;
      if (!(await withLock(key, (lease) => isAlone(key, mark, lease)))) intrusions += 1;
    }
    return { turns, intrusions };
  },
};

/** Leaves a mark under a lock, and comes back to see whether somebody else has been there, other than by a lock that is known to be lost. */
async function isAlone(key: string, mark: string, lease: AbortSignal): Promise<boolean> {
  await store.set(`mark of ${key}`, mark);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
  const isThere = (await store.get(`mark of ${key}`)) === mark;
  // in a process that stood still the answer may come before the timer that tells of the loss
  if (!isThere) await new Promise((resolve) => setTimeout(resolve, 1));
  return isThere || lease.aborted;
}

process.on("message", (task: Task) => {
  offsetMs = task.offsetMs ?? offsetMs;
  const work = perform[task.type] as (task: Task) => Promise<unknown>;
  work(task).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
process.send?.({ ready: true });
