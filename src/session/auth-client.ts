import { ambientFetch } from "../platform.js";
import { allowancesOf } from "../protocol/server-profile.js";
import { createAuthSession } from "./auth-session.js";
import { finishAuthorization } from "./authorization.js";
import { createClientContext } from "./client-context.js";
import { isClientIdUrl } from "../wire/url-policy.js";
import type { AuthClient, AuthClientOptions } from "./session-types.js";

/**
 * Makes the client of a host application: one store, one identity, one policy for all MCP servers and users.
 *
 * @remarks
 * Does nothing until a session is used: no network, no store, no timer. It is made of the protocol functions that this
 * package exports, to which it adds storage, locking, refresh and the order of steps.
 *
 * @param options - who the host is, and where it keeps things
 * @returns a frozen object; keep one per host
 * @throws `TypeError` for a `clientMetadataUrl` that cannot be a client id, a store without `get`, `set` or `delete`, and other options of
 * a wrong type
 * @example A command-line host
 * ```ts
 * const client = createAuthClient({
 *   clientMetadata: { client_name: "Example" },
 *   store: createFileStore({ directory: join(homedir(), ".example", "auth") }),
 * });
 * const session = client.session("https://mcp.example.com/mcp");
 * await authorizeWithLoopback(session, { openUrl: openBrowser });
 * const transport = new StreamableHTTPClientTransport(new URL(session.serverUrl), { fetch: createAuthFetch(session) });
 * ```
 * @see {@link https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization | MCP authorization}
 * @public
 */
export function createAuthClient(options: AuthClientOptions): AuthClient {
  checkOptions(options);
  const context = createClientContext(options);
  return Object.freeze<AuthClient>({
    session(serverUrl, whose = {}) {
      const { subject, grant } = whose;
      const isGood = subject === undefined || (typeof subject === "string" && /^\P{Surrogate}+$/u.test(subject));
      // a subject in the place of the options would make all users one
      if (typeof whose !== "object" || !isGood) {
        throw new TypeError('"subject" must be a non-empty, well-formed string');
      }
      return createAuthSession(context, context.cell(serverUrl, subject, grant));
    },
    async finishAuthorization(callback, finishOptions = {}) {
      const { cell, tokens } = await finishAuthorization(context, callback, finishOptions);
      return { session: createAuthSession(context, cell), tokens };
    },
  });
}

function checkOptions(options: AuthClientOptions): void {
  const { clientMetadata, clientMetadataUrl, profiles } = options;
  // the empty issuer, which nobody has, gets every pattern checked
  allowancesOf(profiles, "");
  if (Object(clientMetadata) !== clientMetadata) {
    throw new TypeError('"clientMetadata" must be an object');
  }
  if (clientMetadataUrl !== undefined && !isClientIdUrl(clientMetadataUrl)) {
    throw new TypeError('"clientMetadataUrl" must be an https URL with a path, as URL parsers write it');
  }
  const { fetch = ambientFetch, onEvent = fetch } = options;
  const store: Readonly<Record<"get" | "set" | "delete", unknown>> = options.store ?? new Map<string, string>();
  const functions = { fetch, onEvent, "store.get": store.get, "store.set": store.set, "store.delete": store.delete };
  for (const [name, value] of Object.entries(functions)) {
    if (typeof value !== "function") throw new TypeError(`"${name}" must be a function`);
  }
}
