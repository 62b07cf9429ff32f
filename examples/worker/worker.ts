// A Cloudflare Worker whose users log in at an MCP server. /login starts, /callback finishes, each in whatever isolate the request
// happens to reach; between them is nothing but the Durable Object.
//
//   npx wrangler dev --config examples/worker/wrangler.toml --var MCP_SERVER:http://127.0.0.1:8080/mcp
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createAuthClient, createAuthFetch, isAuthError } from "mcp-oauth-client";
import { storeOf, type AuthStore } from "./auth-store.ts";

export { AuthStore } from "./auth-store.ts";

interface Env {
  readonly AUTH_STORE: { getByName(name: string): AuthStore };
  readonly MCP_SERVER: string;
}

const cookieOf = (request: Request, name: string): string | undefined =>
  new RegExp(`(?:^|; )${name}=([^;]+)`).exec(request.headers.get("cookie") ?? "")?.[1];

async function answer(request: Request, env: Env): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  // whoever is signed in to the host: to be taken from its own session
  const subject = cookieOf(request, "user");
  if (subject === undefined) return new Response("Sign in first.", { status: 401 });
  // made for each request: it costs nothing, and no request may wait for what another one began
  const store = storeOf(() => env.AUTH_STORE.getByName("auth"));
  const client = createAuthClient({ clientMetadata: { client_name: "Example" }, store });
  const session = client.session(env.MCP_SERVER, { subject });

  if (pathname === "/login") {
    const { authorizationUrl, state } = await session.startAuthorization({ redirectUri: `${origin}/callback` });
    const cookie = `__Host-login=${state}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600`;
    return new Response(null, { status: 302, headers: { location: authorizationUrl.href, "set-cookie": cookie } });
  }
  if (pathname === "/callback") {
    await client.finishAuthorization(request.url, { subject, state: cookieOf(request, "__Host-login") });
    return Response.redirect(`${origin}/`);
  }
  const mcp = new Client({ name: "worker-example", version: "1.0.0" });
  await mcp.connect(new StreamableHTTPClientTransport(new URL(env.MCP_SERVER), { fetch: createAuthFetch(session) }));
  const { tools } = await mcp.listTools();
  await mcp.close();
  return Response.json({ subject, tools: tools.map(({ name }) => name) });
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return await answer(request, env);
    } catch (error) {
      if (isAuthError(error, "authorization_required")) return Response.redirect(new URL("/login", request.url).href);
      return new Response(isAuthError(error) ? error.code : "failed", { status: 400 });
    }
  },
};
