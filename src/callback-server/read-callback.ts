import type { CallbackResult } from "../types.js";
import type { HttpRequest } from "./node-http.js";

/** Where callbacks are expected. */
export interface CallbackPlace {
  readonly redirectUri: string;
  /** Values of `Host` under which this server may be addressed. */
  readonly hosts: readonly string[];
  readonly path: string;
}

const PARAMETERS = { state: "state", code: "code", iss: "iss", error: "error", error_description: "errorDescription" };

/**
 * Reads an authorization response from a request, or says with which status the request is refused. The state is still to be
 * compared. `Host` comes first: a page that rebinds its DNS name to loopback learns nothing, not even which path is served.
 */
export function readCallback(
  { method, url = "", headers }: HttpRequest,
  place: CallbackPlace,
): CallbackResult | number {
  if (!place.hosts.includes(headers.host?.toLowerCase() ?? "")) return 421;
  if (url.split("?")[0] !== place.path) return 404;
  if (method !== "GET") return 405;
  const callbackUrl = new URL(place.redirectUri);
  callbackUrl.search = url.slice(place.path.length);
  const result: Record<string, string> & { url: string } = { url: callbackUrl.href };
  for (const [parameter, member] of Object.entries(PARAMETERS)) {
    const [value, ...more] = callbackUrl.searchParams.getAll(parameter);
    if (more.length > 0) return 400;
    if (value !== undefined) result[member] = value;
  }
  return result;
}

/** Takes as long for a text that is wrong in the first character as for one that is wrong in the last. */
export function isSameText(actual: string, expected: string): boolean {
  let difference = actual.length ^ expected.length;
  for (let index = 0; index < actual.length; index++) {
    difference |= actual.charCodeAt(index) ^ expected.charCodeAt(index);
  }
  return difference === 0;
}
