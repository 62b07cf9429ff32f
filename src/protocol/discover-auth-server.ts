import { DiscoveryError, quoteRemote } from "../errors.js";
import type { DiscoveryErrorCode } from "../error-codes.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import type { ServerProfile } from "../profile-types.js";
import type {
  AuthChallenge,
  AuthorizationServerMetadata,
  HttpOptions,
  MaybePromise,
  ProtectedResourceMetadata,
  ServerMetadata,
} from "../types.js";
import { parseAuthorizationServerMetadata, parseProtectedResourceMetadata } from "../wire/documents.js";
import { publicKey } from "../wire/public-key.js";
import {
  findUrlProblem,
  isSameIssuer,
  isWithinResource,
  parseServerUrl,
  parseUrl,
  resourceOf,
  withoutQuery,
} from "../wire/url-policy.js";
import { authorizationServerMetadataUrls, protectedResourceMetadataUrls } from "../wire/well-known.js";
import { allowancesOf, answersTo } from "./server-profile.js";
import { findMetadata, throwFailure } from "./metadata-lookup.js";
import type { DiscoveryStep, MetadataLookup, Reading } from "./metadata-lookup.js";

/** Options of {@link discoverAuthServer}. @public */
export interface DiscoverAuthServerOptions extends HttpOptions {
  /** What the MCP server's 401 asked for; its `resource_metadata` is asked first. From {@link parseAuthChallenge}. */
  readonly challenge?: AuthChallenge | undefined;
  /** Chooses among the issuers that the protected resource metadata lists, and must return one of them verbatim. Only that one is tried.
   * @defaultValue of the first ten the first that has usable metadata; one that cannot be reached just now is not passed over */
  readonly selectIssuer?:
    ((issuers: readonly string[], resource: ProtectedResourceMetadata) => MaybePromise<string>) | undefined;
  /** Whether a server that answers "not found" at every metadata URL is taken for one of MCP revision 2025-03-26, whose
   * authorization server is its own origin.
   * @defaultValue true */
  readonly legacyFallback?: boolean | undefined;
  /** Metadata that the host holds of an issuer, as the protected resource metadata spells it, and considers fresh. It spares the
   * request, and is checked like an answer. */
  readonly knownAuthorizationServer?:
    ((issuer: string) => MaybePromise<AuthorizationServerMetadata | undefined>) | undefined;
  /** What is known of authorization servers that deviate; see {@link ServerProfile}.
   * @defaultValue none: nothing is allowed to anybody */
  readonly profiles?: readonly ServerProfile[] | undefined;
  /** Hears of every metadata URL that is asked, in order, with what came of it; for tools that explain a server. What it throws
   * ends the discovery. */
  readonly onStep?: ((step: DiscoveryStep) => void) | undefined;
}

/**
 * Finds the authorization server of an MCP server and reads its metadata. Call it first; the result is what registration and
 * authorization start from, and is plain JSON that may be stored.
 *
 * @remarks
 * Sends GET requests without credentials: to the `resource_metadata` URL of the challenge, or to the well-known URLs of RFC 9728,
 * then to those of RFC 8414 and OpenID Connect Discovery for the issuer, each list in the order of the MCP specification and only
 * until one answers with a document that can be used. Verified are: that `resource` covers `serverUrl` (same origin, path prefix on a
 * segment boundary) and is https, or http on loopback, that `issuer` is the one that was listed, code point by code point save for
 * the slash of an empty path, and that endpoints are https. Whether the server supports PKCE is judged by {@link createAuthorizationRequest}.
 * A server error, a timeout or a refusal is never taken for "not found": it does not lead to the fallback for old servers.
 *
 * @param serverUrl - the URL of the MCP endpoint, as the user entered it
 * @param options - transport, policy, and the challenge when there was one
 * @returns the authorization server, the resource to ask tokens for, and where both were found
 * @throws `TypeError` when `serverUrl` is no http or https URL or contains a password, and when `selectIssuer` returns another issuer
 * @throws {@link DiscoveryError} `discovery_failed` when no usable answer came, with a {@link TransportError} as `cause` when that
 * may change by itself; `metadata_invalid` and `metadata_issuer_mismatch` when a document must not be used; `resource_mismatch`
 * when it is about another resource. `attempts` lists every URL that was tried.
 * @throws {@link TransportError} `insecure_url` when the server names a URL that is not https, or that `allowUrl` refuses
 * @example
 * ```ts
 * const server = await discoverAuthServer("https://mcp.example.com/mcp");
 * console.log(server.issuer, server.authorizationServer.scopes_supported);
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc9728#section-3 | RFC 9728 §3}
 * @see {@link https://www.rfc-editor.org/rfc/rfc8414#section-3 | RFC 8414 §3}
 * @public
 */
export async function discoverAuthServer(
  serverUrl: string | URL,
  options: DiscoverAuthServerOptions = {},
): Promise<ServerMetadata> {
  const url = parseServerUrl(serverUrl);
  const lookup: MetadataLookup = { serverUrl: url, http: options, attempts: [] };
  const named = options.challenge?.resourceMetadataUrl;
  const urls = protectedResourceMetadataUrls(url);
  const found = await findMetadata(
    lookup,
    "protected_resource_metadata",
    // a value that is no URL counts as absent
    named !== undefined && parseUrl(named) ? [...new Set([named, ...urls])] : urls,
    (document) => readProtectedResource(document, url),
  );
  const { value: protectedResource, url: resourceMetadataUrl } = found ?? {};
  const server = protectedResource
    ? {
        resource: protectedResource.resource,
        authorizationServer: await findAuthorizationServer(lookup, protectedResource, options),
        protectedResource,
        resourceMetadataUrl,
        source: "protected_resource" as const,
      }
    : await useOrigin(lookup, options);
  const { issuer } = server.authorizationServer;
  const allowances = allowancesOf(options.profiles, issuer);
  return withoutUndefined<ServerMetadata>({ serverUrl: String(serverUrl), issuer, ...server, allowances });
}

type UsableResource = ProtectedResourceMetadata & { readonly authorization_servers: readonly string[] };

function readProtectedResource(document: object, serverUrl: URL): Reading<UsableResource> {
  const parsed = parseProtectedResourceMetadata(document);
  if (parsed.problem !== undefined) return parsed;
  const { resource, authorization_servers = [] } = parsed.value;
  if (!isWithinResource(serverUrl, resource)) {
    const problem = `"resource" is ${quoteRemote(publicKey(resource))}, which does not cover ${withoutQuery(serverUrl)}`;
    return { code: "resource_mismatch", problem };
  }
  const insecure = findUrlProblem(parseUrl(resource), serverUrl);
  if (insecure) return { problem: `"resource" ${insecure}` };
  if (authorization_servers.length === 0) return { problem: '"authorization_servers" must list an issuer' };
  return { value: { ...parsed.value, authorization_servers } };
}

async function findAuthorizationServer(
  lookup: MetadataLookup,
  protectedResource: UsableResource,
  { selectIssuer, knownAuthorizationServer, profiles }: DiscoverAuthServerOptions,
): Promise<AuthorizationServerMetadata> {
  const listed = protectedResource.authorization_servers;
  // a resource must not be able to have any number of hosts asked
  let issuers = listed.slice(0, 10);
  if (selectIssuer) {
    const selected = await selectIssuer(listed, protectedResource);
    if (!listed.includes(selected))
      throw new TypeError("selectIssuer must return one of the issuers that it was given");
    issuers = [selected];
  }
  let failure: unknown;
  for (const issuer of issuers) {
    const { serverUrl, http, attempts } = lookup;
    const own: MetadataLookup = { serverUrl, http, attempts };
    const read = (document: object): Reading<AuthorizationServerMetadata> =>
      readAuthorizationServer(document, issuer, serverUrl, profiles, protectedResource.resource);
    const refuse = (code: DiscoveryErrorCode, problem: string): DiscoveryError =>
      new DiscoveryError(code, `the authorization server ${quoteRemote(issuer)} ${problem}`, { attempts });
    if (!ISSUER.test(issuer) || !parseUrl(issuer)) {
      failure ??= refuse(
        "metadata_invalid",
        "that the MCP server lists is not an https URL without query and fragment; the operator of the MCP server has to correct this",
      );
      continue;
    }
    const reading = read((await knownAuthorizationServer?.(issuer)) ?? {});
    if (reading.value) return reading.value;
    const found = await findMetadata(
      own,
      "authorization_server_metadata",
      authorizationServerMetadataUrls(issuer),
      read,
    );
    if (found) return found.value;
    // To pass over a server that is merely down would hand its users to another one.
    if (own.isTransient === true) throwFailure(own);
    failure ??= own.failure ?? refuse("discovery_failed", "publishes no metadata; its operator has to (RFC 8414)");
  }
  throw failure;
}

/** Raw text, because parsing would hide an empty query and drop a user name. */
const ISSUER = /^https?:\/\/[^/?#@\\]+(\/[^?#]*)?$/i;

function readAuthorizationServer(
  document: object,
  issuer: string,
  serverUrl: URL,
  profiles: readonly ServerProfile[] | undefined,
  resource?: string,
): Reading<AuthorizationServerMetadata> {
  const parsed = parseAuthorizationServerMetadata(document);
  if (parsed.problem !== undefined) return parsed;
  const metadata = parsed.value;
  if (!answersTo(profiles, metadata.issuer, issuer)) {
    const problem = `"issuer" is ${quoteRemote(metadata.issuer)}, expected ${quoteRemote(issuer)}; a server profile may allow it (issuerAliases)`;
    return { code: "metadata_issuer_mismatch", problem };
  }
  for (const member of ["authorization_endpoint", "token_endpoint"] as const) {
    const value = metadata[member];
    if (value === undefined) continue;
    const problem = findUrlProblem(parseUrl(value), serverUrl);
    if (problem !== undefined) return { problem: `"${member}" is ${quoteRemote(value)}, but ${problem}` };
  }
  const resources = metadata.protected_resources;
  if (resource !== undefined && resources?.some((listed) => isSameIssuer(listed, resource)) === false) {
    const problem = `"protected_resources" does not list ${quoteRemote(publicKey(resource))}`;
    return { code: "resource_mismatch", problem };
  }
  return { value: metadata };
}

/** Servers of MCP revision 2025-03-26 are their own authorization server. */
async function useOrigin(
  lookup: MetadataLookup,
  { legacyFallback = true, profiles }: DiscoverAuthServerOptions,
): Promise<Pick<ServerMetadata, "resource" | "authorizationServer" | "source">> {
  const { serverUrl, attempts } = lookup;
  const issuer = serverUrl.origin;
  const urls = authorizationServerMetadataUrls(issuer).slice(0, 1);
  throwFailure(lookup);
  const found = legacyFallback
    ? await findMetadata(lookup, "authorization_server_metadata", urls, (document) =>
        readAuthorizationServer(document, issuer, serverUrl, profiles),
      )
    : undefined;
  throwFailure(lookup);
  // a site that answers everything with a page has said nothing
  if (!found && (!legacyFallback || attempts.at(-1)?.status === 200)) {
    throw new DiscoveryError(
      "discovery_failed",
      `the MCP server ${withoutQuery(serverUrl)} publishes no protected resource metadata; its operator has to (RFC 9728)`,
      { attempts },
    );
  }
  const resource = resourceOf(serverUrl);
  const authorizationServer = found?.value ?? {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
  };
  return {
    resource,
    authorizationServer,
    source: found ? "origin_metadata" : "origin_defaults",
  };
}
