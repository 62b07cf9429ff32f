import type { KnownClient } from "./clients.js";
import { OAuthRefusal } from "./oauth-refusal.js";

/** RFC 8252 §7, RFC 9700 §2.6; with `applicationType`, OpenID Connect Registration §2 as well. */
export function requireRedirectUri(uri: string, applicationType: string | undefined): void {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined || uri.includes("#"))
    throw invalidRedirectUri("each must be an absolute URL without a fragment");
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  const kind =
    url.protocol === "https:"
      ? "https"
      : url.protocol === "http:"
        ? "http"
        : url.protocol.includes(".")
          ? "private"
          : "other";
  if (kind === "other" || (kind === "http" && !isLoopback)) {
    throw invalidRedirectUri("each must be https, http on loopback, or of a private-use scheme");
  }
  if (applicationType === "web" && (kind !== "https" || isLoopback)) {
    throw invalidRedirectUri("a web application needs https, and not localhost");
  }
  if (applicationType === "native" && kind === "https") {
    throw invalidRedirectUri("a native application needs http on loopback, or a private-use scheme");
  }
}

export const invalidRedirectUri = (description: string): OAuthRefusal =>
  new OAuthRefusal(400, "invalid_redirect_uri", `"redirect_uris": ${description}`);

/** Whether a redirect URI is the registered one; the port of a loopback address may differ (RFC 8252 §7.3). */
export function isRegisteredRedirectUri(uri: string, client: KnownClient, anyLoopbackPort: boolean): boolean {
  return client.redirect_uris.some(
    (registered) => registered === uri || (anyLoopbackPort && withoutPort(registered) === (withoutPort(uri) ?? "")),
  );
}

function withoutPort(uri: string): string | undefined {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.protocol !== "http:" || (url.hostname !== "127.0.0.1" && url.hostname !== "[::1]")) return undefined;
  url.port = "";
  return url.href;
}
