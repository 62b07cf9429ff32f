import type { DiscoveryErrorCode } from "../error-codes.js";
import type { UrlPurpose } from "../types.js";
import type { DiscoveryStep } from "./metadata-lookup.js";

/** Those of looking for a document, and of judging it. */
const REQUIREMENTS: Readonly<Partial<Record<UrlPurpose | DiscoveryErrorCode, readonly number[]>>> = {
  protected_resource_metadata: [13, 14, 16],
  authorization_server_metadata: [25, 27, 28],
  resource_mismatch: [17],
  metadata_issuer_mismatch: [29],
};

/**
 * Tells by which requirements of the specification a step of a discovery is judged, for tools that explain a server.
 *
 * @param step - from `onStep` of {@link discoverAuthServer}
 * @returns their numbers in `docs/requirements.md`: 29 is `spec-29`
 * @example
 * ```ts
 * await discoverAuthServer("https://mcp.example.com/mcp", {
 *   onStep: (step) => console.log(step.url, step.outcome, requirementsOf(step)),
 * });
 * ```
 * @public
 */
export const requirementsOf = ({ code, purpose }: DiscoveryStep): readonly number[] =>
  (code && REQUIREMENTS[code]) ?? REQUIREMENTS[purpose] ?? [];
