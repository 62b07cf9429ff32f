import { DiscoveryError } from "../../src/errors.js";
import type { FakeAuthServer, FakeFault } from "../../src/testing.js";
import type { AuthChallenge, AuthorizationServerMetadata } from "../../src/types.js";
import { failureOf } from "./host.js";

export const serverUrl = "https://mcp.example.com/public/mcp";
export const origin = "https://mcp.example.com";
export const pathUrl = "https://mcp.example.com/.well-known/oauth-protected-resource/public/mcp";
export const rootUrl = "https://mcp.example.com/.well-known/oauth-protected-resource";
export const originUrl = "https://mcp.example.com/.well-known/oauth-authorization-server";
export const issuer = "https://auth.example.com";
export const issuerUrl = "https://auth.example.com/.well-known/oauth-authorization-server";
export const openidUrl = "https://auth.example.com/.well-known/openid-configuration";

/** Servers of 2025-03-26: their own authorization servers, and nothing says so. */
export const LEGACY = { serverUrl, issuer: origin, resourceMetadata: "none" } as const;
export const BARE = { ...LEGACY, metadataKind: "none" } as const;

export type Fault = FakeFault["fault"];

/** Makes a server answer otherwise at one URL, for good. */
export function answerAt({ faults }: FakeAuthServer, url: string, fault: Fault): void {
  const endpoint = url.includes("oauth-protected-resource")
    ? "protectedResourceMetadata"
    : url.includes("/.well-known/")
      ? "authorizationServerMetadata"
      : "unknown";
  faults.add({ endpoint, fault, times: Infinity, when: (request) => request.url === url } as FakeFault);
}

export const requested = ({ requests }: FakeAuthServer): string[] => requests.map(({ url }) => url);

/** What a server publishes. */
export const published = async (fake: FakeAuthServer, url: string) =>
  (await (await fake.fetch(url)).json()) as AuthorizationServerMetadata;

export const resource = (members: object = {}): object => ({
  resource: serverUrl,
  authorization_servers: [issuer],
  ...members,
});
export const metadata = (of = issuer): AuthorizationServerMetadata => ({
  issuer: of,
  token_endpoint: `${issuer}/token`,
});
export const challenge = (resourceMetadataUrl: string): AuthChallenge => ({ scheme: "bearer", resourceMetadataUrl });

export async function refusalOf(promise: Promise<unknown>): Promise<DiscoveryError> {
  const error = await failureOf(promise);
  if (!(error instanceof DiscoveryError)) throw new Error(`no DiscoveryError: ${String(error)}`);
  return error;
}
