import { createExpiringMap } from "./expiring-map.js";

/** Remembers assertions until they expire, so that none is taken twice (RFC 7523 §3, item 7). */
export interface AssertionLog {
  /** Whether it is the first time that this issuer's `jti` comes. */
  isNew(issuer: string, jti: string, expiresAt: number): boolean;
}

export function createAssertionLog(now: () => number): AssertionLog {
  const seen = createExpiringMap<number>(now, (expiresAt) => expiresAt);
  return {
    isNew(issuer, jti, expiresAt) {
      const key = JSON.stringify([issuer, jti]);
      if ((seen.get(key) ?? 0) > now()) return false;
      seen.set(key, expiresAt);
      return true;
    },
  };
}
