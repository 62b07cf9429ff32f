import { TokenError } from "../errors.js";
import type { ServerAllowances } from "../profile-types.js";
import type { OAuthAnswer } from "./normalize-response.js";
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
  readonly clockSkew?: number;
  readonly dpopKeyId?: string;
}

/** The token response as a profile lets it be read. */
export function allowedDocument(
  { document, body }: OAuthAnswer,
  shape: ServerAllowances["tokenResponse"],
): OAuthAnswer["document"] {
  if (shape === "form") return document ?? Object.fromEntries(new URLSearchParams(body));
  if (shape === "untyped" && document) return { token_type: "Bearer", ...document };
  if (!/slack|commas/.test(shape ?? "") || !document) return document;
  const { authed_user: user, ...rest } = document;
  const members: OAuthAnswer["document"] =
    shape === "slack" ? { ...rest, ...(user as object), token_type: "Bearer" } : rest;
  return { ...members, scope: nonEmpty(members["scope"])?.replaceAll(",", " ") };
}

/** What `Date` does not tell: it has whole seconds, and the answer was under way. */
const SKEW_NOISE_MS = 30_000;
/** Some ten thousand years: times beyond that are no times. */
const LONGEST_LIFETIME_S = 3e11;

/**
 * Reads a token response (RFC 6749 §5.1). Numbers may be written as strings; a lifetime of zero or less, or that is no number,
 * says as little as none, for the tokens are good and the ones before them may be dead. An empty refresh token is none. The ID token is handed on unread: nobody here relies on its claims, and an odd one must
 * not end a login.
 */
export function readTokenDocument(
  document: Readonly<Record<string, unknown>>,
  party: string,
  obtainedAt: number,
  date: string | null,
  type: RegExp,
): TokenGrant {
  const { token_type: tokenType, refresh_token: refreshToken, scope } = document;
  const accessToken = nonEmpty(document["access_token"]);
  const after = (seconds: number): number | undefined =>
    seconds > 0 && seconds < LONGEST_LIFETIME_S ? obtainedAt + seconds * 1000 : undefined;
  const clockSkew = Date.parse(date ?? "") - obtainedAt;
  // RFC 6749 §A.12; anything else would be part of the error that fetch makes of it
  if (!accessToken || /[^ -~]/.test(accessToken)) throw invalid(party, "access_token");
  if (typeof tokenType !== "string" || !type.test(tokenType)) throw invalid(party, "token_type");
  if (refreshToken !== undefined && typeof refreshToken !== "string") throw invalid(party, "refresh_token");
  if (scope !== undefined && typeof scope !== "string") throw invalid(party, "scope");
  return withoutUndefined<TokenGrant>({
    accessToken,
    tokenType,
    refreshToken: nonEmpty(refreshToken),
    idToken: nonEmpty(document["id_token"]),
    scope,
    expiresAt: after(Number(document["expires_in"])),
    refreshTokenExpiresAt: after(Number(document["refresh_token_expires_in"])),
    obtainedAt,
    clockSkew: Math.abs(clockSkew) > SKEW_NOISE_MS ? clockSkew : undefined,
  });
}

const invalid = (party: string, member: string): TokenError =>
  new TokenError(
    "token_response_invalid",
    `the token response of ${party} has no usable "${member}"; its operator has to correct this, or a server profile may allow it (tokenResponse)`,
  );
