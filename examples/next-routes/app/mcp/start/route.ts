// GET /mcp/start: sends the user to the authorization server.
import { MCP_SERVER, ORIGIN, openClient, userOf } from "../../../lib/auth.ts";

export async function GET(request: Request): Promise<Response> {
  const subject = userOf(request);
  if (subject === undefined) return new Response("Sign in first.", { status: 401 });
  const session = (await openClient()).session(MCP_SERVER, { subject });
  const { authorizationUrl, state } = await session.startAuthorization({ redirectUri: `${ORIGIN}/mcp/callback` });
  const cookie = `__Host-login=${state}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600`;
  return new Response(null, { status: 302, headers: { location: authorizationUrl.href, "set-cookie": cookie } });
}
