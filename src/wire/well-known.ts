/**
 * Where the metadata of a protected resource may be, in the order in which MCP wants them asked (RFC 9728 §3.1). A slash at the end
 * of the path is as the user typed it, and may be one too many.
 */
export function protectedResourceMetadataUrls(serverUrl: URL): readonly string[] {
  const { origin, pathname, search } = serverUrl;
  const root = `${origin}/.well-known/oauth-protected-resource`;
  const bare = pathname.replace(/\/$/, "");
  return [...new Set([root + (bare && pathname) + search, root + bare + search, root])];
}

/** Where the metadata of an issuer may be, in the order in which MCP wants them asked (RFC 8414 §3.1, OpenID Connect Discovery §4). */
export function authorizationServerMetadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const openid = "/.well-known/openid-configuration";
  const urls = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    origin + openid + path,
    origin + path + openid,
  ];
  return [...new Set(urls)];
}
