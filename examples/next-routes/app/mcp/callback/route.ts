// GET /mcp/callback: where the authorization server sends the user back to.
import { createAuthFetch, isAuthError } from "mcp-oauth-client";
import { cookieOf, openClient, userOf } from "../../../lib/auth.ts";

export async function GET(request: Request): Promise<Response> {
  const subject = userOf(request);
  if (subject === undefined) return new Response("Sign in first.", { status: 401 });
  try {
    const state = cookieOf(request, "__Host-login");
    const { session } = await (await openClient()).finishAuthorization(request.url, { subject, state });
    // from here on every route calls the MCP server as this user
    const answer = await createAuthFetch(session)(session.serverUrl, { headers: { accept: "text/event-stream" } });
    return new Response(`${subject} is logged in; the MCP server answers with status ${answer.status}.\n`);
  } catch (error) {
    if (!isAuthError(error)) throw error;
    return new Response(`${error.code}: start again at /mcp/start.\n`, { status: 400 });
  }
}
