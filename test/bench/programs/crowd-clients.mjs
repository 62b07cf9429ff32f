// The clients that a crowd is tried on: each logs in, and opens a fetch on what is stored, as a start of the host does.
import { randomUUID } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { URLSearchParams } from "node:url";

// each loaded by those who use it
const sdk1 = async () => ({
  ...(await import("@modelcontextprotocol/sdk/client/auth.js")),
  ...(await import("@modelcontextprotocol/sdk/client/middleware.js")),
});
const sdk2 = () => import("@modelcontextprotocol/client");

const redirectUri = "http://127.0.0.1:8976/callback";

// says for each call that it fails
console.warn = () => undefined;

/** One record that all callers share: in memory, or a JSON file in a folder, with a lock for who wants one. */
function openRecord(directory) {
  if (directory === undefined) {
    let record = {};
    return {
      read: () => record,
      update: (changes) => (record = { ...record, ...changes }),
      withLock: (task) => task(),
    };
  }
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "record.json");
  const lock = join(directory, "record.lock");
  const read = () => {
    try {
      return JSON.parse(readFileSync(file, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT") return {};
      throw error;
    }
  };
  return {
    read,
    update(changes) {
      const temporary = join(directory, randomUUID());
      writeFileSync(temporary, JSON.stringify({ ...read(), ...changes }));
      renameSync(temporary, file);
    },
    async withLock(task) {
      for (;;) {
        try {
          closeSync(openSync(lock, "wx"));
          break;
        } catch (error) {
          if (error.code !== "EEXIST") throw error;
          await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 10));
        }
      }
      try {
        return await task();
      } finally {
        unlinkSync(lock);
      }
    },
  };
}

/** A provider as a host writes it, with everything that spares requests. */
function providerOver({ read, update }) {
  const scopes = { all: ["client", "tokens", "verifier", "discovery"] };
  return {
    redirectUrl: redirectUri,
    clientMetadata: {
      client_name: "Bench",
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "none",
    },
    clientInformation: () => read().client,
    saveClientInformation: (client) => void update({ client }),
    tokens: () => read().tokens,
    saveTokens: (tokens) => void update({ tokens }),
    codeVerifier: () => read().verifier,
    saveCodeVerifier: (verifier) => void update({ verifier }),
    discoveryState: () => read().discovery,
    saveDiscoveryState: (discovery) => void update({ discovery }),
    invalidateCredentials: (scope) =>
      void update(Object.fromEntries((scopes[scope] ?? [scope]).map((name) => [name, undefined]))),
    redirectToAuthorization: (url) => void update({ authorizationUrl: url.href }),
  };
}

/** The tokens end up in the record. */
async function loginTo(record, { auth }, serverUrl, fetch, approve) {
  const provider = providerOver(record);
  record.update({ tokens: undefined });
  await auth(provider, { serverUrl, fetchFn: fetch });
  const callback = (await approve(new URL(record.read().authorizationUrl))).searchParams;
  const [authorizationCode, iss] = [callback.get("code"), callback.get("iss") ?? undefined];
  await auth(provider, { serverUrl, authorizationCode, iss, fetchFn: fetch });
}

const sdk = (load) => async (directory, serverUrl, fetch) => {
  const library = await load();
  const record = openRecord(directory);
  return {
    login: (approve) => loginTo(record, library, serverUrl, fetch, approve),
    open: () => library.withOAuth(providerOver(record), serverUrl)(fetch),
  };
};

/** What does it with the fewest steps: lock, read again, refresh if nobody else has. */
async function floor(directory, serverUrl, fetch) {
  const record = openRecord(directory);

  async function refresh(refused) {
    const { client, tokens, discovery } = record.read();
    if (tokens.access_token !== refused) return tokens;
    const response = await fetch(discovery.authorizationServerMetadata.token_endpoint, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: tokens.refresh_token,
        client_id: client.client_id,
        resource: serverUrl,
      }).toString(),
    });
    if (!response.ok) throw new Error(`the refresh was refused with status ${response.status}`);
    const fresh = { ...tokens, ...(await response.json()) };
    record.update({ tokens: fresh });
    return fresh;
  }

  return {
    record,
    login: async (approve) => loginTo(record, await sdk1(), serverUrl, fetch, approve),
    open() {
      let { tokens } = record.read();
      let refreshing;
      return async (input, init) => {
        const request = () =>
          fetch(input, { ...init, headers: { ...init?.headers, authorization: `Bearer ${tokens.access_token}` } });
        const used = tokens.access_token;
        const response = await request();
        if (response.status !== 401) return response;
        await response.body?.cancel();
        if (tokens.access_token === used) {
          refreshing ??= record
            .withLock(() => refresh(used))
            .then((fresh) => (tokens = fresh))
            .finally(() => (refreshing = undefined));
          await refreshing;
        }
        return await request();
      };
    },
  };
}

async function ours(directory, serverUrl, fetch, now) {
  const { createAuthClient, createAuthFetch, createMemoryStore } = await import("mcp-oauth-client");
  const { createFileStore } = await import("mcp-oauth-client/node");
  const store = directory === undefined ? createMemoryStore({ now }) : createFileStore({ directory, now });
  const clientMetadata = { client_name: "Bench" };
  const start = () => createAuthClient({ clientMetadata, store, fetch, now }).session(serverUrl);
  return {
    login: (approve) => start().authorize({ redirectUri, interact: approve }),
    open: () => createAuthFetch(start(), { fetch }),
  };
}

/** Takes a folder (none: memory), the server, and what sends requests; who looks at the clock also takes that. */
export const clients = {
  "floor: lock and read again": floor,
  "mcp-oauth-client": ours,
  "sdk 1 withOAuth": sdk(sdk1),
  "sdk 2 withOAuth": sdk(sdk2),
};

/** The browser of a user who allows everything. */
export const approveWith = (fetch) => async (url) =>
  new URL((await fetch(url, { redirect: "manual" })).headers.get("location"));

/** How a call ended: its status, or the error. */
export async function outcomeOf(call, serverUrl) {
  try {
    const response = await call(serverUrl, { headers: { accept: "application/json" } });
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    return error.cause === undefined ? String(error) : `${error} (${error.cause})`;
  }
}
