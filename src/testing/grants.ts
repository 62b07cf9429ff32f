import { sha256 } from "../platform.js";
import { createExpiringMap } from "./expiring-map.js";
import type { Settings } from "./fake-auth-server-options.js";
import type { Persistence } from "./persistence.js";
import type { Secrets } from "./secrets.js";

/** What a user allowed a client: the family that its codes and tokens belong to. */
export interface Grant {
  readonly id: string;
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

export interface AccessToken {
  readonly grant: Grant;
  readonly scopes: readonly string[];
  readonly issuedAt: number;
  expiresAt: number;
}

export interface RefreshToken {
  readonly grant: Grant;
  readonly expiresAt: number;
  /** When it was first used, if it was. */
  usedAt: number | undefined;
}

/** A token in the store, where its grant stands once. */
interface StoredToken {
  readonly grantId: string;
  readonly token: Omit<AccessToken, "grant"> | Omit<RefreshToken, "grant">;
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

const expiryOf = ({ expiresAt }: { readonly expiresAt: number }): number => expiresAt;

const storedKeyOf = async (kind: string, token: string): Promise<string> => `${kind}:${await sha256(token)}`;

/** Codes and tokens, and to which grant each belongs. Tokens that were used stay known until they expire, so that their reuse is seen. */
export function createGrants(settings: Settings, secrets: Secrets, persistence: Persistence, now: () => number) {
  const codes = createExpiringMap<AuthorizationCode>(now, (code) => code.expiresAt + CODE_TTL_MS);
  const accessTokens = createExpiringMap<AccessToken>(now, expiryOf);
  const refreshTokens = createExpiringMap<RefreshToken>(now, expiryOf);
  const loadedGrants = createExpiringMap<{ readonly grant: Grant; readonly expiresAt: number }>(now, expiryOf);
  const longestTtlMs = Math.max(settings.accessTokenTtlMs, settings.refreshTokenTtlMs);

  function saveGrant(grant: Grant): void {
    persistence.save(`grant:${grant.id}`, grant, now() + longestTtlMs);
  }
  function saveToken(kind: string, value: string, { grant, ...token }: AccessToken | RefreshToken): void {
    const record: StoredToken = { grantId: grant.id, token };
    persistence.save(storedKeyOf(kind, value), record, token.expiresAt);
  }
  function revoke(grant: Grant): void {
    grant.revoked = true;
    saveGrant(grant);
  }

  async function loadGrant(id: string): Promise<Grant | undefined> {
    const stored = (await persistence.load(`grant:${id}`)) as Grant | undefined;
    const isEnded = stored !== undefined && (await persistence.load(`ended:${stored.clientId}`)) !== undefined;
    // looked up last: whoever asked at the same time gets the same object
    const known = loadedGrants.get(id)?.grant;
    if (known !== undefined || stored === undefined) return known;
    const grant = { ...stored, revoked: stored.revoked || isEnded };
    loadedGrants.set(id, { grant, expiresAt: now() + longestTtlMs });
    return grant;
  }
  async function find<T extends AccessToken | RefreshToken>(
    kind: string,
    tokens: { get(key: string): T | undefined; set(key: string, value: T): void },
    value: string,
  ): Promise<T | undefined> {
    const held = tokens.get(value);
    if (held !== undefined) return held;
    const stored = (await persistence.load(await storedKeyOf(kind, value))) as StoredToken | undefined;
    const grant = stored && (await loadGrant(stored.grantId));
    const known = tokens.get(value);
    if (known !== undefined || stored === undefined || grant === undefined) return known;
    const loaded = { ...stored.token, grant } as T;
    tokens.set(value, loaded);
    return loaded;
  }
  const findAccessToken = (token: string): Promise<AccessToken | undefined> =>
    find("access_token", accessTokens, token);
  const findRefreshToken = (token: string): Promise<RefreshToken | undefined> =>
    find("refresh_token", refreshTokens, token);

  return {
    create: (grant: Omit<Grant, "id" | "revoked">): Grant => ({
      ...grant,
      id: secrets.create("grant"),
      revoked: false,
    }),
    issueCode(code: Omit<AuthorizationCode, "expiresAt" | "used">): string {
      const value = secrets.create("code");
      codes.set(value, { ...code, expiresAt: now() + CODE_TTL_MS, used: false });
      return value;
    },
    findCode: (code: string): AuthorizationCode | undefined => codes.get(code),
    findAccessToken,
    findRefreshToken,
    isLive: ({ grant, expiresAt }: { readonly grant: Grant; readonly expiresAt: number }): boolean =>
      !grant.revoked && expiresAt > now(),

    /** New tokens of a grant, each with its full lifetime. */
    issueTokens(grant: Grant, scopes: readonly string[], withRefreshToken: boolean): IssuedTokens {
      saveGrant(grant);
      const accessToken = secrets.create("access_token");
      const access = { grant, scopes, issuedAt: now(), expiresAt: now() + settings.accessTokenTtlMs };
      accessTokens.set(accessToken, access);
      saveToken("access_token", accessToken, access);
      const refreshToken = withRefreshToken ? secrets.create("refresh_token") : undefined;
      if (refreshToken !== undefined) {
        const refresh = { grant, expiresAt: now() + settings.refreshTokenTtlMs, usedAt: undefined };
        refreshTokens.set(refreshToken, refresh);
        saveToken("refresh_token", refreshToken, refresh);
      }
      return {
        access_token: accessToken,
        token_type: "Bearer",
        expires_in: Math.floor(settings.accessTokenTtlMs / 1000),
        ...(refreshToken !== undefined && { refresh_token: refreshToken }),
        ...(scopes.length > 0 && { scope: scopes.join(" ") }),
      };
    },
    markUsed(value: string, token: RefreshToken): void {
      token.usedAt = now();
      saveToken("refresh_token", value, token);
    },

    revoke,
    /** The grant of a token of either kind, as far as it is known without asking the store. */
    knownGrantOf: (token: string): Grant | undefined => (refreshTokens.get(token) ?? accessTokens.get(token))?.grant,
    /** The grant of a token of either kind. */
    grantOf: async (token: string): Promise<Grant | undefined> =>
      ((await findRefreshToken(token)) ?? (await findAccessToken(token)))?.grant,
    /** A refresh token takes its grant with it, an access token goes alone (RFC 7009 §2.1). It was found before. */
    revokeToken(token: string): void {
      const refreshToken = refreshTokens.get(token);
      if (refreshToken !== undefined) revoke(refreshToken.grant);
      else if (accessTokens.delete(token)) persistence.save(storedKeyOf("access_token", token), undefined);
    },
    /** Ends every grant of a client that is no more. */
    endAllOf(clientId: string): void {
      for (const { grant } of [...accessTokens.values(), ...refreshTokens.values()]) {
        if (grant.clientId === clientId) grant.revoked = true;
      }
      persistence.save(`ended:${clientId}`, {}, now() + longestTtlMs);
    },
    expireAccessTokens(): void {
      for (const [value, token] of accessTokens.entries()) {
        token.expiresAt = now();
        persistence.save(storedKeyOf("access_token", value), undefined);
      }
    },
  };
}
