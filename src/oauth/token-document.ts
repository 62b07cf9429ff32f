import { TokenError } from "../errors.js";
import { nonEmpty } from "./normalize-response.js";
import { withoutUndefined } from "./without-undefined.js";

/** What a token endpoint granted, with times as milliseconds since the epoch. */
export interface TokenGrant {
  readonly accessToken: string;
  readonly tokenType: string;
  readonly refreshToken?: string;
  readonly idToken?: string;
  readonly scope?: string;
  readonly expiresAt?: number;
  readonly refreshTokenExpiresAt?: number;
  readonly obtainedAt: number;
}

/**
 * Reads a token response (RFC 6749 §5.1). Numbers may be written as strings; a lifetime of zero or less says as little as none,
 * and an empty refresh token is none. The ID token is handed on unread: nobody here relies on its claims, and an odd one must
 * not end a login.
 */
export function readTokenDocument(
  document: Readonly<Record<string, unknown>>,
  party: string,
  obtainedAt: number,
): TokenGrant {
  const { access_token: accessToken, token_type: tokenType, refresh_token: refreshToken, scope } = document;
  const after = (seconds: number): number | undefined =>
    seconds > 0 && seconds < Infinity ? obtainedAt + seconds * 1000 : undefined;
  const lifetime = document["expires_in"] ?? 0;
  if (typeof accessToken !== "string" || accessToken === "") throw invalid(party, "access_token");
  if (typeof tokenType !== "string" || tokenType.toLowerCase() !== "bearer") throw invalid(party, "token_type");
  if (refreshToken !== undefined && typeof refreshToken !== "string") throw invalid(party, "refresh_token");
  if (scope !== undefined && typeof scope !== "string") throw invalid(party, "scope");
  if (Number.isNaN(Number(lifetime))) throw invalid(party, "expires_in");
  return withoutUndefined<TokenGrant>({
    accessToken,
    tokenType,
    refreshToken: nonEmpty(refreshToken),
    idToken: nonEmpty(document["id_token"]),
    scope,
    expiresAt: after(Number(lifetime)),
    refreshTokenExpiresAt: after(Number(document["refresh_token_expires_in"])),
    obtainedAt,
  });
}

const invalid = (party: string, member: string): TokenError =>
  new TokenError(
    "token_response_invalid",
    `the token response of ${party} has no usable "${member}"; its operator has to correct this`,
  );
