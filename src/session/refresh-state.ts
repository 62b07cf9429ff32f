import type { AuthorizationErrorCode } from "../error-codes.js";
import { AuthorizationError, TransportError, type AnyAuthError } from "../errors.js";
import { randomFraction, sha256 } from "../platform.js";
import { encodeRecord, type StateRecord } from "../store/records.js";
import type { AuthChallenge, TokenSet } from "../types.js";
import type { ClientContext } from "./client-context.js";
import { withoutQuery } from "../wire/url-policy.js";
import type { TokenCell } from "./token-cell.js";

/** {@link StateRecord} as it is worked with: a count that is no number is none. */
export interface RefreshState extends StateRecord {
  readonly refusals: number;
  readonly failures: number;
}

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
/** What `Retry-After` can make of it. A time further ahead is a clock that was set back, and does not count. */
const MAX_WAIT_MS = 3_600_000;
/** An access token that is refused at this age was never any good. */
const FRESH_MS = 60_000;
const REFUSALS_TO_BRAKE = 2;
const MAX_BRAKE_MS = 600_000;
/** A month: users who never come back leave nothing behind. */
const KEPT_MS = 2_592_000_000;

export async function readState({ records }: ClientContext, { key }: TokenCell): Promise<RefreshState> {
  const state = await records.get("state", key);
  return { ...state, refusals: count(state?.refusals), failures: count(state?.failures) };
}

const count = (value: unknown): number => Number(value) || 0;

export async function writeState(
  { records, now }: ClientContext,
  { key }: TokenCell,
  state: StateRecord,
): Promise<void> {
  await records.set("state", key, state, now() + KEPT_MS);
}

/** Tidies up; that the store cannot do it is no reason to fail. */
export async function forgetState({ records }: ClientContext, { key }: TokenCell): Promise<void> {
  await records.delete("state", key).catch(() => undefined);
}

/** Keeps room for the answer of a token request: what takes this takes the tokens too. */
export const announce = (state: RefreshState, tokens: TokenSet | undefined): RefreshState => ({
  ...state,
  refreshing: encodeRecord(tokens).replace(/./g, "-"),
});

/** The state after a token request that decided nothing: nobody asks again before a pause that grows each time. */
export function afterFailure(state: RefreshState, error: AnyAuthError, doubt: string | undefined, now: number) {
  const failures = state.failures + 1;
  const pause = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)) * (1 - randomFraction() / 2);
  const { retryAt: demanded = 0 } = error as { readonly retryAt?: number };
  const retryAt = Math.max(now + pause, Math.min(demanded, now + MAX_WAIT_MS));
  const doubts = doubt && doubt !== state.doubt ? { doubt, doubtedAt: now } : {};
  return { ...state, failures, retryAt, ...doubts, refreshing: undefined };
}

/** Names tokens by one answer of the server: the same access token, given out again, is another. */
export const markOf = ({ accessToken, obtainedAt }: TokenSet): Promise<string> =>
  sha256(`${obtainedAt} ${accessToken}`);

/** The state after the MCP server refused an access token; `state` itself when this refusal is known. */
export async function afterRefusal(state: RefreshState, tokens: TokenSet, now: number): Promise<RefreshState> {
  const refusedAccess = await markOf(tokens);
  if (refusedAccess === state.refusedAccess) return state;
  const refusals = Math.abs(now - tokens.obtainedAt) < FRESH_MS ? state.refusals + 1 : 0;
  const brakeMs = Math.min(MAX_BRAKE_MS, FRESH_MS * 2 ** (refusals - REFUSALS_TO_BRAKE));
  return { ...state, refusedAccess, refusals, ...(refusals >= REFUSALS_TO_BRAKE && { retryAt: now + brakeMs }) };
}

/** Why no token may be asked for now, if that is so; it has a `retryAt`. */
export function tooEarly(
  { refusals, retryAt = 0 }: RefreshState,
  cell: TokenCell,
  challenge: AuthChallenge | undefined,
  now: number,
): (AnyAuthError & { readonly retryAt?: number }) | undefined {
  if (!(retryAt > now && retryAt <= now + MAX_WAIT_MS)) return undefined;
  if (refusals >= REFUSALS_TO_BRAKE) return notAccepted(cell, challenge, retryAt);
  // what a grant was refused is not said to be an outage
  return cell.grant && cell.failure?.retryAt === retryAt ? cell.failure : noAnswer(cell, retryAt);
}

export function noAnswer({ grant, tokens }: TokenCell, retryAt?: number): TransportError {
  const url = grant?.issuer ?? tokens?.tokenEndpoint ?? "";
  return new TransportError("server_error", `${url} gave no usable answer; try again later`, { url, retryAt });
}

export const notAccepted = (
  cell: TokenCell,
  challenge: AuthChallenge | undefined,
  retryAt?: number,
): AuthorizationError =>
  demandOf(cell, "token_not_accepted", "refuses every fresh token; only its operator can mend that", {
    challenge,
    retryAt,
  });

/** What the MCP server wants, as an error. */
export const demandOf = (
  { serverUrl }: TokenCell,
  code: AuthorizationErrorCode,
  what: string,
  details: {
    readonly challenge: AuthChallenge | undefined;
    readonly scope?: string | undefined;
    readonly retryAt?: number | undefined;
  },
): AuthorizationError =>
  new AuthorizationError(code, `the MCP server ${JSON.stringify(withoutQuery(serverUrl))} ${what}`, details);
