import type { AuthorizationError } from "../errors.js";
import { coversScope, unionScopes } from "../protocol/scope.js";
import type { AuthChallenge, TokenSet } from "../types.js";
import { parseAuthChallenge } from "../wire/challenge.js";
import type { ClientContext } from "./client-context.js";
import { usableTokens } from "./refresh.js";
import { demandOf, notAccepted } from "./refresh-state.js";
import type { HandleChallengeOptions } from "./session-types.js";
import { readTokens } from "./stored-tokens.js";
import type { Need, TokenCell } from "./token-cell.js";

/** Whether a 403 asks for more scope, rather than refusing for good. */
export const asksForScope = (response: Response, challenge: AuthChallenge | undefined): boolean =>
  response.status === 403 && challenge?.error === "insufficient_scope";

/** Resolves when the request is worth sending again, with the tokens to send; throws what the host has to do otherwise. */
export async function handleChallenge(
  context: ClientContext,
  cell: TokenCell,
  response: Response,
  { accessToken, signal }: HandleChallengeOptions,
  challenge = parseAuthChallenge(response),
): Promise<TokenSet> {
  const need = { refused: accessToken, challenge };
  if (asksForScope(response, challenge)) return await widen(context, cell, need, signal);
  if (response.status !== 401) {
    throw new TypeError('"response" must be a 401, or a 403 that demands scope');
  }
  const tokens = await usableTokens(context, cell, need, signal);
  if (tokens === undefined) throw authorizationRequired(cell, challenge);
  return tokens;
}

export const authorizationRequired = (cell: TokenCell, challenge: AuthChallenge | undefined): AuthorizationError =>
  cell.grant
    ? notAccepted(cell, challenge)
    : demandOf(cell, "authorization_required", "needs a login: call session.authorize or session.startAuthorization", {
        challenge,
      });

/** A refresh cannot widen what was granted: someone has asked for more meanwhile, or the grant can, or the user is needed. */
async function widen(
  context: ClientContext,
  cell: TokenCell,
  { refused, challenge }: Need,
  signal: AbortSignal | undefined,
): Promise<TokenSet> {
  const tokens = await readTokens(context, cell);
  const demanded = challenge?.scope ?? (await publishedScope(context, cell));
  const isGranted = tokens !== undefined && coversScope(tokens.scope, demanded);
  if (isGranted && tokens.accessToken !== refused) return tokens;
  const scope = isGranted ? undefined : unionScopes(tokens?.requestedScope, tokens?.scope, demanded);
  const wider = scope && (await cell.grant?.widen(context, cell, { scope, challenge }, signal));
  if (wider) return wider;
  throw demandOf(
    cell,
    "insufficient_scope",
    "needs more scope: " +
      (isGranted
        ? "it refuses a token that has all it demands; another login will not help"
        : "call session.authorize with this error's challenge and scope"),
    { challenge, scope },
  );
}

/** A challenge that does not say which scope it wants is answered with what the resource publishes. */
async function publishedScope({ records }: ClientContext, cell: TokenCell): Promise<string | undefined> {
  const server = await records.get("server", cell.key.serverUrl);
  return server?.protectedResource.scopes_supported?.join(" ");
}
