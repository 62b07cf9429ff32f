import { withHeaders } from "./named-fault.js";

/** What scripts of other origins may read beside the body. */
const EXPOSED = "dpop-nonce, mcp-session-id, retry-after, www-authenticate";

/** The answer to a browser that asks before a script's request (Fetch, CORS preflight); `undefined` for any other request. */
export function answerPreflight({ method, headers }: Request): Response | undefined {
  if (method !== "OPTIONS" || !headers.has("origin") || !headers.has("access-control-request-method")) return undefined;
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers": headers.get("access-control-request-headers") ?? "",
    },
  });
}

/** Lets scripts of other origins read an answer. */
export function readableByScripts({ headers: asked }: Request, response: Response): Response {
  if (!asked.has("origin")) return response;
  return withHeaders(response, (headers) => {
    headers.set("access-control-allow-origin", "*");
    headers.set("access-control-expose-headers", EXPOSED);
  });
}
