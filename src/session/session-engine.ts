import type { TokenSet } from "../types.js";
import type { ClientContext } from "./client-context.js";
import type { AuthSession } from "./session-types.js";
import type { TokenCell } from "./token-cell.js";

/** What the authorized fetch needs of a session beyond its public side. */
export interface SessionEngine {
  readonly context: ClientContext;
  readonly cell: TokenCell;
  /** The tokens in memory if they are fresh: no store, no promise. */
  readonly freshTokens: () => TokenSet | undefined;
}

export const engines = /* @__PURE__ */ new WeakMap<AuthSession, SessionEngine>();

export function engineOf(session: AuthSession): SessionEngine {
  const engine = engines.get(session);
  if (engine === undefined) {
    throw new TypeError('"session" must come from a client of this copy of mcp-oauth-client');
  }
  return engine;
}
