// GET /login, as a function of its own: it starts a login, and may be gone when the user comes back to callback.ts. The signature is
// that of Next.js route handlers, Vercel, Netlify, Deno Deploy and Bun: a Request in, a Response out.
import process from "node:process";
import { createAuthClient } from "mcp-oauth-client";
import { createRedisStore } from "mcp-oauth-client/redis";
import { createClient } from "redis";

const { ORIGIN = "https://app.example.com", REDIS_URL = "", MCP_SERVER = "https://mcp.example.com/mcp" } = process.env;
const redis = createClient({ url: REDIS_URL });
const connected = redis.connect();
const client = createAuthClient({ clientMetadata: { client_name: "Example" }, store: createRedisStore(redis) });

/** Whoever is signed in to the host: to be taken from its own session. */
const userOf = (request: Request) => /(?:^|; )user=([^;]+)/.exec(request.headers.get("cookie") ?? "")?.[1];

export async function GET(request: Request): Promise<Response> {
  const subject = userOf(request);
  if (subject === undefined) return new Response("Sign in first.", { status: 401 });
  await connected;
  const session = client.session(MCP_SERVER, { subject });
  const { authorizationUrl, state } = await session.startAuthorization({ redirectUri: `${ORIGIN}/callback` });
  const cookie = `__Host-login=${state}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600`;
  return new Response(null, { status: 302, headers: { location: authorizationUrl.href, "set-cookie": cookie } });
}
