import { sha256 } from "../platform.js";
import type { MaybePromise } from "../index.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import { isEqualInConstantTime } from "./secrets.js";

/** The bearer token of a request (RFC 6750 §2.1). */
export const bearerTokenOf = (request: Request): string | undefined =>
  /^bearer +([^ ]+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];

/** Refuses a request that has not the token with this SHA-256 (RFC 6750 §3). */
export async function requireBearerToken(request: Request, hash: MaybePromise<string> | undefined): Promise<void> {
  const token = bearerTokenOf(request);
  if (token !== undefined && isEqualInConstantTime((await hash) ?? "", await sha256(token))) return;
  throw wrongBearerToken(request);
}

export const wrongBearerToken = (request: Request): OAuthRefusal =>
  new OAuthRefusal(401, "invalid_token", "this needs another bearer token", {
    "www-authenticate": bearerTokenOf(request) === undefined ? "Bearer" : 'Bearer error="invalid_token"',
  });
