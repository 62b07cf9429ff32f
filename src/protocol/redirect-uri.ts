import { isLoopback, parseUrl } from "../wire/url-policy.js";

/** Whether two redirect URIs are one: as URLs, on loopback whatever their port (RFC 8252 §7.3). */
export const isSameRedirectUri = (one: string, other: string): boolean => comparable(one) === comparable(other);

/** Whether a client with these redirect URIs may use this one; an empty list means that they are not known. */
export const isRegisteredRedirectUri = (redirectUri: string, registered: readonly string[]): boolean =>
  registered.length === 0 || registered.some((one) => isSameRedirectUri(one, redirectUri));

function comparable(redirectUri: string): string {
  const url = parseUrl(redirectUri);
  if (url?.protocol === "http:" && isLoopback(url)) url.port = "";
  return url?.href ?? redirectUri;
}
