import type { Settings } from "./fake-auth-server-options.js";

/** Grant types by the names that the files here use (RFC 6749, RFC 7523, RFC 8628, RFC 8693). */
export const GRANT_TYPE = {
  authorizationCode: "authorization_code",
  refreshToken: "refresh_token",
  clientCredentials: "client_credentials",
  deviceCode: "urn:ietf:params:oauth:grant-type:device_code",
  jwtBearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  tokenExchange: "urn:ietf:params:oauth:grant-type:token-exchange",
} as const;

export type GrantType = (typeof GRANT_TYPE)[keyof typeof GRANT_TYPE];

/** What the token endpoint offers, as `grant_types_supported` says it. */
export function supportedGrantTypes(settings: Settings): GrantType[] {
  const offered: readonly (readonly [GrantType, boolean])[] = [
    [GRANT_TYPE.authorizationCode, true],
    [GRANT_TYPE.refreshToken, settings.issueRefreshTokens !== false],
    [GRANT_TYPE.clientCredentials, settings.clientCredentials],
    [GRANT_TYPE.deviceCode, settings.deviceAuthorization !== undefined],
    [GRANT_TYPE.jwtBearer, settings.identityProviders !== undefined || settings.workloadIssuers !== undefined],
    [GRANT_TYPE.tokenExchange, settings.idJag !== undefined],
  ];
  return offered.flatMap(([grantType, isOffered]) => (isOffered ? [grantType] : []));
}
