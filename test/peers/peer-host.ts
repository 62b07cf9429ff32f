import { onTestFinished } from "vitest";
import { createAuthClient, createAuthFetch, createMemoryStore } from "../../src/index.js";
import type { AuthClientOptions, AuthFetch, AuthSession, AuthorizeOptions, TokenSet } from "../../src/index.js";
import { authorizeWithLoopback } from "../../src/node.js";
import { createScriptedBrowser, type ScriptedBrowserOptions } from "../support/scripted-browser.ts";
import type { RecordedRequest } from "./servers/recorded-request.ts";

/** Options of the client, of which `store` stands for a machine that hosts share. */
export interface PeerHostOptions extends Partial<AuthClientOptions> {
  readonly browser?: ScriptedBrowserOptions | undefined;
}

/** A host application with a user at hand, as it would be on a desktop. */
export interface PeerHost {
  readonly session: AuthSession;
  /** Logs in and steps up through a loopback listener whenever the server asks for it. */
  readonly interactive: AuthFetch;
  /** Reports that the user is needed instead. */
  readonly unattended: AuthFetch;
  /** A login whose callback to `REDIRECT_URI` is read off the browser's address bar. */
  readonly login: (options?: Partial<AuthorizeOptions>) => Promise<TokenSet>;
}

export const REDIRECT_URI = "http://127.0.0.1:9/callback";

export function createPeerHost(serverUrl: string, { browser: user, ...options }: PeerHostOptions = {}): PeerHost {
  const client = createAuthClient({
    clientMetadata: { client_name: "peer test" },
    store: createMemoryStore(),
    ...options,
  });
  const session = client.session(serverUrl);
  const browser = createScriptedBrowser(user);
  const addressBar = createScriptedBrowser({ ...user, callback: "capture" });
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
    login: (more) =>
      session.authorize({ redirectUri: REDIRECT_URI, force: true, interact: (url) => addressBar.open(url), ...more }),
  };
}

/** A peer that ends with the test. */
export async function started<P extends { close(): Promise<void> }>(starting: Promise<P>): Promise<P> {
  const peer = await starting;
  onTestFinished(() => peer.close());
  return peer;
}

/** What the host asked of the authorization server, in order, each by its grant type or its path. */
export const askedOf = (requests: readonly RecordedRequest[]): string[] =>
  requests
    .filter(({ party, by }) => party === "authorization_server" && by === "host")
    .map(({ operation, path }) => operation ?? path);

/** How many pages and redirects the user's browser went through. */
export const browserVisits = (requests: readonly RecordedRequest[]): number =>
  requests.filter(({ by }) => by === "browser").length;
