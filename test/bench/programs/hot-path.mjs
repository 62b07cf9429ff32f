// CPU and heap that an authorized fetch adds to a fetch that does nothing, by what the caller's headers are.
// node --expose-gc --min-semi-space-size=256 --max-semi-space-size=256 hot-path.mjs
import { withOAuth as withOAuthV1 } from "@modelcontextprotocol/sdk/client/middleware.js";
import { withOAuth as withOAuthV2 } from "@modelcontextprotocol/client";
import { createAuthClient, createAuthFetch, createMemoryStore, createTokenStore } from "mcp-oauth-client";

const { gc, Headers, Response } = globalThis;
const TIMED_ROUNDS = 100;
const COUNTED_ROUNDS = 5;
const CALLS = 2_000;
const serverUrl = "https://mcp.example.com/mcp";
const accessToken = "0123456789abcdef0123456789abcdef";
const expiresAt = Date.now() + 3_600_000;

const answer = new Response("{}");
const bare = async () => answer;

const store = createMemoryStore();
await createTokenStore(store).setTokens(
  { serverUrl },
  {
    accessToken,
    tokenType: "Bearer",
    obtainedAt: Date.now(),
    expiresAt,
    issuer: "https://auth.example.com",
    tokenEndpoint: "https://auth.example.com/token",
    resource: serverUrl,
    registration: {
      issuer: "https://auth.example.com",
      clientId: "bench",
      tokenEndpointAuthMethod: "none",
      redirectUris: [],
      source: "dynamic",
      createdAt: Date.now(),
    },
  },
);
const session = createAuthClient({ clientMetadata: { client_name: "Bench" }, store }).session(serverUrl);
const provider = { tokens: () => ({ access_token: accessToken, token_type: "Bearer" }) };

const refused = () => {
  throw new Error("not here");
};
const clients = {
  bare,
  "headers.set on new Headers, minimal": async (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("Authorization", `Bearer ${accessToken}`);
    return await bare(input, { ...init, headers });
  },
  "spread by hand, with expiry and 401 check": async (input, init) => {
    if (Date.now() >= expiresAt) refused();
    const response = await bare(input, {
      ...init,
      headers: { ...init?.headers, Authorization: `Bearer ${accessToken}` },
    });
    if (response.status === 401) refused();
    return response;
  },
  "mcp-oauth-client": createAuthFetch(session, { fetch: bare }),
  "sdk 1 withOAuth": withOAuthV1(provider, serverUrl)(bare),
  "sdk 2 withOAuth": withOAuthV2(provider, serverUrl)(bare),
};

const body = "{}";
const plain = { accept: "application/json, text/event-stream", "content-type": "application/json" };
const inits = {
  "plain object": { method: "POST", headers: plain, body },
  none: undefined,
  Headers: { method: "POST", headers: new Headers(plain), body },
};

async function timeOf(call, init) {
  const cpu = process.cpuUsage();
  for (let count = 0; count < CALLS; count += 1) await call(serverUrl, init);
  const { user, system } = process.cpuUsage(cpu);
  return ((user + system) * 1_000) / CALLS;
}

async function bytesOf(call, init) {
  // few enough that nothing is collected meanwhile
  gc();
  const heap = process.memoryUsage().heapUsed;
  for (let count = 0; count < CALLS; count += 1) await call(serverUrl, init);
  return (process.memoryUsage().heapUsed - heap) / CALLS;
}

/** What is left when the machine has something else to do as well is in the slow samples. */
const quick = (numbers) => numbers.sort((one, other) => one - other)[Math.floor(numbers.length / 10)];

/** Many short rounds, in which each client meets each kind of headers, so that whatever else the machine does meets all alike. */
async function sample(rounds, measure) {
  const samples = new Map();
  for (let round = 0; round < rounds; round += 1) {
    for (const [headers, init] of Object.entries(inits)) {
      for (const [name, call] of Object.entries(clients)) {
        const key = `${headers} ${name}`;
        const measured = await measure(call, init);
        samples.set(key, [...(samples.get(key) ?? []), measured]);
      }
    }
  }
  return (headers, name) => quick(samples.get(`${headers} ${name}`)) - quick(samples.get(`${headers} bare`));
}

// apart, since a collection makes the engine forget what it had optimized
const nsOf = await sample(TIMED_ROUNDS, timeOf);
const heapOf = await sample(COUNTED_ROUNDS, bytesOf);
const names = Object.keys(clients).slice(1);
const results = Object.keys(inits).flatMap((headers) =>
  names.map((name) => ({ headers, name, ns: nsOf(headers, name), bytes: heapOf(headers, name) })),
);
console.log(JSON.stringify(results));
