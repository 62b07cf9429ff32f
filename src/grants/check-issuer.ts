import { isHttp, parseUrl } from "../wire/url-policy.js";

/** An issuer as given, once it is sure that it can be one. */
export function checkIssuer(issuer: string, name: string): string {
  if (typeof issuer === "string" && isHttp(parseUrl(issuer))) return issuer;
  throw new TypeError(`${name} must be the issuer's identifier, an absolute URL as in its metadata`);
}
