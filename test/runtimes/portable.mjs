// What the package has to do in every runtime, against the test kit in memory. Without a test framework, so that it runs in workers.
import {
  createAuthClient,
  createAuthFetch,
  createEncryptedStore,
  createMemoryStore,
  isAuthError,
  startCallbackServer,
} from "mcp-oauth-client";
import { createFakeAuthServer, kvStoreContract } from "mcp-oauth-client/testing";

const REDIRECT_URI = "https://app.example.com/callback";

/**
 * Runs the scenarios one after the other; resolves with what came of each, `passed` or the error's text.
 *
 * `loopbackLogin`: `authorizeWithLoopback`, where the runtime can listen. `stores`: further stores to put to the contract, by name.
 */
export async function runScenarios({ loopbackLogin, stores = {} } = {}) {
  const scenarios = {
    login,
    "loopback login": () => logInOnLoopback(loopbackLogin),
    "split flow": splitFlow,
    refresh,
    "one refresh for all": oneRefreshForAll,
    "step-up": stepUp,
    "store contract": () => storeContract(stores),
    "callback server": () => callbackServer(loopbackLogin !== undefined),
  };
  const outcomes = {};
  for (const [name, scenario] of Object.entries(scenarios)) {
    outcomes[name] = await scenario().then(
      (outcome = "passed") => outcome,
      (error) => `${error?.stack ?? error}`,
    );
  }
  return outcomes;
}

function startHost(server, store = createMemoryStore({ now: server.now })) {
  const { fetch, now } = server;
  return createAuthClient({ clientMetadata: { client_name: "Test" }, store, fetch, now });
}

const approve = (server) => (url) => server.approve(url);

async function login() {
  const server = createFakeAuthServer();
  const session = startHost(server).session(server.serverUrl);
  equal(await codeOf(createAuthFetch(session)(server.serverUrl)), "authorization_required");
  await session.authorize({ redirectUri: REDIRECT_URI, interact: approve(server) });
  equal((await createAuthFetch(session)(server.serverUrl)).status, 200);
  await session.signOut();
  equal(await session.getAccessToken(), undefined);
}

async function logInOnLoopback(authorizeWithLoopback) {
  if (authorizeWithLoopback === undefined) return "–";
  const server = createFakeAuthServer();
  const session = startHost(server).session(server.serverUrl);
  await authorizeWithLoopback(session, {
    openUrl: async (url) => {
      await (await fetch(await server.approve(url))).text();
    },
  });
  equal((await createAuthFetch(session)(server.serverUrl)).status, 200);
}

async function splitFlow() {
  const server = createFakeAuthServer();
  const store = new Map();
  const started = await startHost(server, store)
    .session(server.serverUrl, { subject: "alice" })
    .startAuthorization({ redirectUri: REDIRECT_URI });
  const { state } = started;
  const callback = String(await server.approve(started.authorizationUrl));
  // whoever finishes has what is stored, as text, and nothing else
  const client = startHost(server, new Map(JSON.parse(JSON.stringify([...store]))));
  equal(await codeOf(client.finishAuthorization(callback, { subject: "mallory", state })), "subject_mismatch");
  const { session } = await client.finishAuthorization(callback, { subject: "alice", state });
  equal(await codeOf(client.finishAuthorization(callback, { subject: "alice", state })), "state_unknown");
  equal((await createAuthFetch(session)(server.serverUrl)).status, 200);
  equal(server.counts.token, 1);
}

async function refresh() {
  const server = createFakeAuthServer();
  const session = startHost(server).session(server.serverUrl);
  await session.authorize({ redirectUri: REDIRECT_URI, interact: approve(server) });
  const call = createAuthFetch(session);
  server.advance(86_400_000);
  equal((await call(server.serverUrl)).status, 200);
  server.expireAccessTokens();
  equal((await call(server.serverUrl)).status, 200);
  equal(server.counts.refresh, 2);
}

async function oneRefreshForAll() {
  const server = createFakeAuthServer();
  const store = lockingStore();
  const sessions = [1, 2, 3, 4].map(() => startHost(server, store).session(server.serverUrl));
  await sessions[0].authorize({ redirectUri: REDIRECT_URI, interact: approve(server) });
  server.advance(86_400_000);
  const answers = await Promise.all(sessions.map((session) => createAuthFetch(session)(server.serverUrl)));
  equal(answers.map(({ status }) => status).join(), "200,200,200,200");
  equal(server.counts.refresh, 1);
}

/** As a store that several processes share: what the library does with a lock, and not with promises of its own. */
function lockingStore() {
  const entries = new Map();
  const tails = new Map();
  return {
    get: (key) => entries.get(key),
    set: (key, value) => entries.set(key, value),
    delete: (key) => entries.delete(key),
    withLock(key, task) {
      const mine = (tails.get(key) ?? Promise.resolve()).then(() => task(new AbortController().signal));
      tails.set(
        key,
        mine.catch(() => undefined),
      );
      return mine;
    },
  };
}

async function stepUp() {
  const server = createFakeAuthServer({ requiredScope: "read", pathScopes: { "/mcp/admin": "admin" } });
  const session = startHost(server).session(server.serverUrl);
  const reasons = [];
  const call = createAuthFetch(session, {
    onAuthorizationRequired: async ({ reason, scope, challenge }) => {
      reasons.push(reason);
      await session.authorize({ redirectUri: REDIRECT_URI, scope, challenge, interact: approve(server) });
    },
  });
  equal((await call(server.serverUrl)).status, 200);
  equal((await call(`${server.serverUrl}/admin`, { method: "POST", body: "{}" })).status, 200);
  equal(reasons.join(), "login,step_up");
  equal((await session.getTokens()).scope.split(" ").sort().join(), "admin,read");
}

async function storeContract(stores) {
  const aes = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const makers = {
    memory: () => createMemoryStore(),
    encrypted: () => createEncryptedStore(createMemoryStore(), aes),
    ...stores,
  };
  for (const [kind, make] of Object.entries(makers)) {
    const known = new Map();
    const tests = [];
    const options = { maxValueBytes: 100_000, maxKeys: 200 };
    kvStoreContract(
      (name, body) => tests.push([name, body]),
      (name) => known.get(name) ?? known.set(name, make(name)).get(name),
      options,
    );
    if (tests.length < 5) throw new Error(`the contract has ${tests.length} tests`);
    for (const [name, body] of tests) {
      await body().catch((error) => {
        throw new Error(`${kind}: ${name}: ${error?.message}`, { cause: error });
      });
    }
  }
}

async function callbackServer(canListen) {
  if (!canListen) {
    equal(await codeOf(startCallbackServer()), "unsupported_runtime");
    return "typed error";
  }
  const server = await startCallbackServer();
  const waiting = server.waitForCallback({ state: "a-state" });
  equal((await fetch(`${server.redirectUri}?code=c&state=another`)).status, 404);
  equal((await fetch(`${server.redirectUri}?code=c&state=a-state`)).status, 200);
  equal((await waiting).code, "c");
  await server.close();
}

async function codeOf(work) {
  try {
    await work;
  } catch (error) {
    if (isAuthError(error)) return error.code;
    throw error;
  }
  return "no error";
}

function equal(actual, expected) {
  if (actual !== expected) throw new Error(`got ${String(actual)}, expected ${String(expected)}`);
}
