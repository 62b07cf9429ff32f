import { randomFraction, sha256 } from "../platform.js";

/** What a server issues. */
export type SecretKind =
  "code" | "device_code" | "access_token" | "refresh_token" | "id_jag" | "client_secret" | "registration_access_token";

/** Makes secrets, and the names that stand for them where secrets must not be shown. */
export interface Secrets {
  create(kind: SecretKind | "client" | "grant"): string;
  /** The same name for the same secret: of its kind when issued here, else in the order of appearance. Names that were not needed for
   * long are forgotten. */
  nameOf(secret: string): string;
}

/** As many as the log can hold of them, and some. */
const MAX_NAMES = 5000;

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
    keep(secret, made);
    return made;
  }
  /** The name that was needed last is forgotten last. */
  function keep(secret: string, made: string): void {
    names.delete(secret);
    names.set(secret, made);
    if (names.size <= MAX_NAMES) return;
    for (const oldest of names.keys()) {
      names.delete(oldest);
      break;
    }
  }
  for (const secret of known) name(secret, "client_secret");

  return {
    create(kind) {
      if (kind === "client" || kind === "grant") return `${kind}-${count(kind)}-${suffix}`;
      const secret = `${kind}-${(counts.get(kind) ?? 0) + 1}-${suffix}`;
      name(secret, kind);
      return secret;
    },
    nameOf(secret) {
      const known = names.get(secret);
      if (known === undefined) return name(secret, "secret");
      keep(secret, known);
      return known;
    },
  };
}

/** Compares without telling by the time it takes how much is the same. */
export function isEqualInConstantTime(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let index = 0; index < other.length; index += 1) {
    difference |= one.charCodeAt(index % (one.length || 1)) ^ other.charCodeAt(index);
  }
  return difference === 0;
}

/** The S256 code challenge of a verifier (RFC 7636 §4.2). */
export async function codeChallengeOf(verifier: string): Promise<string> {
  return (await sha256(verifier)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
