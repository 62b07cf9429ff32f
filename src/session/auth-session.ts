import { authorize, finishAuthorization, logInWithBrowser, startAuthorization } from "./authorization.js";
import type { ClientContext } from "./client-context.js";
import { handleChallenge } from "./handle-challenge.js";
import { usableTokens } from "./refresh.js";
import { engines } from "./session-engine.js";
import type { AuthSession } from "./session-types.js";
import { signOut } from "./sign-out.js";
import { readTokens } from "./stored-tokens.js";
import type { TokenCell } from "./token-cell.js";

export function createAuthSession(context: ClientContext, cell: TokenCell): AuthSession {
  const { subject } = cell.key;
  // new tokens that are not stored yet have to be, before they are used
  const freshTokens = () => (context.now() < cell.freshUntil && !context.unsaved.has(cell) ? cell.tokens : undefined);
  const session: AuthSession = Object.freeze<AuthSession>({
    serverUrl: cell.serverUrl.href,
    subject,
    getTokens: () => readTokens(context, cell),
    async getAccessToken({ signal } = {}) {
      signal?.throwIfAborted();
      return (freshTokens() ?? (await usableTokens(context, cell, {}, signal)))?.accessToken;
    },
    async handleChallenge(response, options = {}) {
      await handleChallenge(context, cell, response, options);
    },
    startAuthorization: (options) => startAuthorization(context, cell, options),
    finishAuthorization: async (callback, options = {}) =>
      (await finishAuthorization(context, callback, { ...options, subject, cell })).tokens,
    authorize: (options) => authorize(context, cell, options, logInWithBrowser),
    signOut: (options = {}) => signOut(context, cell, options),
  });
  engines.set(session, { context, cell, freshTokens });
  return session;
}
