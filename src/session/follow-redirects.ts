import { TransportError } from "../errors.js";
import type { FetchLike } from "../types.js";
import { isReplayable } from "../wire/replayable.js";

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
  { headersFor }: { readonly headersFor: (url: URL) => Promise<HeadersInit | undefined> },
): Promise<RedirectEnd> {
  const method = (init?.method ?? "GET").toUpperCase();
  let response = first;
  let href = from;
  let own = true;
  for (let hop = 1; ; hop += 1) {
    const { status } = response;
    const location = response.headers.get("location");
    const keepsMethod = method === "GET" || method === "HEAD" || status === 307 || status === 308;
    if (![301, 302, 303, 307, 308].includes(status) || location === null) return { response, own };
    if (!keepsMethod || !isReplayable(init?.body)) return { response, own };
    const url = new URL(location, href);
    if (hop > MAX_HOPS || !/^https?:$/.test(url.protocol)) {
      await response.body?.cancel();
      const shown = new URL(from);
      throw new TransportError(
        "redirect_refused",
        `${shown.host} redirected ${hop > MAX_HOPS ? `more than ${MAX_HOPS} times` : "to a URL that is not http or https"}: ` +
          "check the URL of the MCP server",
        { url: shown.origin + shown.pathname, status },
      );
    }
    await response.body?.cancel();
    const headers = await headersFor(url);
    own = headers !== undefined;
    href = url.href;
    response = await send(href, { ...init, ...(headers === undefined ? {} : { headers }), redirect: "manual" });
  }
}
