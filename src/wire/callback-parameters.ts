import { AuthorizationError } from "../errors.js";
import type { Callback } from "../types.js";
import { parseUrl } from "./url-policy.js";

/** The parameters of an authorization response in any form, each of ours at most once. */
export function callbackParameters(callback: Callback): URLSearchParams {
  const params = paramsOf(callback);
  for (const name of ["code", "state", "iss", "error"]) {
    if (params.getAll(name).length > 1) {
      throw new AuthorizationError(
        "callback_invalid",
        `the callback has "${name}" more than once; start the login again`,
      );
    }
  }
  return params;
}

function paramsOf(callback: Callback): URLSearchParams {
  if (typeof callback !== "string") {
    if (typeof callback !== "object" || (callback as unknown) === null) {
      throw new TypeError('"callback" must be the callback URL, its query or a CallbackResult');
    }
    if ("searchParams" in callback) return callback.searchParams;
    return "url" in callback ? paramsOf(callback.url) : callback;
  }
  const text = callback.trim();
  if (text.startsWith("?")) return new URLSearchParams(text);
  const url = parseUrl(text);
  if (url) return url.searchParams;
  // not quoted, because it is a secret
  throw new AuthorizationError(
    "callback_invalid",
    'the callback is neither a URL nor a query string that starts with "?"; pass the whole callback URL',
  );
}
