import type { AnyAuthError } from "../errors.js";
import { randomFraction } from "../platform.js";
import { coversScope } from "../protocol/scope.js";
import type { AuthChallenge, TokenSet } from "../types.js";
import type { ConnectedGrant } from "./connected-grant.js";

/** Whose cell it is: the key of the tokens, and what events say. */
export interface CellKey {
  readonly serverUrl: string;
  readonly subject?: string | undefined;
  readonly grant?: string | undefined;
}

/** What the sessions of one server and subject know in common, so that a fresh token costs nothing to use. */
export interface TokenCell {
  readonly serverUrl: URL;
  readonly key: CellKey;
  /** The tokens' record key; also names the locks. */
  readonly name: string;
  /** What obtains the tokens, when no user does. */
  grant?: ConnectedGrant | undefined;
  /** The scope that the grant was widened to by this process. */
  scope?: string | undefined;
  /** What was last read or written. */
  tokens?: TokenSet | undefined;
  /** Until when `tokens` may be used without a look at the store. */
  freshUntil: number;
  /** Until when `tokens` may be used at all. */
  expiresAt: number;
  /** How far the authorization server's clock was ahead when this process asked it last. */
  clockSkew?: number;
  /** What was last seen in the store, usable or not; what unsaved tokens take the place of. */
  stored?: TokenSet | undefined;
  /** A refresh token that was refused for good, should the store fail to remember it. */
  refusedRefresh?: string;
  /** Why the last token request failed. */
  failure?: AnyAuthError & { readonly retryAt?: number };
  /** The access token of the last refresh that this process made. */
  renewed?: string;
  /** The refresh that is under way. */
  refreshing?: Promise<TokenSet | undefined> | undefined;
  /** The user interaction that is under way. */
  interaction?: Interaction | undefined;
  /** How often each wider scope was asked for, and when that may be forgotten. */
  readonly stepUps: Map<string, { count: number; forgetAt: number }>;
}

/** A login or step-up that all callers who need it wait for. */
export interface Interaction {
  readonly done: Promise<unknown>;
  readonly abort: AbortController;
  /** The access token that was stored when the user turned out to be needed. */
  readonly before: string | undefined;
  waiters: number;
}

/** Why the tokens at hand do not do. */
export interface Need {
  /** An access token that the MCP server refused. */
  readonly refused?: string | undefined;
  /** What the tokens have to cover, and the grant is to ask for. */
  readonly scope?: string | undefined;
  /** What the server said when it refused. */
  readonly challenge?: AuthChallenge | undefined;
  /** Whether the refusal is only to be noted, because enough was tried. */
  readonly final?: boolean | undefined;
}

const MAX_MARGIN_MS = 60_000;

export const createTokenCell = (serverUrl: URL, key: CellKey, name: string): TokenCell => ({
  serverUrl,
  key,
  name,
  freshUntil: 0,
  expiresAt: 0,
  stepUps: new Map(),
});

/** Notes what is stored now. */
export function remember(cell: TokenCell, tokens: TokenSet | undefined): void {
  const known = cell.tokens;
  // some servers answer a refresh with the same token and a new time
  if (tokens?.accessToken === known?.accessToken && tokens?.obtainedAt === known?.obtainedAt && cell.freshUntil > 0)
    return;
  cell.tokens = tokens;
  cell.expiresAt = tokens === undefined ? 0 : localExpiry(cell, tokens);
  cell.freshUntil = tokens && (tokens.refreshToken ?? cell.grant) ? freshUntil(cell.expiresAt, tokens) : cell.expiresAt;
}

/** Times are of the clock of the process that wrote them, which may go wrong in another way than this one's. */
const localExpiry = ({ clockSkew }: TokenCell, { expiresAt = Infinity, clockSkew: theirs = 0 }: TokenSet): number =>
  expiresAt + (clockSkew === undefined ? 0 : theirs - clockSkew);

/**
 * Tokens that can be renewed count as used up a little early, each session at a moment of its own, so that many do not come
 * to the token endpoint together.
 */
function freshUntil(localExpiresAt: number, { expiresAt = Infinity, obtainedAt }: TokenSet): number {
  const margin = Math.min(MAX_MARGIN_MS, (expiresAt - obtainedAt) / 10);
  return localExpiresAt - margin * (1 - randomFraction() / 2);
}

/** Fresh, or the best there is, and not what the server has just refused. */
export const isUsable = (cell: TokenCell, need: Need, now: number): boolean =>
  now < cell.freshUntil && serves(cell, need);

/** Not fresh any more, but good until a refresh succeeds. */
export const isAlive = (cell: TokenCell, need: Need, now: number): boolean =>
  now < cell.expiresAt && serves(cell, need);

const serves = ({ tokens }: TokenCell, { refused, scope }: Need): boolean =>
  tokens?.accessToken !== refused && coversScope(tokens?.scope, scope);

/** Nobody may ask for tokens until then: what still works is used without a look at the store. */
export function rest(cell: TokenCell, until = 0): void {
  cell.freshUntil = Math.max(cell.freshUntil, Math.min(until, cell.expiresAt));
}
