// The two routes of a login in Hono, for any runtime that Hono runs in.
import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { createAuthClient, createMemoryStore, isAuthError, type KVStore } from "mcp-oauth-client";

export interface Settings {
  readonly serverUrl: string;
  readonly origin: string;
  /** What every process or isolate of the host shares, such as `createRedisStore(redis)`. */
  readonly store?: KVStore;
}

export function createApp({
  serverUrl,
  origin,
  store = createMemoryStore(),
}: Settings): Hono<{ Variables: { user: string } }> {
  const client = createAuthClient({ clientMetadata: { client_name: "Example" }, store });
  const app = new Hono<{ Variables: { user: string } }>();

  // whoever is signed in to the host: to be taken from its own session
  app.use(async (context, next) => {
    const user = getCookie(context, "user");
    if (user === undefined) return context.text("Sign in first.", 401);
    context.set("user", user);
    await next();
    return undefined;
  });

  app.get("/login", async (context) => {
    const session = client.session(serverUrl, { subject: context.get("user") });
    const { authorizationUrl, state } = await session.startAuthorization({ redirectUri: `${origin}/callback` });
    setCookie(context, "login", state, {
      prefix: "host",
      path: "/",
      secure: true,
      httpOnly: true,
      sameSite: "Lax",
      maxAge: 600,
    });
    return context.redirect(authorizationUrl.href);
  });

  app.get("/callback", async (context) => {
    const state = getCookie(context, "login", "host");
    try {
      const { session } = await client.finishAuthorization(context.req.url, { subject: context.get("user"), state });
      deleteCookie(context, "login", { prefix: "host", path: "/", secure: true });
      return context.text(`${context.get("user")} is logged in at ${session.serverUrl}.`);
    } catch (error) {
      if (!isAuthError(error)) throw error;
      return context.text(`${error.code}: start again at /login.`, 400);
    }
  });
  return app;
}
