// What the two routes of a Next.js application share. In one of yours: your own session in place of the cookie `user`.
import process from "node:process";
import { createAuthClient, type AuthClient } from "mcp-oauth-client";
import { createRedisStore } from "mcp-oauth-client/redis";
import { createClient } from "redis";

export const { ORIGIN = "https://app.example.com", MCP_SERVER = "https://mcp.example.com/mcp" } = process.env;

const redis = createClient({ url: process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379" });
redis.on("error", (error: unknown) => console.error(error));
const store = createRedisStore(redis);

export async function openClient(): Promise<AuthClient> {
  // not at import: a build imports the routes, too
  if (!redis.isOpen) await redis.connect();
  return createAuthClient({ clientMetadata: { client_name: "Example" }, store });
}

export const cookieOf = (request: Request, name: string): string | undefined =>
  new RegExp(`(?:^|; )${name}=([^;]+)`).exec(request.headers.get("cookie") ?? "")?.[1];

/** Whoever is signed in to the site. */
export const userOf = (request: Request): string | undefined => cookieOf(request, "user");
