import type { Settings } from "./fake-auth-server-options.js";
import type { Secrets } from "./secrets.js";

/** What a user allowed a client: the family that its codes and tokens belong to. */
export interface Grant {
  readonly clientId: string;
  /** Who gave it: a user, or a client on its own behalf. */
  readonly subject: string;
  readonly scopes: readonly string[];
  /** The audience (RFC 8707); `undefined` when none was asked for. */
  readonly resource: string | undefined;
  revoked: boolean;
}

/** An authorization code and what it is bound to. */
export interface AuthorizationCode {
  readonly grant: Grant;
  readonly redirectUri: string;
  readonly codeChallenge: string | undefined;
  readonly codeChallengeMethod: string | undefined;
  /** What the ID token repeats (OpenID Connect Core §3.1.2.1). */
  readonly nonce: string | undefined;
  readonly expiresAt: number;
  used: boolean;
}

interface AccessToken {
  readonly grant: Grant;
  readonly scopes: readonly string[];
  expiresAt: number;
}

interface RefreshToken {
  readonly grant: Grant;
  readonly expiresAt: number;
  used: boolean;
}

export interface IssuedTokens {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly scope?: string;
}

/** RFC 6749 §4.1.2 recommends ten minutes at most; browsers come back in seconds. */
const CODE_TTL_MS = 60_000;

export type Grants = ReturnType<typeof createGrants>;

/** Codes and tokens, and to which grant each belongs. */
export function createGrants(settings: Settings, secrets: Secrets, now: () => number) {
  const codes = new Map<string, AuthorizationCode>();
  const accessTokens = new Map<string, AccessToken>();
  const refreshTokens = new Map<string, RefreshToken>();

  return {
    create: (grant: Omit<Grant, "revoked">): Grant => ({ ...grant, revoked: false }),
    issueCode(code: Omit<AuthorizationCode, "expiresAt" | "used">): string {
      const value = secrets.create("code");
      codes.set(value, { ...code, expiresAt: now() + CODE_TTL_MS, used: false });
      return value;
    },
    findCode: (code: string): AuthorizationCode | undefined => codes.get(code),
    findRefreshToken: (token: string): RefreshToken | undefined => refreshTokens.get(token),
    findAccessToken: (token: string): AccessToken | undefined => accessTokens.get(token),
    isLive: ({ grant, expiresAt }: { readonly grant: Grant; readonly expiresAt: number }): boolean =>
      !grant.revoked && expiresAt > now(),

    /** New tokens of a grant, each with its full lifetime. */
    issueTokens(grant: Grant, scopes: readonly string[], withRefreshToken: boolean): IssuedTokens {
      const accessToken = secrets.create("access_token");
      accessTokens.set(accessToken, { grant, scopes, expiresAt: now() + settings.accessTokenTtlMs });
      const refreshToken = withRefreshToken ? secrets.create("refresh_token") : undefined;
      if (refreshToken !== undefined) {
        refreshTokens.set(refreshToken, { grant, expiresAt: now() + settings.refreshTokenTtlMs, used: false });
      }
      return {
        access_token: accessToken,
        token_type: "Bearer",
        expires_in: Math.floor(settings.accessTokenTtlMs / 1000),
        ...(refreshToken !== undefined && { refresh_token: refreshToken }),
        ...(scopes.length > 0 && { scope: scopes.join(" ") }),
      };
    },

    /** The grant of a token of either kind. */
    grantOf: (token: string): Grant | undefined => (refreshTokens.get(token) ?? accessTokens.get(token))?.grant,
    /** A refresh token takes its grant with it, an access token goes alone (RFC 7009 §2.1). */
    revokeToken(token: string): void {
      const refreshToken = refreshTokens.get(token);
      if (refreshToken === undefined) accessTokens.delete(token);
      else refreshToken.grant.revoked = true;
    },
    expireAccessTokens(): void {
      for (const token of accessTokens.values()) token.expiresAt = now();
    },
  };
}
