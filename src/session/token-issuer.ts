import type { AnyAuthError } from "../errors.js";
import type { AuthChallenge, AuthorizationServerMetadata, ServerMetadata, TokenSet } from "../types.js";
import { allowancesOf, answersTo } from "../protocol/server-profile.js";
import type { ClientContext } from "./client-context.js";
import { discoverForSession } from "./discovery-cache.js";
import type { TokenCell } from "./token-cell.js";

/** The server as the tokens are stamped, which is all a refresh needs and never leads elsewhere. */
export const stampedServer = (
  { options }: ClientContext,
  { serverUrl }: TokenCell,
  { issuer, resource, tokenEndpoint }: TokenSet,
  authorizationServer: AuthorizationServerMetadata = { issuer, token_endpoint: tokenEndpoint },
): ServerMetadata => ({
  serverUrl: serverUrl.href,
  resource,
  issuer,
  authorizationServer,
  source: "protected_resource",
  allowances: allowancesOf(options.profiles, issuer),
});

/** Whether the MCP server now names other authorization servers than the one these tokens are from. */
export async function hasMoved(
  context: ClientContext,
  cell: TokenCell,
  { issuer }: TokenSet,
  challenge: AuthChallenge | undefined,
): Promise<boolean> {
  // metadata that cannot be read says nothing about a move
  const server = await discoverForSession(context, cell, { challenge }).catch(() => undefined);
  const listed = server?.protectedResource?.authorization_servers ?? [server?.issuer ?? issuer];
  return !listed.some((candidate) => answersTo(context.options.profiles, issuer, candidate));
}

/** Whether an error says that there is no token endpoint any more at its URL, or nobody to ask. */
export const isGone = ({ code, status }: AnyAuthError & { readonly status?: number }): boolean =>
  /network_error|request_timeout|(404|405|410)$/.test(`${code} ${status}`);

/** What the issuer of the tokens publishes now, if it has moved its token endpoint. */
export async function findMovedEndpoint(
  context: ClientContext,
  cell: TokenCell,
  { issuer, tokenEndpoint }: TokenSet,
): Promise<AuthorizationServerMetadata | undefined> {
  const server = await discoverForSession(context, cell, { anew: true }).catch(() => undefined);
  const metadata = server?.issuer === issuer ? server.authorizationServer : undefined;
  return metadata?.token_endpoint === tokenEndpoint ? undefined : metadata;
}
