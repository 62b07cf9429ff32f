import type { ClientAuthentication, Grant } from "../grant-types.js";
import { requireSameIssuer } from "../protocol/issuer-binding.js";
import { selectScope } from "../protocol/scope.js";
import type { ClientContext } from "../session/client-context.js";
import { discoverForSession } from "../session/discovery-cache.js";
import { interactOnce, mayStepUp } from "../session/interaction.js";
import { usableTokens } from "../session/refresh.js";
import type { RefreshJob } from "../session/refresh-transaction.js";
import type { Need, TokenCell } from "../session/token-cell.js";
import { stampedServer } from "../session/token-issuer.js";
import type { AuthChallenge, HttpOptions, ServerMetadata, TokenSet } from "../types.js";
import { checkIssuer } from "./check-issuer.js";

/** What {@link createGrant} makes a grant of. @public */
export interface GrantDefinition {
  /** Names the grant and its client in the tokens' key: sessions of one server with different ids do not share tokens. */
  readonly id: string;
  /** The issuer at which it may be used, exactly as its metadata says; at any other nothing is sent, and the session fails with
   * `client_issuer_mismatch`. */
  readonly issuer: string;
  /** Space-separated scopes to begin with; a session widens them when the MCP server demands more.
   * @defaultValue what the MCP server asks for or lists */
  readonly scope?: string | undefined;
  /** How its client proves itself when the tokens are revoked. */
  readonly clientAuthentication?: ClientAuthentication | undefined;
  /** Asks for tokens. Called once at a time for all processes that share the store, and ended after 20 seconds. What it rejects with
   * reaches the caller; errors of this library are followed by a pause. */
  readonly obtain: (context: GrantContext) => Promise<TokenSet>;
}

/** What {@link GrantDefinition.obtain} is given. @public */
export interface GrantContext {
  /** The MCP server and its authorization server, which has the issuer of the grant. */
  readonly server: ServerMetadata;
  /** What to ask for; absent when the authorization server decides. */
  readonly scope?: string | undefined;
  /** The tokens to be replaced. */
  readonly previous?: TokenSet | undefined;
  /** What the MCP server demanded, when it did. */
  readonly challenge?: AuthChallenge | undefined;
  /** How requests are made; its `signal` ends them when they take too long. */
  readonly http: HttpOptions;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Makes a grant of the host's own, for issuers that give tokens to machines in a way that the library does not know.
 *
 * @remarks
 * Finding the issuer, the lock between processes, storing, renewing, pauses after failures and step-up are done around it.
 *
 * @returns what {@link AuthClient.session} takes as `grant`
 * @throws `TypeError` when `id` or `issuer` is missing, or `obtain` is no function
 * @example
 * ```ts
 * const grant = createGrant({
 *   id: "vault",
 *   issuer: "https://auth.example.com",
 *   obtain: async ({ server, now }) => ({
 *     accessToken: await readFile("/run/secrets/mcp-token", "utf8"),
 *     tokenType: "Bearer",
 *     expiresAt: now() + 600_000,
 *     obtainedAt: now(),
 *     issuer: server.issuer,
 *     tokenEndpoint: server.authorizationServer.token_endpoint,
 *     resource: server.resource,
 *     registration: { ...registration, issuer: server.issuer },
 *   }),
 * });
 * ```
 * @public
 */
export function createGrant(definition: GrantDefinition): Grant {
  const { id, clientAuthentication, obtain } = definition;
  const issuer = checkIssuer(definition.issuer, "issuer");
  if (!id || id === "user") throw new TypeError('id must be a name, and not "user"');
  if (typeof obtain !== "function") throw new TypeError("obtain must be a function");
  return Object.freeze<Grant>({
    id,
    issuer,
    clientAuthentication,
    async renew(job: RefreshJob, previous, http: HttpOptions) {
      const { context, cell, need } = job;
      const server = await findServer(job, previous, http.signal);
      requireSameIssuer("the grant", issuer, server.issuer);
      const { challenge } = need;
      const scope =
        need.scope ??
        cell.scope ??
        definition.scope ??
        previous?.requestedScope ??
        selectScope(server, { challenge, offlineAccess: false });
      const tokens = await obtain({ server, scope, previous, challenge, http, now: context.now });
      cell.scope = need.scope ?? cell.scope;
      return { ...tokens, grant: id };
    },
    refuseLogin() {
      throw new TypeError('a session with a "grant" has no user who could log in');
    },
    async widen(context: ClientContext, cell: TokenCell, need: Need, signal) {
      const { scope = "" } = need;
      if (cell.interaction === undefined && !mayStepUp(cell, scope, context.now())) return undefined;
      await interactOnce(cell, (ended) => usableTokens(context, cell, need, ended), signal);
      return cell.tokens;
    },
  });
}

/** What is stored will do for a renewal; after a refusal the MCP server may have moved. */
async function findServer(
  { context, cell, need, metadata }: RefreshJob,
  previous: TokenSet | undefined,
  signal: AbortSignal | undefined,
): Promise<ServerMetadata> {
  const { refused, challenge } = need;
  const known =
    metadata ??
    (previous && refused === undefined
      ? (await context.records.get("issuer", previous.issuer))?.authorizationServer
      : undefined);
  return previous && known
    ? stampedServer(context, cell, previous, known)
    : await discoverForSession(context, cell, { challenge, signal });
}
