import { randomFraction, sha256 } from "../platform.js";

/** What a server issues. */
export type SecretKind = "code" | "access_token" | "refresh_token" | "client_secret";

/** Makes secrets, and the names that stand for them where secrets must not be shown. */
export interface Secrets {
  create(kind: SecretKind | "client"): string;
  /** The same name for the same secret: of its kind when issued here, else in the order of appearance. */
  nameOf(secret: string): string;
}

export function createSecrets(known: readonly string[]): Secrets {
  // what one server issued must mean nothing to another
  const suffix = Math.floor(randomFraction() * 2 ** 32).toString(36);
  const names = new Map<string, string>();
  const counts = new Map<string, number>();

  function count(kind: string): number {
    const next = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, next);
    return next;
  }
  function name(secret: string, kind: string): string {
    const made = `[${kind} ${count(kind)}]`;
    names.set(secret, made);
    return made;
  }
  for (const secret of known) name(secret, "client_secret");

  return {
    create(kind) {
      if (kind === "client") return `client-${count(kind)}-${suffix}`;
      const secret = `${kind}-${(counts.get(kind) ?? 0) + 1}-${suffix}`;
      name(secret, kind);
      return secret;
    },
    nameOf: (secret) => names.get(secret) ?? name(secret, "secret"),
  };
}

/** The S256 code challenge of a verifier (RFC 7636 §4.2). */
export async function codeChallengeOf(verifier: string): Promise<string> {
  return (await sha256(verifier)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
