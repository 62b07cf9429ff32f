import { scopesOf } from "./fake-auth-server-options.js";
import type { Settings } from "./fake-auth-server-options.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import { parameterOf } from "./received-request.js";

/** Every scope that is worth asking for; empty when any is granted. */
export function supportedScopes(settings: Settings): string[] {
  const offline = settings.issueRefreshTokens === "offline_access" ? ["offline_access"] : [];
  return [...new Set([...(settings.scopes ?? []), ...offline])];
}

/** What a request can be granted: what exists of its `scope`, and what is required when it asks for none. */
export function requestedScopes(settings: Settings, params: URLSearchParams): string[] {
  const requested = scopesOf(parameterOf(params, "scope"));
  if (requested.length === 0) return settings.requiredScopes;
  const scopes =
    settings.scopes === undefined ? requested : requested.filter((one) => supportedScopes(settings).includes(one));
  if (scopes.length === 0) throw new OAuthRefusal(400, "invalid_scope", "none of the requested scopes exists here");
  return scopes;
}
