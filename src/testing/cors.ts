import type { MetFault } from "./faults.js";
import { withHeaders } from "./named-fault.js";
import { PAGES } from "./refusal-page.js";
import type { FakeEndpoint } from "./request-log.js";

/** What scripts of other origins may read beside the body. */
const EXPOSED = "dpop-nonce, mcp-session-id, retry-after, www-authenticate";

/** The answer to a browser that asks before a script's request (Fetch, CORS preflight); `undefined` for any other request. */
export function answerPreflight({ method, headers }: Request): Response | undefined {
  if (method !== "OPTIONS" || !headers.has("origin") || !headers.has("access-control-request-method")) return undefined;
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, POST, PUT, DELETE",
      "access-control-allow-headers": headers.get("access-control-request-headers") ?? "",
    },
  });
}

/** Lets scripts of other origins read everything but the pages of the user (RFC 9700 §2.6). */
export const forScripts = (endpoint: FakeEndpoint): MetFault => ({
  memory: new Set(),
  react: async (request, answer) => {
    const response = await answer();
    if (PAGES.includes(endpoint) || !request.headers.has("origin")) return response;
    return withHeaders(response, (headers) => {
      headers.set("access-control-allow-origin", "*");
      headers.set("access-control-expose-headers", EXPOSED);
    });
  },
});
