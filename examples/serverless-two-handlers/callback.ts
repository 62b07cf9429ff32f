// GET /callback, as a function of its own: all it shares with login.ts is Redis. It does not know which MCP server a callback is for;
// the record of the login does.
import process from "node:process";
import { createAuthClient, createAuthFetch, isAuthError } from "mcp-oauth-client";
import { createRedisStore } from "mcp-oauth-client/redis";
import { createClient } from "redis";

const { ORIGIN = "https://app.example.com", REDIS_URL = "" } = process.env;
const redis = createClient({ url: REDIS_URL });
const connected = redis.connect();
const client = createAuthClient({ clientMetadata: { client_name: "Example" }, store: createRedisStore(redis) });

const cookieOf = (request: Request, name: string) =>
  new RegExp(`(?:^|; )${name}=([^;]+)`).exec(request.headers.get("cookie") ?? "")?.[1];

export async function GET(request: Request): Promise<Response> {
  const subject = cookieOf(request, "user");
  if (subject === undefined) return new Response("Sign in first.", { status: 401 });
  await connected;
  try {
    // behind a proxy, request.url has the proxy's idea of host and scheme; only the parameters are the user's
    const callback = new URL(new URL(request.url).search, `${ORIGIN}/callback`);
    const state = cookieOf(request, "__Host-login");
    const { session } = await client.finishAuthorization(callback, { subject, state });
    // from here on every function with the same store calls the MCP server as this user
    const answer = await createAuthFetch(session)(session.serverUrl, { headers: { accept: "text/event-stream" } });
    return new Response(`${subject} is logged in; the MCP server answers with status ${answer.status}.\n`);
  } catch (error) {
    if (!isAuthError(error)) throw error;
    return new Response(`${error.code}: start again at /login.\n`, { status: 400 });
  }
}
