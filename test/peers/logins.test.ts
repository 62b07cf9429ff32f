import { describeLogins, type LoginFacts } from "./describe-logins.ts";
import { startOidcProviderPeer } from "./servers/oidc-provider-peer.ts";
import { startSdkRouterPeer } from "./servers/sdk-router-peer.ts";

const METADATA = "/.well-known/oauth-authorization-server";
const STRICT = { expires: true, stepsUp: true, copiedRefreshToken: "ends the login" } as const;
const OIDC_PROVIDER = {
  ...STRICT,
  peer: "oidc-provider",
  asks: [METADATA, "/reg", "authorization_code"],
  asksUser: true,
} as const;

const PEERS: readonly LoginFacts[] = [
  {
    ...OIDC_PROVIDER,
    name: "oidc-provider with opaque tokens",
    start: () => startOidcProviderPeer(),
    afterRevocation: 401,
  },
  {
    ...OIDC_PROVIDER,
    name: "oidc-provider with JWT tokens",
    start: () => startOidcProviderPeer({ accessTokenFormat: "jwt" }),
    afterRevocation: 200,
  },
  {
    ...STRICT,
    peer: "SDK router",
    name: "the SDK's mcpAuthRouter",
    start: () => startSdkRouterPeer(),
    asks: [METADATA, "/register", "authorization_code"],
    asksUser: false,
    afterRevocation: 401,
  },
];
PEERS.forEach(describeLogins);
