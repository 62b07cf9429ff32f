import type { KnownKey, ServerTerms } from "./known-keys.js";

/** What `Date` does not tell: it has whole seconds, and the answer was under way. */
const SKEW_NOISE_MS = 30_000;

/** Notes what an answer says about the next proof (RFC 9449 §8.2), and tells whether the refusal of this one may be due to it. */
export function noteTerms(
  { servers }: KnownKey,
  server: string,
  before: ServerTerms,
  headers: Headers,
  now: number,
): (refusal: string | undefined) => boolean {
  const nonce = headers.get("dpop-nonce") ?? before.nonce;
  const skew = Date.parse(headers.get("date") ?? "") - now;
  const clockSkew = Number.isNaN(skew) ? before.clockSkew : Math.abs(skew) > SKEW_NOISE_MS ? skew : 0;
  servers.set(server, { nonce, clockSkew });
  return (refusal) =>
    (refusal === "use_dpop_nonce" && headers.get("dpop-nonce") !== null) ||
    (refusal === "invalid_dpop_proof" && Math.abs(clockSkew - before.clockSkew) > SKEW_NOISE_MS);
}
