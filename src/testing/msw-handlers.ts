import { ConnectionLost } from "./accidents.js";
import type { FakeAuthServer } from "./fake-auth-server.js";

/** The part of msw's `http` that is needed. @public */
export interface MswHttp<Handler> {
  /** Makes a handler of requests of every method. */
  all(path: string, resolver: (info: { readonly request: Request }) => Promise<Response>): Handler;
}

/**
 * Lets msw answer the requests to a fake server, so that a client can be tested whose `fetch` cannot be handed in. What is for other
 * origins is left to the other handlers.
 *
 * @param http - msw's `http`
 * @param server - what answers for the origins of its `serverUrl` and its `issuer`
 * @returns handlers for `setupServer` of `msw/node`, `setupWorker` of `msw/browser`, or `use` of either
 * @example
 * ```ts
 * const fake = createFakeAuthServer();
 * const network = setupServer(...mswHandlers(http, fake));
 * network.listen({ onUnhandledFrame: "error" });
 * const response = await fetch(fake.serverUrl);
 * console.log(response.status); // 401
 * network.close();
 * ```
 * @public
 */
export function mswHandlers<Handler>(http: MswHttp<Handler>, server: FakeAuthServer): Handler[] {
  const origins = new Set([server.serverUrl, server.issuer].map((url) => new URL(url).origin));
  return [...origins].map((origin) =>
    http.all(`${origin}/*`, async ({ request }) => {
      try {
        return await server.fetch(request);
      } catch (error) {
        // anything else thrown here, msw would make an answer with status 500 of it
        if (error instanceof ConnectionLost || request.signal.aborted) return Response.error();
        throw error;
      }
    }),
  );
}
