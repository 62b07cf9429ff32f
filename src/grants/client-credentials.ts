import type { Grant } from "../grant-types.js";
import { createGrant } from "./create-grant.js";
import { authenticationOf, type GrantClient } from "./grant-client.js";
import { requestByGrant } from "./request-by-grant.js";

/** Options of {@link clientCredentials}. @public */
export interface ClientCredentialsOptions extends GrantClient {
  /** The issuer that knows this client, exactly as its metadata says; at any other nothing is sent. */
  readonly issuer: string;
  /** Space-separated scopes to begin with.
   * @defaultValue what the MCP server asks for or lists */
  readonly scope?: string | undefined;
}

/**
 * The grant of a machine that acts for itself: the client's own credentials are all it needs. For services and agents that have an
 * account of their own at the MCP server.
 *
 * @remarks
 * One request, to the token endpoint, whenever there is no token, the last one runs out or is refused, or the MCP server demands
 * more scope. The secret stays in memory. A client that is refused is asked about again by nobody before a pause, which grows to
 * a minute.
 *
 * @param options - the client as its issuer knows it; `clientSecret` or `clientAuthentication` is required
 * @returns what {@link AuthClient.session} takes as `grant`. Its sessions fail with {@link RegistrationError}
 * `client_issuer_mismatch` when the MCP server has another issuer, and with {@link TokenError} `token_request_rejected` when
 * the issuer refuses the client or the scope.
 * @throws `TypeError` when an option is missing or of a wrong kind
 * @example
 * ```ts
 * const grant = clientCredentials({ issuer: "https://auth.example.com", clientId: "reports", clientSecret: "s3cret" });
 * const machine = createAuthClient({ clientMetadata: {} }).session("https://mcp.example.com/mcp", { grant });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.4 | RFC 6749 §4.4}
 * @public
 */
export function clientCredentials(options: ClientCredentialsOptions): Grant {
  const { clientId, scope } = options;
  const clientAuthentication = authenticationOf(options, "");
  if (clientAuthentication.methods.includes("none")) {
    throw new TypeError("clientSecret or clientAuthentication is missing; a public client has nothing to ask with");
  }
  return createGrant({
    id: `client_credentials ${clientId}`,
    issuer: options.issuer,
    scope,
    clientAuthentication,
    obtain: (context) =>
      requestByGrant(context, { clientId, clientAuthentication }, "client_credentials", {
        resource: context.server.resource,
        scope: context.scope,
      }),
  });
}
