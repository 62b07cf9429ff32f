// Compiled, never run: a code tells the class, and with it the members.
import type { AnyAuthError, AuthorizationError, DiscoveryError, TransportError } from "../../src/index.js";
import { isAuthError } from "../../src/index.js";

declare const caught: unknown;

export function byGuard(): unknown {
  if (isAuthError(caught, "request_timeout")) {
    const error: TransportError & { readonly code: "request_timeout" } = caught;
    return error.retryAt ?? error.url;
  }
  if (isAuthError(caught, "insufficient_scope")) {
    const { scope, challenge } = caught satisfies AuthorizationError;
    return scope ?? challenge?.scope;
  }
  if (isAuthError(caught, "metadata_invalid")) return (caught satisfies DiscoveryError).attempts[0]?.url;
  if (isAuthError(caught)) {
    const error: AnyAuthError = caught;
    return error.code;
  }
  // @ts-expect-error nothing is known of what is no error of this library
  return caught.code;
}

export function byCode(error: AnyAuthError): unknown {
  if (error.code === "server_error" || error.code === "network_error") return error.url;
  if (error.code === "authorization_required") return error.challenge;
  if (error.code === "client_issuer_mismatch") return error.issuer;
  if (error.code === "lock_timeout") return error.key;
  if (error.code === "port_unavailable") return error.port;
  if (error.code === "refresh_rejected") return error.oauthError;
  // @ts-expect-error only some have a URL
  return error.url;
}

// @ts-expect-error no such code
isAuthError(caught, "no_such_code");
