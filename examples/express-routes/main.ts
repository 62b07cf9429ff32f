// The two routes of a login in Express:  node examples/express-routes/main.ts https://mcp.example.com/mcp
import process from "node:process";
import express, { type Request } from "express";
import { createAuthClient, isAuthError } from "mcp-oauth-client";

const [serverUrl = "https://mcp.example.com/mcp"] = process.argv.slice(2);
const origin = process.env["ORIGIN"] ?? "http://127.0.0.1:3000";
// with `store`: what every process of the host shares, such as createRedisStore(redis)
const client = createAuthClient({ clientMetadata: { client_name: "Example" } });

const cookieOf = (request: Request, name: string) =>
  new RegExp(`(?:^|; )${name}=([^;]+)`).exec(request.headers.cookie ?? "")?.[1];
/** Whoever is signed in to the host: to be taken from its own session. */
const userOf = (request: Request) => cookieOf(request, "user");

const app = express();

app.get("/login", async (request, response) => {
  const subject = userOf(request);
  if (subject === undefined) return void response.status(401).send("Sign in first.");
  const session = client.session(serverUrl, { subject });
  const { authorizationUrl, state } = await session.startAuthorization({ redirectUri: `${origin}/callback` });
  // behind https: __Host-login, with secure: true
  response.cookie("login", state, { httpOnly: true, sameSite: "lax", maxAge: 600_000 });
  response.redirect(authorizationUrl.href);
});

app.get("/callback", async (request, response) => {
  const subject = userOf(request);
  if (subject === undefined) return void response.status(401).send("Sign in first.");
  try {
    const state = cookieOf(request, "login");
    const { session } = await client.finishAuthorization(request.url, { subject, state });
    response.clearCookie("login").send(`${subject} is logged in at ${session.serverUrl}.`);
  } catch (error) {
    if (!isAuthError(error)) throw error;
    response.status(400).send(`${error.code}: start again at /login.`);
  }
});

const listener = app.listen(Number(new URL(origin).port), "127.0.0.1", () => console.log(`Open ${origin}/login`));
process.once("SIGTERM", () => listener.close());
