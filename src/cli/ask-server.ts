import { createAuthFetch, discoverAuthServer, isAuthError, knownServers } from "../index.js";
import type { AuthChallenge, AuthSession } from "../index.js";
import { ambientFetch, startDeadline } from "../platform.js";
import { CommandError } from "./command-error.js";
import { initializeRequest } from "./initialize-request.js";
import { connectionAdvice, describeUnreachable } from "./unreachable.js";

/** What an MCP server says to a request with the tokens that are stored, or with none. */
export type ServerAnswer =
  | { readonly kind: "accepted" }
  /** It wants a login. */
  | { readonly kind: "refused"; readonly challenge: AuthChallenge | undefined }
  /** It answers anybody, and publishes nothing about logins. */
  | { readonly kind: "open" };

const TIMEOUT_MS = 15_000;
/** Sends the first request of every MCP client, which shows whether the server takes a token, wants one, or needs none. */
export async function askServer(session: AuthSession, hasTokens: boolean, signal: AbortSignal): Promise<ServerAnswer> {
  const { serverUrl } = session;
  const late = (): Error =>
    new CommandError("request_timeout", `${serverUrl} did not answer within ${TIMEOUT_MS / 1000} seconds`, {
      next: "Try again later, or look at the URL.",
    });
  const deadline = startDeadline(signal, TIMEOUT_MS, late);
  try {
    const response = await createAuthFetch(session)(serverUrl, initializeRequest(deadline.signal));
    await endMcpSession(session, response);
    if (hasTokens && response.status < 400) return { kind: "accepted" };
    if (response.status === 404 || response.status === 410) {
      throw new CommandError("no_mcp_server", `${serverUrl} answers ${response.status}: there is no MCP server there`, {
        next: "Look at the URL, whose path counts: it often ends in /mcp.",
      });
    }
    if (await publishesResource(session, signal)) return { kind: "refused", challenge: undefined };
    if (response.status >= 400) {
      throw new CommandError(
        "no_mcp_server",
        `${serverUrl} answers ${response.status} and publishes nothing about logins`,
        {
          next: `Look at the URL, and at what "mcp-oauth doctor ${serverUrl}" says.`,
        },
      );
    }
    return { kind: "open" };
  } catch (error) {
    if (isAuthError(error, "authorization_required") || isAuthError(error, "token_not_accepted")) {
      return { kind: "refused", challenge: error.challenge };
    }
    if (error instanceof TypeError && error.cause !== undefined) throw unreachable(serverUrl, error.cause);
    throw error;
  } finally {
    deadline.release();
  }
}

/** A server may answer its first request to anybody and want a login for those that follow. */
async function publishesResource(session: AuthSession, signal: AbortSignal): Promise<boolean> {
  try {
    await discoverAuthServer(session.serverUrl, { legacyFallback: false, profiles: knownServers, signal });
    return true;
  } catch (error) {
    // what it publishes may be of no use; the login will say so
    if (isAuthError(error, "discovery_failed")) return error.cause !== undefined || error.attempts.some(wasFound);
    if (isAuthError(error)) return true;
    throw error;
  }
}

const wasFound = ({ status }: { readonly status?: number }): boolean => status !== undefined && status < 300;

async function endMcpSession({ serverUrl }: AuthSession, response: Response): Promise<void> {
  await response.body?.cancel();
  const id = response.headers.get("mcp-session-id");
  if (id === null) return;
  // not waited for: a courtesy
  await ambientFetch(serverUrl, { method: "DELETE", headers: { "mcp-session-id": id } }).then(
    (answer) => answer.body?.cancel(),
    () => undefined,
  );
}

const unreachable = (serverUrl: string, cause: unknown): CommandError =>
  new CommandError("network_error", describeUnreachable(new URL(serverUrl), cause), {
    next: connectionAdvice(cause),
  });
