// A web server whose users log in at an MCP server. /login starts, /callback finishes; they share nothing but the store, so that
// each may run in a process of its own:
//
//   node examples/web-server-split/main.ts https://mcp.example.com/mcp     then open the URL that it prints
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createAuthClient, createAuthFetch, isAuthError, type AuthClient } from "mcp-oauth-client";
import { createFileStore } from "mcp-oauth-client/node";

const [serverUrl = "https://mcp.example.com/mcp"] = process.argv.slice(2);
const port = Number(process.env["PORT"] ?? 3000);
const origin = `http://127.0.0.1:${port}`;
const redirectUri = `${origin}/callback`;
// what every process of a real host would open: the same database or the same folder
const directory = process.env["STORE"] ?? join(tmpdir(), "web-server-split-example");
const openClient = (): AuthClient =>
  createAuthClient({ clientMetadata: { client_name: "Example" }, store: createFileStore({ directory }) });

// Behind https it is `__Host-login` with `Secure`: no other site and no subdomain can set it. Plain http cannot have that prefix.
const COOKIE = "login";
const cookiePattern = new RegExp(`(?:^|; )${COOKIE}=([^;]+)`);
// Whoever is signed in to the host: to be taken from its own session, never from the request's parameters.
const subject = "alice";

async function login(_: IncomingMessage, response: ServerResponse): Promise<void> {
  const session = openClient().session(serverUrl, { subject });
  const { authorizationUrl, state } = await session.startAuthorization({ redirectUri });
  const cookie = `${COOKIE}=${state}; Path=/; HttpOnly; SameSite=Lax; Max-Age=600`;
  response.writeHead(302, { location: authorizationUrl.href, "set-cookie": cookie }).end();
}

async function callback(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const state = cookiePattern.exec(request.headers.cookie ?? "")?.[1];
  await openClient().finishAuthorization(request.url ?? "", { subject, state });
  response.writeHead(302, { location: "/", "set-cookie": `${COOKIE}=; Path=/; Max-Age=0` }).end();
}

async function home(_: IncomingMessage, response: ServerResponse): Promise<void> {
  const session = openClient().session(serverUrl, { subject });
  const answer = await createAuthFetch(session)(serverUrl, { headers: { accept: "text/event-stream" } });
  response.end(`${subject} is logged in; the MCP server answers with status ${answer.status}.\n`);
}

const handlers: Partial<Record<string, typeof home>> = { "/": home, "/login": login, "/callback": callback };
createServer((request, response) => {
  const handler = handlers[new URL(request.url ?? "", origin).pathname];
  if (handler === undefined) return void response.writeHead(404).end();
  handler(request, response).catch((error: unknown) => {
    if (isAuthError(error, "authorization_required")) return response.writeHead(302, { location: "/login" }).end();
    console.error(error);
    return response.writeHead(400, { "content-type": "text/plain" }).end("That did not work; start again at /login.\n");
  });
}).listen(port, "127.0.0.1", () => console.log(`Open ${origin}/`));
