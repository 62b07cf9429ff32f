import { callClientConfiguration } from "../oauth/client-configuration.js";
import type { ClientRegistration, ClockOptions, HttpOptions, ServerMetadata } from "../types.js";
import { requireSameIssuer } from "./issuer-binding.js";

/** Options of {@link deleteClientRegistration}. @public */
export interface DeleteClientRegistrationOptions extends HttpOptions, ClockOptions {}

/**
 * Deletes a client that was registered dynamically, where its server lets clients be managed. **Warning:** every token that was issued
 * to it is worth nothing from then on, those of other MCP servers and users included.
 *
 * @remarks
 * One request, or none.
 *
 * @param server - from {@link discoverAuthServer}; refused unless it has the issuer that the client is from
 * @param registration - from {@link registerClient}
 * @returns whether it was deleted; false when the server does not offer it, or refuses
 * @throws {@link RegistrationError} `client_issuer_mismatch` when the client is another issuer's
 * @throws {@link TransportError} when nothing was decided
 * @example
 * ```ts
 * const deleted = await deleteClientRegistration(server, registration);
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc7592#section-2.3 | RFC 7592 §2.3}
 * @public
 */
export async function deleteClientRegistration(
  server: ServerMetadata,
  registration: ClientRegistration,
  options: DeleteClientRegistrationOptions = {},
): Promise<boolean> {
  requireSameIssuer("the client registration", registration.issuer, server.issuer);
  const answer = await callClientConfiguration(server, registration, options, { method: "DELETE" });
  return answer !== undefined && answer.status < 400;
}
