import type { ServerAllowances, ServerProfile } from "../profile-types.js";
import { isSameIssuer } from "../wire/url-policy.js";

/** What the first profile for this issuer allows. Every pattern up to it is checked, so that one which lets in more than it says is noticed. */
export const allowancesOf = (
  profiles: readonly ServerProfile[] | undefined,
  issuer: string,
): ServerAllowances | undefined =>
  profiles?.find(({ issuer: wanted }) => {
    if (typeof wanted === "string") return wanted === issuer;
    if (!/^\/\^.*\$\/$/.test(String(wanted))) {
      throw new TypeError("profiles: a RegExp must have ^ and $, and no flags");
    }
    return wanted.exec(issuer)?.[0] === issuer;
  })?.allow;

/** Whether this issuer is what a resource lists as `listed`, by its own name or by one that a profile gives it. */
export const answersTo = (profiles: readonly ServerProfile[] | undefined, issuer: string, listed: string): boolean =>
  [issuer, ...(allowancesOf(profiles, issuer)?.issuerAliases ?? [])].some((name) => isSameIssuer(listed, name));
