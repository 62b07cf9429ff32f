import { isAuthError, type AnyAuthError } from "../errors.js";
import { inTime, sha256 } from "../platform.js";
import { isClientRefusal } from "../protocol/forgotten-client.js";
import { refreshTokens } from "../protocol/refresh-tokens.js";
import { callStore } from "../store/records.js";
import { storeError } from "../store/store-error.js";
import type { AuthorizationServerMetadata, TokenSet } from "../types.js";
import type { ClientContext } from "./client-context.js";
import type { RefreshState } from "./refresh-state.js";
import {
  afterFailure,
  afterRefusal,
  announce,
  forgetState,
  markOf,
  noAnswer,
  readState,
  tooEarly,
  writeState,
} from "./refresh-state.js";
import { forgetRegistration } from "./resolve-registration.js";
import { deleteTokens, readTokens } from "./stored-tokens.js";
import type { Need, TokenCell } from "./token-cell.js";
import { isUsable, rest } from "./token-cell.js";
import { hasMoved, isGone, stampedServer } from "./token-issuer.js";

const MAX_REQUEST_MS = 10_000;
const MAX_STORE_MS = 5_000;
const MIN_DOUBT_MS = 30_000;

/** A refresh that may be needed. */
export interface RefreshJob {
  readonly context: ClientContext;
  readonly cell: TokenCell;
  readonly need: Need;
  /** Metadata of the issuer, where they are known to be newer than the tokens. */
  readonly metadata: AuthorizationServerMetadata | undefined;
}

/** Tokens, or none because the user is needed. */
export interface RefreshOutcome {
  readonly tokens?: TokenSet | undefined;
  /** Another process changed the tokens: look again. */
  readonly again?: boolean;
  /** Whether the MCP server has moved to another issuer, once that is known. */
  readonly moved?: Promise<boolean> | undefined;
}

/** A token request that is to be made, and what was known before it. */
interface Plan {
  /** Those to be replaced; a grant needs none. */
  readonly tokens: TokenSet | undefined;
  /** What was in the store then, whether it could be used or not. */
  readonly over: TokenSet | undefined;
  readonly state: RefreshState;
}

/**
 * What is done under the lock: read again, refresh if that is still needed, store. Each part ends by itself after a time, so that
 * the lock comes free.
 */
export async function transact(job: RefreshJob, lease: AbortSignal): Promise<RefreshOutcome> {
  const { context, cell, need, metadata } = job;
  const { http, now } = context;
  const { grant } = cell;
  const begunAt = now();
  const plan = await inStoreTime(cell, prepare);
  if (!("state" in plan)) return plan;
  const { tokens, over, state } = plan;
  // the timers of a process that slept are late, and its lock is another's
  if (lease.aborted || now() - begunAt > MAX_STORE_MS) {
    const current = await inStoreTime(cell, () => readTokens(context, cell));
    if (current && isUsable(cell, need, now())) return adopt(current);
    throw storeError("lock_timeout", "could not keep the lock", cell.name, "try again", lease.reason);
  }
  // there are some, unless a grant needs none
  const renewal = tokens as unknown as TokenSet;
  // read while the refresh is under way; the refresh token goes to the issuer it came from, whatever the answer
  const moved = grant || need.refused === undefined ? undefined : hasMoved(context, cell, renewal, need.challenge);
  const timeoutMs = Math.min(http.timeoutMs ?? MAX_REQUEST_MS, MAX_REQUEST_MS);
  const request = (signal: AbortSignal): Promise<TokenSet> => {
    const options = { ...http, timeoutMs, signal };
    return grant
      ? grant.renew(job, tokens, options)
      : refreshTokens(stampedServer(context, cell, renewal, metadata), renewal, options);
  };
  // a second request, or what the host has to sign, must not keep the lock either
  const settle = await inTime(request, 2 * MAX_REQUEST_MS, () => noAnswer(cell)).then(
    (renewed) => () => accept(renewed),
    (error: unknown) => {
      if (!isAuthError(error)) throw error;
      return () => decline(error);
    },
  );
  return { moved, ...(await inStoreTime(cell, settle)) };

  /** Looks whether a refresh is still needed, and makes sure that its answer can be kept. */
  async function prepare(): Promise<Plan | RefreshOutcome> {
    const current = await readTokens(context, cell);
    const over = cell.stored;
    if (current === undefined && !grant) return {};
    if (current && isUsable(cell, need, now())) return adopt(current);
    const before = await readState(context, cell);
    const known = current && current.accessToken === need.refused ? await afterRefusal(before, current, now()) : before;
    if (known !== before) await writeState(context, cell, known);
    const refreshToken = current?.refreshToken;
    if (
      !grant &&
      (!refreshToken ||
        refreshToken === cell.refusedRefresh ||
        (known.refusedRefresh && known.refusedRefresh === (await sha256(refreshToken))))
    ) {
      await deleteTokens(context, cell);
      return {};
    }
    const early = tooEarly(known, cell, need.challenge, now());
    if (early && !metadata) {
      rest(cell, early.retryAt);
      throw early;
    }
    if (need.final) return {};
    const announced = announce(known, current);
    await writeState(context, cell, announced);
    return { tokens: current, over, state: announced };
  }

  async function accept(renewed: TokenSet): Promise<RefreshOutcome> {
    cell.renewed = renewed.accessToken;
    context.unsaved.set(cell, renewed);
    cell.stored = over;
    // writes them, unless others have: a lease can be lost, and a sign-out or a login does not wait for ever
    const current = await readTokens(context, cell);
    if (current?.accessToken !== renewed.accessToken) return takeOver(current);
    const { refusedAccess, refusals } = state;
    if (refusedAccess && (!tokens || refusedAccess === (await markOf(tokens)))) {
      // whether the server takes the new token any better is not known yet
      await writeState(context, cell, { refusedAccess, refusals }).catch(() => undefined);
    } else {
      await forgetState(context, cell);
    }
    context.emit({ type: "refreshed", ...cell.key });
    return { tokens: renewed };
  }

  async function decline(error: AnyAuthError): Promise<RefreshOutcome> {
    context.emit({ type: "refresh_failed", ...cell.key, error });
    const doubt =
      error.code === "token_request_rejected" && !isGone(error)
        ? `${error.status} ${error.oauthError}`.slice(0, 99)
        : undefined;
    // what comes in one burst may be one mishap
    const isBurst = Math.abs(now() - Number(state.doubtedAt)) < MIN_DOUBT_MS;
    if (!grant && (error.code === "refresh_rejected" || (doubt && doubt === state.doubt && !isBurst))) {
      const { refreshToken = "", registration } = renewal;
      cell.refusedRefresh = refreshToken;
      await writeState(context, cell, { refusedRefresh: await sha256(refreshToken) });
      const current = await readTokens(context, cell);
      if (current?.refreshToken !== refreshToken) return takeOver(current);
      await deleteTokens(context, cell);
      if (isClientRefusal(error)) await forgetRegistration(context, registration);
      return {};
    }
    const failed = afterFailure(state, error, doubt, now());
    const { retryAt: value } = failed;
    await writeState(context, cell, failed).catch(() => undefined);
    rest(cell, value);
    cell.failure = error;
    throw Object.defineProperty(error, "retryAt", { value, enumerable: true, configurable: true });
  }

  function adopt(current: TokenSet): RefreshOutcome {
    context.emit({ type: "refresh_adopted", ...cell.key });
    return { tokens: current };
  }

  /** What another process stored meanwhile is the truth, and must not be deleted. */
  function takeOver(current: TokenSet | undefined): RefreshOutcome {
    if (current === undefined) return {};
    return isUsable(cell, need, now()) ? adopt(current) : { again: true };
  }
}

/** A store that hangs must not keep the lock. What it does later does no harm, as no token request follows. */
const inStoreTime = <T>({ name }: TokenCell, work: () => Promise<T>): Promise<T> =>
  callStore("keep", name, work, MAX_STORE_MS);
