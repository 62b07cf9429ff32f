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
  if (typeof callback === "object" && (callback as unknown) !== null) {
    if ("searchParams" in callback) return callback.searchParams;
    if ("url" in callback) return paramsOf(callback.url);
    if ("getAll" in callback) return callback;
  }
  if (typeof callback !== "string") {
    throw new TypeError('"callback" must be the callback URL, its query or a CallbackResult');
  }
  const text = callback.trim();
  // node:http and Express have the path and the query alone
  const url = parseUrl(text, /^[/?]/.test(text) ? "http://localhost" : undefined);
  if (url) return url.searchParams;
  // not quoted, because it is a secret
  throw new AuthorizationError("callback_invalid", "the callback is no URL; pass the whole URL");
}
