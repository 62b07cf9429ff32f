import type { AuthServerContext } from "./auth-server-context.js";
import type { Grant } from "./grants.js";
import { isOpenid } from "./metadata-endpoints.js";

/** The ID token that goes with tokens of a grant with `openid` (OpenID Connect Core §2), at an OpenID provider. */
export async function idTokenOf(
  { settings, signingKey, now }: AuthServerContext,
  grant: Grant,
  nonce?: string,
): Promise<{ readonly id_token?: string }> {
  if (!isOpenid(settings) || !grant.scopes.includes("openid")) return {};
  const issuedAt = Math.floor(now() / 1000);
  const idToken = await signingKey.sign("JWT", {
    iss: settings.issuer,
    sub: grant.subject,
    aud: grant.clientId,
    iat: issuedAt,
    exp: issuedAt + 3600,
    ...(nonce !== undefined && { nonce }),
  });
  return { id_token: idToken };
}
