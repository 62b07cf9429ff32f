import { TransportError } from "../errors.js";
import type { FetchLike } from "../types.js";
import { discard, isRedirect } from "../wire/http.js";
import { isReplayable } from "../wire/replayable.js";
import { isHttp, withoutQuery } from "../wire/url-policy.js";

const MAX_HOPS = 3;

/** Where a chain of redirects ended. */
export interface RedirectEnd {
  readonly response: Response;
  /** Whether the last request carried the token. */
  readonly own: boolean;
}

/**
 * Follows redirects by itself, because runtimes differ in which headers they take along. The token goes only where `headersFor`
 * says; a redirect that would change the method or needs a body that is gone is handed back as it is.
 */
export async function followRedirects(
  send: FetchLike,
  from: string,
  init: RequestInit | undefined,
  first: Response,
  headersFor: (url: URL) => Promise<HeadersInit | undefined>,
): Promise<RedirectEnd> {
  const method = (init?.method ?? "GET").toUpperCase();
  let response = first;
  let href = from;
  let own = true;
  for (let hop = 1; ; hop += 1) {
    const { status } = response;
    const location = response.headers.get("location");
    const keepsMethod = status > 306 || /^(GET|HEAD)$/.test(method);
    if (!isRedirect(response) || location === null || !keepsMethod || !isReplayable(init?.body)) {
      return { response, own };
    }
    const target = new URL(location, href);
    discard(response.body);
    if (hop > MAX_HOPS || !isHttp(target)) {
      const url = withoutQuery(from);
      throw new TransportError(
        "redirect_refused",
        `${url} redirected ${hop > MAX_HOPS ? `more than ${MAX_HOPS} times` : "to a URL that is not http or https"}: ` +
          "check the URL of the MCP server",
        { url, status },
      );
    }
    const headers = await headersFor(target);
    own = headers !== undefined;
    href = target.href;
    response = await send(href, { ...init, ...(headers && { headers }), redirect: "manual" });
  }
}
