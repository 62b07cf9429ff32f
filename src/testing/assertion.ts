import type { MaybePromise } from "../index.js";
import type { AuthServerContext } from "./auth-server-context.js";
import type { JsonWebToken } from "./json-web-token.js";
import { isSignedByOneOf } from "./json-web-token.js";

/** What an assertion has to be. */
export interface AssertionRules {
  readonly issuer: string;
  readonly subject?: string | undefined;
  readonly audiences: readonly string[];
  readonly keys: () => MaybePromise<readonly object[]>;
  /** Whether it may come again until it expires; then `jti` may be absent. */
  readonly reusable: boolean;
}

/** Claims that were found good. */
export interface AssertionClaims {
  readonly subject: string;
  readonly [claim: string]: unknown;
}

/** The claims of an assertion, or what is wrong with it (RFC 7523 §3). */
export async function checkAssertion(
  { assertions, now }: AuthServerContext,
  token: JsonWebToken,
  rules: AssertionRules,
): Promise<AssertionClaims | string> {
  const { iss, sub, aud, exp, nbf, iat, jti } = token.claims;
  if (iss !== rules.issuer) return 'the "iss" of the assertion is another';
  if (typeof sub !== "string" || sub === "" || sub !== (rules.subject ?? sub))
    return 'the "sub" of the assertion is wrong';
  const audience: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (!rules.audiences.some((one) => one === audience))
    return `the "aud" of the assertion must be ${rules.audiences[0] ?? ""}`;
  if (typeof exp !== "number" || exp * 1000 <= now()) return "the assertion has expired, or says not when it does";
  if (
    [nbf, iat].some((time) => time !== undefined && !(typeof time === "number" && time * 1000 <= now() + LEEWAY_MS))
  ) {
    return "the assertion is not valid yet";
  }
  if (!rules.reusable && (typeof jti !== "string" || jti === "")) return 'the assertion has no "jti"';
  if (!(await isSignedByOneOf(await rules.keys(), token))) return "the signature of the assertion is wrong";
  // last, so that nobody uses up the assertion of another
  if (!rules.reusable && !assertions.isNew(rules.issuer, jti as string, exp * 1000))
    return "the assertion was used before";
  return { ...token.claims, subject: sub };
}

/** How far clocks may differ. */
const LEEWAY_MS = 30_000;
