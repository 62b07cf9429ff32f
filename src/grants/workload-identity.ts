import type { ClientAuthentication, Grant } from "../grant-types.js";
import type { MaybePromise, ServerMetadata } from "../types.js";
import { createGrant } from "./create-grant.js";
import { authenticationOf, type GrantClient } from "./grant-client.js";
import { createRefusalMemory } from "./refusals.js";
import { requestByGrant } from "./request-by-grant.js";

/** Options of {@link workloadIdentity}. @public */
export interface WorkloadIdentityOptions extends Partial<GrantClient> {
  /** The issuer that trusts the platform's assertions, exactly as its metadata says; at any other nothing is sent. */
  readonly issuer: string;
  /** Fetches the assertion that the platform gives this workload, such as a projected service account token. Called each time one
   * is needed, so that the platform may renew it. */
  readonly getAssertion: (context: AssertionContext) => MaybePromise<string>;
  /** Space-separated scopes to begin with.
   * @defaultValue what the MCP server asks for or lists */
  readonly scope?: string | undefined;
}

/** What {@link WorkloadIdentityOptions.getAssertion} is told. @public */
export interface AssertionContext {
  /** The audience that the assertion should have: the token endpoint it is sent to, or the issuer in `server`. */
  readonly audience: string;
  /** The MCP server and its authorization server. */
  readonly server: ServerMetadata;
  /** Aborted when it has taken too long. */
  readonly signal: AbortSignal | undefined;
}

/** A workload that is no client of the issuer says nothing but its assertion (RFC 7521 §4.1). */
const NO_CLIENT: ClientAuthentication = { methods: ["none"], authenticate: () => undefined };

/**
 * The grant of a workload whose platform vouches for it (workload identity federation): the platform's JWT is exchanged for an
 * access token, and there is no secret to keep.
 *
 * @remarks
 * One request, to the token endpoint. A refusal is final for the process: the same assertion is not presented again, and no other
 * grant is tried. All processes that share the store keep the pause after it.
 * Workloads of different identities that share a store need sessions with different `subject`s.
 *
 * @param options - where the assertion comes from, and who trusts it; a `clientId` only if the issuer demands one
 * @returns what {@link AuthClient.session} takes as `grant`. Its sessions fail with {@link TokenError}
 * `token_request_rejected` when the issuer refuses the assertion, with {@link RegistrationError} `client_issuer_mismatch` when
 * the MCP server has another issuer, and with whatever `getAssertion` throws.
 * @throws `TypeError` when an option is missing or of a wrong kind
 * @example
 * ```ts
 * const grant = workloadIdentity({
 *   issuer: "https://auth.example.com",
 *   getAssertion: () => readFile("/var/run/secrets/tokens/mcp", "utf8"),
 * });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc7523#section-2.1 | RFC 7523 §2.1}
 * @public
 */
export function workloadIdentity(options: WorkloadIdentityOptions): Grant {
  const { getAssertion, clientId = "", scope } = options;
  if (typeof getAssertion !== "function") throw new TypeError("getAssertion must be a function");
  const clientAuthentication = clientId === "" ? NO_CLIENT : authenticationOf({ ...options, clientId }, "");
  const unlessRefused = createRefusalMemory();
  return createGrant({
    id: `workload_identity ${clientId}`.trim(),
    issuer: options.issuer,
    scope,
    clientAuthentication,
    async obtain(context) {
      const { server, http } = context;
      const { resource } = server;
      const audience = server.authorizationServer.token_endpoint;
      const assertion = (await getAssertion({ audience, server, signal: http.signal })).trim();
      return await unlessRefused([assertion, resource, context.scope], () =>
        requestByGrant(context, { clientId, clientAuthentication }, "urn:ietf:params:oauth:grant-type:jwt-bearer", {
          assertion,
          resource,
          scope: context.scope,
        }),
      );
    },
  });
}
