import { describeLimits, type Limits } from "./describe-limits.ts";
import { startFastMcpPeer } from "./servers/fastmcp-peer.ts";
import { startOidcProviderPeer } from "./servers/oidc-provider-peer.ts";
import { startSdkExamplePeer } from "./servers/sdk-example-peer.ts";
import { startSdkRouterPeer } from "./servers/sdk-router-peer.ts";
import { startWorkersOAuthProviderPeer } from "./servers/workers-oauth-provider-peer.ts";

const SIMPLE = [
  "change and delete client",
  "DPoP",
  "client credentials",
  "private_key_jwt",
  "device code",
  "token exchange",
  "ID-JAG",
] as const;

const PEERS: readonly Limits[] = [
  {
    peer: "oidc-provider",
    name: "oidc-provider",
    start: () => startOidcProviderPeer(),
    absent: ["token exchange", "ID-JAG"],
    foreignResource: "invalid_target",
    sendsIss: true,
  },
  {
    peer: "SDK router",
    name: "the SDK's mcpAuthRouter",
    start: () => startSdkRouterPeer(),
    absent: ["metadata document", ...SIMPLE],
    foreignResource: "invalid_target",
    sendsIss: false,
  },
  {
    peer: "SDK example",
    name: "the SDK's example server",
    start: () => startSdkExamplePeer(),
    absent: ["metadata document", ...SIMPLE],
    foreignResource: "status 500",
    sendsIss: false,
  },
  {
    peer: "workers",
    name: "workers-oauth-provider in workerd",
    start: () => startWorkersOAuthProviderPeer(),
    absent: ["change and delete client", "DPoP", "client credentials", "device code"],
    foreignResource: "invalid_target",
    sendsIss: true,
  },
  {
    peer: "FastMCP",
    name: "FastMCP's proxy before oidc-provider",
    start: () => startFastMcpPeer(),
    absent: ["forgotten client", ...SIMPLE],
    foreignResource: "a token",
    sendsIss: false,
  },
];
PEERS.forEach(describeLimits);
