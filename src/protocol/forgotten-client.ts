import { isAuthError } from "../errors.js";
import type { ClientRequestContext } from "../oauth/call-endpoint.js";
import { requestTokens } from "../oauth/token-endpoint.js";

/** A user waits meanwhile. */
const PATIENCE_MS = 3_000;

/**
 * Whether the server says that it does not know the client, or its metadata document. It is asked for something that it can only
 * refuse, because the authorization endpoint would say so to the user alone, on a page that leads nowhere.
 */
export async function isForgotten({ server, registration, options }: ClientRequestContext): Promise<boolean> {
  const timeoutMs = Math.min(options.timeoutMs ?? PATIENCE_MS, PATIENCE_MS);
  return await requestTokens({ server, registration, options: { ...options, timeoutMs } }, "refresh_token", {
    refresh_token: "is-this-client-known",
    resource: server.resource,
    scope: undefined,
  }).then(() => false, isClientRefusal);
}

/** Whether a server said that it does not accept the client. */
export const isClientRefusal = (error: unknown): boolean =>
  isAuthError(error) && "oauthError" in error && error.oauthError === "invalid_client";
