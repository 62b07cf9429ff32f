import { AuthorizationError } from "../errors.js";
import { orAborted } from "../platform.js";
import { createAuthorizationRequest } from "../protocol/create-authorization-request.js";
import { exchangeCallback } from "../protocol/exchange-callback.js";
import { coversScope, selectScope } from "../protocol/scope.js";
import { withLock } from "../store/locks.js";
import { callStore, decodeRecord, recordKeys } from "../store/records.js";
import type { Callback, PendingAuthorization, TokenSet } from "../types.js";
import { callbackParameters } from "../wire/callback-parameters.js";
import type { ClientContext } from "./client-context.js";
import { discoverForSession } from "./discovery-cache.js";
import { forgetState } from "./refresh-state.js";
import { replaceRefused, resolveRegistration } from "./resolve-registration.js";
import type {
  AuthorizeOptions,
  FinishAuthorizationOptions,
  StartAuthorizationOptions,
  StartedAuthorization,
} from "./session-types.js";
import { changeTokens, readTokens, writeTokens } from "./stored-tokens.js";
import type { TokenCell } from "./token-cell.js";

export async function startAuthorization(
  context: ClientContext,
  cell: TokenCell,
  options: StartAuthorizationOptions,
): Promise<StartedAuthorization> {
  const { challenge, extraParams, signal } = options;
  cell.grant?.refuseLogin();
  signal?.throwIfAborted();
  const server = await discoverForSession(context, cell, { challenge, signal });
  const dpopKeyId = await context.http.dpop?.chooseKey(server, challenge);
  const previous = await readTokens(context, cell);
  const { registration, redirectUri } = await resolveRegistration(context, server, previous, options);
  const scope = options.scope ?? selectScope(server, { challenge, previous: isStepUp(options) ? previous : undefined });
  const { authorizationUrl, pending } = await createAuthorizationRequest(server, registration, {
    redirectUri,
    scope,
    // RFC 9449 §10: nobody else can use the code
    extraParams: { ...extraParams, ...(dpopKeyId && { dpop_jkt: dpopKeyId }) },
    subject: cell.key.subject,
    ...context.http,
  });
  signal?.throwIfAborted();
  const { state, expiresAt } = pending;
  await context.records.set("pending", state, { ...pending, ...(dpopKeyId && { dpopKeyId }) }, expiresAt);
  context.emit({ type: "authorization_started", ...cell.key });
  return { authorizationUrl, state, expiresAt };
}

/** Only a demand for more scope adds to what was granted before; a plain login asks for what the server asks for now. */
export const isStepUp = ({ challenge }: LoginWish): boolean => challenge?.error === "insufficient_scope";

/** Errors after which a login is worth another try, as another client. */
const curable = /* @__PURE__ */ new WeakSet();

/** Whose login may be finished here. */
export interface FinishContext extends FinishAuthorizationOptions {
  /** The server it must have been started for; any, when absent. */
  readonly cell?: TokenCell | undefined;
}

export async function finishAuthorization(
  context: ClientContext,
  callback: Callback,
  options: FinishContext,
): Promise<{ readonly cell: TokenCell; readonly tokens: TokenSet }> {
  const { subject, signal, cell: expectedCell } = options;
  signal?.throwIfAborted();
  const state = callbackParameters(callback).get("state");
  // a browser without the cookie has another state, too
  if (state === null || ("state" in options && state !== options.state)) throw stateUnknown();
  // looked at before it is taken, so that a callback which reached the wrong user costs the right one nothing
  const found = await context.records.get("pending", state);
  if (found === undefined) throw stateUnknown();
  const recorded = context.cell(found.server.serverUrl, found.subject);
  const cell = expectedCell ?? recorded;
  if (found.subject !== undefined && found.subject !== subject) {
    throw new AuthorizationError("subject_mismatch", "this login was started for another user: start a new one");
  }
  if (cell.name !== recorded.name) throw stateUnknown();
  const pending = await takePending(context, state);
  if (pending === undefined) throw stateUnknown();
  const tokens = await exchangeCallback(pending, callback, { ...context.http, signal }).catch(
    async (error: unknown) => {
      if (await replaceRefused(context, pending, error).catch(() => false)) curable.add(error as object);
      throw error;
    },
  );
  await saveLogin(context, cell, tokens);
  return { cell, tokens };
}

/** Stores what a user was granted. */
export async function saveLogin(context: ClientContext, cell: TokenCell, tokens: TokenSet): Promise<void> {
  await changeTokens(context, cell, async () => {
    // what others stored meanwhile is what these tokens take the place of
    const replaced = await readTokens(context, cell).catch(() => undefined);
    await writeTokens(context, cell, tokens);
    await forgetState(context, cell);
    await context.http.dpop?.forget(replaced);
  });
  context.emit({
    type: "authorized",
    ...cell.key,
    scope: tokens.scope,
  });
}

/** One of all who hold the same callback gets the record: a reload of the callback page must not use the code again. */
async function takePending(
  { store, records }: ClientContext,
  state: string,
): Promise<PendingAuthorization | undefined> {
  if (store.take !== undefined) {
    const key = recordKeys.pending(state);
    return decodeRecord("pending", key, await callStore("take", key, () => store.take?.(key)), undefined);
  }
  return await withLock(store, `pending:${state}`, async () => {
    const pending = await records.get("pending", state);
    await records.delete("pending", state);
    return pending;
  });
}

const stateUnknown = (): AuthorizationError =>
  new AuthorizationError(
    "state_unknown",
    "no login waits for this callback (completed, expired, or not started here): start a new one",
  );

/** What a whole login is wanted for. */
export type LoginWish = Pick<AuthorizeOptions, "scope" | "challenge" | "force" | "signal">;

/** A whole login, with a browser unless `logIn` is another way. Whoever comes while one is under way waits and takes over its tokens. */
export async function authorize<O extends LoginWish>(
  context: ClientContext,
  cell: TokenCell,
  options: O,
  logIn: (context: ClientContext, cell: TokenCell, options: O) => Promise<TokenSet>,
): Promise<TokenSet> {
  const { signal, force, scope, challenge } = options;
  const stored = await readTokens(context, cell);
  // for whom the user is asked, a login that another process finished meanwhile is as good
  const before = cell.interaction === undefined ? stored?.accessToken : cell.interaction.before;
  return await withLock(
    context.store,
    `authorize:${cell.name}`,
    async () => {
      const current = await readTokens(context, cell);
      if (
        !force &&
        current !== undefined &&
        current.accessToken !== before &&
        coversScope(current.scope, scope ?? challenge?.scope)
      ) {
        return current;
      }
      return await logIn(context, cell, options).catch((error: unknown) => {
        if (curable.has(error as object)) return logIn(context, cell, options);
        throw error;
      });
    },
    // users take their time
    { signal, waitMs: Infinity },
  );
}

/** A login with a browser within this process. */
export async function logInWithBrowser(
  context: ClientContext,
  cell: TokenCell,
  options: AuthorizeOptions,
): Promise<TokenSet> {
  const { signal, interact } = options;
  const { authorizationUrl, state } = await startAuthorization(context, cell, options);
  // an interaction that does not look at the signal must not hold up the caller, or the next login
  const callback = await orAborted((async () => interact(authorizationUrl, { state, signal }))(), signal).catch(
    async (error: unknown) => {
      // nobody will come back to a login that was given up
      await context.records.delete("pending", state).catch(() => undefined);
      throw error;
    },
  );
  const { subject } = cell.key;
  return (await finishAuthorization(context, callback, { subject, state, signal, cell })).tokens;
}
