import type { DiscoverAuthServerOptions } from "../protocol/discover-auth-server.js";
import type { AuthChallenge, ServerMetadata } from "../types.js";
import { protectedResourceMetadataUrls } from "../wire/well-known.js";
import type { ClientContext } from "./client-context.js";
import type { TokenCell } from "./token-cell.js";

const METADATA_FRESH_MS = 3_600_000;

export interface DiscoveryOptions {
  readonly challenge?: AuthChallenge | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether metadata that were read lately are read anew all the same. */
  readonly anew?: boolean | undefined;
}

/**
 * Discovers for a login: the protected resource metadata is always read anew, because the server may have moved to another
 * issuer; metadata of an issuer serves all of its MCP servers for an hour.
 */
export async function discoverForSession(
  context: ClientContext,
  cell: TokenCell,
  { challenge, signal, anew }: DiscoveryOptions,
): Promise<ServerMetadata> {
  const { records, options, http, now } = context;
  const { serverUrl } = cell.key;
  const spared = new Set<string>();
  // a server that once pointed to metadata at a place of its own still has it there when a login starts without a challenge
  const known = challenge?.resourceMetadataUrl
    ? undefined
    : (await records.get("server", serverUrl))?.resourceMetadataUrl;
  const isElsewhere = known !== undefined && !protectedResourceMetadataUrls(cell.serverUrl).includes(known);
  const hint = isElsewhere ? { scheme: "Bearer", ...challenge, resourceMetadataUrl: known } : challenge;
  const request: DiscoverAuthServerOptions = {
    ...http,
    signal,
    challenge: hint,
    selectIssuer: options.selectIssuer,
    legacyFallback: options.legacyFallback,
    profiles: options.profiles,
    async knownAuthorizationServer(issuer) {
      if (anew) return undefined;
      // kept under what the metadata says; a resource may list the same issuer with or without the slash of an empty path
      const other = `${issuer}/`.replace(/\/\/$/, "");
      const stored = (await records.get("issuer", issuer)) ?? (await records.get("issuer", other));
      // written so that a record without a valid time is an old one
      if (!stored || !(Math.abs(now() - stored.fetchedAt) < METADATA_FRESH_MS)) return undefined;
      spared.add(stored.authorizationServer.issuer);
      return stored.authorizationServer;
    },
  };
  const server = await context.discover(new URL(cell.serverUrl), request);
  const { protectedResource, resourceMetadataUrl, authorizationServer, issuer, source } = server;
  const fetchedAt = now();
  if (protectedResource !== undefined && resourceMetadataUrl !== undefined) {
    await records.set("server", serverUrl, { resourceMetadataUrl, protectedResource, fetchedAt });
  }
  if (!spared.has(issuer) && source !== "origin_defaults") {
    await records.set("issuer", issuer, { authorizationServer, fetchedAt });
  }
  context.emit({ type: "discovered", serverUrl, issuer });
  return server;
}
