import { createAuthClient, createAuthFetch, createMemoryStore } from "../../src/index.js";
import type { AuthClientOptions, AuthFetch, AuthSession, KVStore } from "../../src/index.js";
import { authorizeWithLoopback } from "../../src/node.js";
import { createScriptedBrowser, type ScriptedBrowserOptions } from "../support/scripted-browser.ts";
import type { RecordedRequest } from "./servers/recorded-request.ts";

export interface PeerHostOptions {
  /** Shared by hosts that stand for processes on one store. @defaultValue one of its own */
  readonly store?: KVStore;
  readonly now?: () => number;
  readonly browser?: ScriptedBrowserOptions;
  readonly dpop?: AuthClientOptions["dpop"];
}

/** A host application with a user at hand, as it would be on a desktop. */
export interface PeerHost {
  readonly session: AuthSession;
  /** Logs in and steps up through a loopback listener whenever the server asks for it. */
  readonly interactive: AuthFetch;
  /** Reports that the user is needed instead. */
  readonly unattended: AuthFetch;
}

export function createPeerHost(serverUrl: string, options: PeerHostOptions = {}): PeerHost {
  const client = createAuthClient({
    clientMetadata: { client_name: "peer test" },
    store: options.store ?? createMemoryStore(),
    now: options.now,
    dpop: options.dpop,
  });
  const session = client.session(serverUrl);
  const browser = createScriptedBrowser(options.browser);
  return {
    session,
    unattended: createAuthFetch(session),
    interactive: createAuthFetch(session, {
      onAuthorizationRequired: async ({ scope, challenge, signal }) => {
        const openUrl = async (url: URL): Promise<void> => {
          await browser.open(url);
        };
        await authorizeWithLoopback(session, { openUrl, scope, challenge, signal });
      },
    }),
  };
}

/** What the host asked of the authorization server, in order, each by its grant type or its path. */
export const askedOf = (requests: readonly RecordedRequest[]): string[] =>
  requests
    .filter(({ party, by }) => party === "authorization_server" && by === "host")
    .map(({ operation, path }) => operation ?? path);

/** How many pages and redirects the user's browser went through. */
export const browserVisits = (requests: readonly RecordedRequest[]): number =>
  requests.filter(({ by }) => by === "browser").length;
