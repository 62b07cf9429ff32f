import { createFakeAuthServer, type FakeAuthServer, type FakeAuthServerOptions } from "../../../src/testing.js";
import { serve } from "../../support/serve.ts";

export interface CrossOriginServer extends FakeAuthServer {
  /** The paths that a browser asked about before a request of a script. */
  readonly preflights: readonly string[];
  close(): Promise<void>;
}

/** The fake server on loopback, for scripts of other origins; `headers` are added to all of its answers. */
export async function startCrossOriginServer(
  options: FakeAuthServerOptions = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<CrossOriginServer> {
  const preflights: string[] = [];
  let server: FakeAuthServer | undefined;
  const served = await serve((origin) => {
    const created = createFakeAuthServer({
      serverUrl: `${origin}/mcp`,
      issuer: `${origin}/auth`,
      consentPage: false,
      ...options,
    });
    server = created;
    return async (request) => {
      const { method, headers: asked, url } = request;
      const isPreflight = method === "OPTIONS" && asked.has("access-control-request-method");
      if (isPreflight) preflights.push(new URL(url).pathname);
      const response = isPreflight ? new Response(null, { status: 204 }) : await created.fetch(request);
      const allowed = new Headers(response.headers);
      for (const [name, value] of Object.entries(headers)) allowed.set(name, value);
      allowed.set("access-control-allow-origin", "*");
      allowed.set("access-control-expose-headers", "www-authenticate, dpop-nonce");
      allowed.set("access-control-allow-headers", asked.get("access-control-request-headers") ?? "");
      return new Response(response.body, { status: response.status, headers: allowed });
    };
  });
  if (server === undefined) throw new Error("the server was not made");
  return { ...server, preflights, close: () => served.close() };
}
