import type { Settings } from "./fake-auth-server-options.js";
import type { ReceivedRequest } from "./received-request.js";
import type { FakeEndpoint } from "./request-log.js";

/** Whether a URL is one of the authorization server, rather than of the MCP server: an endpoint, or where its metadata are looked for. */
export function isOwnAuthServerUrl({ endpoints, issuer }: Settings, url: URL): boolean {
  const { protectedResourceMetadata: _, ...own } = endpoints;
  const here = url.origin + url.pathname;
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const lookups = ["oauth-authorization-server", "openid-configuration"].flatMap((name) => [
    `${origin}/.well-known/${name}${path}`,
    `${origin}${path}/.well-known/${name}`,
  ]);
  return [...Object.values(own), ...lookups].includes(here) || here.startsWith(`${own.registration}/`);
}

/** By the URL alone, whether or not there is something: a request for metadata that is elsewhere counts as one for metadata. */
export function endpointOf({ endpoints, serverUrl, issuer }: Settings, { url, form }: ReceivedRequest): FakeEndpoint {
  const here = url.origin + url.pathname;
  if (here === endpoints.authorization) return "authorization";
  if (here === endpoints.consent) return "consent";
  if (here === endpoints.token) return form.get("grant_type") === "refresh_token" ? "refresh" : "token";
  if (here === endpoints.registration) return "registration";
  if (here.startsWith(`${endpoints.registration}/`)) return "clientConfiguration";
  if (here === endpoints.introspection) return "introspection";
  if (here === endpoints.revocation) return "revocation";
  if (here === endpoints.deviceAuthorization) return "deviceAuthorization";
  if (here === endpoints.verification) return "verification";
  if (here === endpoints.keys) return "authorizationServerMetadata";
  const isOurs = url.origin === serverUrl.origin || url.origin === new URL(issuer).origin;
  if (url.href === endpoints.protectedResourceMetadata) return "protectedResourceMetadata";
  if (isOurs && /^\/\.well-known\/oauth-protected-resource(\/|$)/.test(url.pathname))
    return "protectedResourceMetadata";
  if (isOurs && /\/\.well-known\/(oauth-authorization-server|openid-configuration)(\/|$)/.test(url.pathname)) {
    return "authorizationServerMetadata";
  }
  const root = serverUrl.pathname.replace(/\/$/, "");
  const isInside = url.pathname === serverUrl.pathname || url.pathname === root || url.pathname.startsWith(`${root}/`);
  return url.origin === serverUrl.origin && isInside ? "resource" : "unknown";
}
