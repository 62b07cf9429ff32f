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
      if (request.method === "OPTIONS") preflights.push(new URL(request.url).pathname);
      const response = await created.fetch(request);
      const answered = new Headers([...response.headers, ...Object.entries(headers)]);
      return new Response(response.body, { status: response.status, headers: answered });
    };
  });
  if (server === undefined) throw new Error("the server was not made");
  return { ...server, preflights, close: () => served.close() };
}
