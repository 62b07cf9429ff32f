import type { FetchLike } from "../index.js";
import { ambientFetch, startDeadline } from "../platform.js";
import { initializeRequest } from "./initialize-request.js";
import { describeUnreachable } from "./unreachable.js";

const TIMEOUT_MS = 15_000;

/** An answer of the MCP server, its body unread, or why there was none. */
export type RequestOutcome =
  | { readonly response: Response; readonly redirectedTo?: string }
  | { readonly response: undefined; readonly reason: string };

/** Asks the MCP server as a client does; a redirect is noted before it is followed. */
export async function requestMcp(
  serverUrl: URL,
  options: {
    readonly fetch?: FetchLike | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly accessToken?: string;
  },
): Promise<RequestOutcome> {
  const { fetch = ambientFetch, signal, accessToken } = options;
  const late = (): Error => new Error(`no answer within ${TIMEOUT_MS / 1000} seconds`);
  const deadline = startDeadline(signal, TIMEOUT_MS, late);
  try {
    const response = await fetch(serverUrl, initializeRequest(deadline.signal, { accessToken, redirect: "manual" }));
    await response.body?.cancel();
    const location = response.headers.get("location");
    // a token goes nowhere but to the server that it is for
    if (location === null || response.status < 300 || response.status > 399 || accessToken !== undefined) {
      return { response };
    }
    const target = new URL(location, serverUrl);
    const followed = await fetch(target, initializeRequest(deadline.signal));
    await followed.body?.cancel();
    return { response: followed, redirectedTo: target.origin + target.pathname };
  } catch (error) {
    signal?.throwIfAborted();
    const { cause = error } = error as { readonly cause?: unknown };
    return { response: undefined, reason: describeUnreachable(serverUrl, cause) };
  } finally {
    deadline.release();
  }
}
