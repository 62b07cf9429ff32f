import type { TokenSet } from "../types.js";
import { isWithinResource, parseUrl, withoutQuery } from "../wire/url-policy.js";
import type { SessionEngine } from "./session-engine.js";

/** Decides which requests are the session's own: they may get its token, and their 401 and 403 are its business. */
export interface TokenAudience {
  /** Whether the URL is part of the MCP server. */
  readonly includes: (url: URL) => boolean;
  /** Whether these tokens may be sent there. */
  readonly accepts: (url: URL, tokens: TokenSet | undefined) => Promise<boolean>;
}

export function createTokenAudience(
  { context, cell }: SessionEngine,
  includeUrl: ((url: URL) => boolean) | undefined,
): TokenAudience {
  const { serverUrl } = cell;
  const extra = (url: URL): boolean => url.origin === serverUrl.origin && includeUrl?.(url) === true;
  const includes = (url: URL): boolean =>
    !url.pathname.includes("/.well-known/") && (isWithinResource(url, serverUrl.href) || extra(url));
  return {
    includes,
    accepts: async (url, tokens) =>
      includes(url) &&
      (!tokens || ((isWithinResource(url, tokens.resource) || extra(url)) && !(await isOAuthEndpoint(url, tokens)))),
  };

  /** An authorization server on the origin of its MCP server must not be sent access tokens. */
  async function isOAuthEndpoint(url: URL, { issuer, tokenEndpoint }: TokenSet): Promise<boolean> {
    const here = withoutQuery(url);
    if (here === withoutQuery(serverUrl) || new URL(tokenEndpoint).origin !== url.origin) return false;
    const stored = await context.records.get("issuer", issuer);
    const members = { ...stored?.authorizationServer, stamped_endpoint: tokenEndpoint };
    return Object.entries(members).some(([member, value]) => {
      const endpoint = member.endsWith("_endpoint") ? parseUrl(String(value)) : undefined;
      return endpoint && here === withoutQuery(endpoint);
    });
  }
}
