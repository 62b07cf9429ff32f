// Tokens that are of no use to a thief:  node examples/dpop/main.ts
import { createAuthClient, createAuthFetch, createDpop } from "mcp-oauth-client";
import { createFakeAuthServer } from "mcp-oauth-client/testing";

// The world: an authorization server and an MCP server that want proofs, with nonces in them.
const server = createFakeAuthServer({ dpop: { required: true, nonces: true } });

// The host. With createIndexedDbKeyStore() as its "keys", a page cannot even read its own key.
const client = createAuthClient({
  clientMetadata: { client_name: "Example" },
  dpop: createDpop({ required: true }),
  fetch: server.fetch,
  now: server.now,
});
const session = client.session(server.serverUrl);
await session.authorize({
  redirectUri: "http://127.0.0.1:8976/callback",
  interact: (authorizationUrl) => server.approve(authorizationUrl),
});
const authFetch = createAuthFetch(session);
for (const call of [1, 2])
  console.log(`call ${call}, with a proof of its own: ${(await authFetch(session.serverUrl)).status}`);

// The thief has the token, and the last proof as well.
const stolen = await session.getAccessToken();
const proof = server.requests.at(-1)?.headers["dpop"] ?? "";
for (const headers of [
  { authorization: `Bearer ${stolen}` },
  { authorization: `DPoP ${stolen}` },
  { authorization: `DPoP ${stolen}`, dpop: proof },
]) {
  const { status } = await server.fetch(session.serverUrl, { headers });
  console.log(`the thief, with ${Object.keys(headers).join(" and ")}: ${status}`);
}
