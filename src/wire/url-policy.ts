import { quoteRemote, TransportError } from "../errors.js";
import type { HttpOptions, UrlPurpose } from "../types.js";

/** What a URL is wanted for and under whose policy. */
export interface GuardContext {
  readonly purpose: UrlPurpose;
  readonly serverUrl: URL;
  readonly http: HttpOptions;
}

export const parseUrl = (value: string | URL, base?: string | URL): URL | undefined => {
  try {
    return new URL(value, base);
  } catch {
    return undefined;
  }
};

export const isHttp = (url: URL | undefined): url is URL => /^https?:$/.test(url?.protocol ?? "");

/** Origin and path: all of a URL that may appear in a message. */
export function withoutQuery(url: string | URL): string {
  const shown = new URL(url);
  shown.username = shown.password = shown.search = shown.hash = "";
  return shown.href;
}

export const describePurpose = (purpose: UrlPurpose): string => purpose.replaceAll("_", " ");

/** `127.` alone would let the domain `127.attacker.example` pass. */
export const isLoopback = ({ hostname }: URL): boolean => /^(.+\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(hostname);

const NO_CREDENTIALS = "must not contain a user name or password";
const hasCredentials = (url: URL): boolean => url.username + url.password !== "";

/**
 * Client ID Metadata Document, section 3. Servers compare the URL as a string, so that it must be what a URL parser leaves alone:
 * no dot segments, no default port, no capitals in the host.
 */
export const isClientIdUrl = (value: string): boolean =>
  parseUrl(value)?.href === value && /^https:\/\/[^/@]+\/[^?#][^#]*$/.test(value);

export function parseServerUrl(value: string | URL): URL {
  const url = parseUrl(value);
  if (!isHttp(url)) {
    throw new TypeError("serverUrl must be an absolute http or https URL");
  }
  if (hasCredentials(url)) throw new TypeError(`serverUrl ${NO_CREDENTIALS}`);
  url.hash = "";
  return url;
}

/** What is wrong with a URL that a server named; `undefined` when nothing is. */
export function findUrlProblem(url: URL | undefined, serverUrl: URL): string | undefined {
  if (!url) return "must be an absolute URL";
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url) && isLoopback(serverUrl))) {
    return "must be https (http only on loopback, for an MCP server on loopback)";
  }
  if (hasCredentials(url)) return NO_CREDENTIALS;
  return url.hash === "" ? undefined : "must not have a fragment";
}

/** Refuses what the library must not request, or not send a user to, and what the host's `allowUrl` does not want. */
export async function checkUrl(value: string | URL, { purpose, serverUrl, http }: GuardContext): Promise<URL> {
  const url = parseUrl(value);
  let problem = findUrlProblem(url, serverUrl);
  if (url && problem === undefined) {
    if (!http.allowUrl || (await http.allowUrl(new URL(url), { purpose, serverUrl }))) return url;
    problem = "is refused by allowUrl";
  }
  const shown = url ? withoutQuery(url) : String(value).replace(/[?#].*/s, "");
  throw new TransportError("insecure_url", `the ${describePurpose(purpose)} URL ${quoteRemote(shown)} ${problem}`, {
    url: shown,
  });
}

/** Accepts https, http on loopback, and private-use schemes in reverse domain notation (RFC 8252 §7); returns the string as given. */
export function checkRedirectUri(value: string | URL): string {
  const url = parseUrl(value);
  const isSafe = url && (/^https:$|\./.test(url.protocol) || (url.protocol === "http:" && isLoopback(url)));
  if (!isSafe || String(value).includes("#")) {
    throw new TypeError(
      "redirectUri must be https, http on loopback or a scheme such as com.example.app:/callback, without fragment",
    );
  }
  return String(value);
}

/** Whether `url` lies in `resource`: same origin, and the path of the resource is a prefix on a segment boundary. */
export function isWithinResource(url: string | URL, resource: string): boolean {
  const inner = parseUrl(url);
  const outer = parseUrl(resource);
  if (!inner || inner.origin !== outer?.origin || resource.includes("#")) return false;
  if (outer.search !== "" && outer.search !== inner.search) return false;
  return `${inner.pathname}/`.startsWith(outer.pathname.replace(/\/?$/, "/"));
}

/** The form under which an MCP server is stored, and its own canonical form: no fragment, no default port, no slashes at the end. */
export const canonicalServerUrl = (url: URL): string => url.origin + url.pathname.replace(/\/+$/, "") + url.search;

/** The resource identifier of a server that publishes none (RFC 8707 §2). */
export const resourceOf = (serverUrl: URL): string =>
  serverUrl.origin + (serverUrl.pathname === "/" ? "" : serverUrl.pathname) + serverUrl.search;

const withoutRootSlash = (issuer: string): string => issuer.replace(/^(https?:\/\/[^/?#]+)\/$/i, "$1");

/**
 * Compares the issuer that a resource listed with the one that metadata claims, code point by code point. The one tolerance is
 * the slash of an empty path, which real servers add or drop; both forms lead to the same metadata URL.
 */
export const isSameIssuer = (listed: string, published: string): boolean =>
  withoutRootSlash(listed) === withoutRootSlash(published);
