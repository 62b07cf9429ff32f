import { randomFraction } from "../platform.js";
import type { TokenSet } from "../types.js";

/** Whose cell it is: the key of the tokens, and what events say. */
export interface CellKey {
  readonly serverUrl: string;
  readonly subject?: string;
}

/** What the sessions of one server and subject know in common, so that a fresh token costs nothing to use. */
export interface TokenCell {
  readonly serverUrl: URL;
  readonly key: CellKey;
  /** The tokens' record key; also names the locks. */
  readonly name: string;
  /** What was last read or written. */
  tokens: TokenSet | undefined;
  /** Until when `tokens` may be used without a look at the store. */
  freshUntil: number;
  /** New tokens that the store failed to take; they are written before anything else is done. */
  unsaved: TokenSet | undefined;
  /** The refresh that is under way. */
  refreshing: Promise<TokenSet | undefined> | undefined;
  /** The user interaction that is under way. */
  interaction: Interaction | undefined;
  /** How often each wider scope was asked for, and when that may be forgotten. */
  readonly stepUps: Map<string, { count: number; forgetAt: number }>;
}

/** A login or step-up that all callers who need it wait for. */
export interface Interaction {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  waiters: number;
}

const MAX_MARGIN_MS = 60_000;

export const createTokenCell = (serverUrl: URL, key: CellKey, name: string): TokenCell => ({
  serverUrl,
  key,
  name,
  tokens: undefined,
  freshUntil: 0,
  unsaved: undefined,
  refreshing: undefined,
  interaction: undefined,
  stepUps: new Map(),
});

/** Notes what is stored now. */
export function remember(cell: TokenCell, tokens: TokenSet | undefined): void {
  if (tokens !== undefined && tokens.accessToken === cell.tokens?.accessToken && cell.freshUntil > 0) return;
  cell.tokens = tokens;
  cell.freshUntil = tokens === undefined ? 0 : freshUntil(tokens);
}

/**
 * Tokens that can be renewed count as used up a little early, each session at a moment of its own, so that many do not come
 * to the token endpoint together.
 */
function freshUntil({ expiresAt, obtainedAt, refreshToken }: TokenSet): number {
  if (expiresAt === undefined) return Infinity;
  if (refreshToken === undefined) return expiresAt;
  const margin = Math.min(MAX_MARGIN_MS, (expiresAt - obtainedAt) / 10);
  return expiresAt - margin * (1 - randomFraction() / 2);
}
