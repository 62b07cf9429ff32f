import type { AuthSession } from "../index.js";
import { currentTime } from "../platform.js";

/** A session's access token for interfaces that send it by themselves, and do not say which one was refused. */
export interface BearerToken {
  /** The token for the next request; `undefined` when the user is needed. */
  get(): Promise<string | undefined>;
  /** The token that was refused, or `overtaken` when it may have been the one before, which has been replaced already. */
  refused(): { readonly accessToken: string | undefined } | "overtaken";
}

/** How long after a change of tokens a 401 may still be the answer to a request with the old one. */
const OVERTAKEN_MS = 10_000;

export function createBearerToken(session: AuthSession): BearerToken {
  let current: string | undefined;
  let overtakenUntil = 0;

  return {
    async get() {
      const token = await session.getAccessToken();
      if (token === current) return token;
      await refuseBoundTokens(session, token);
      if (current !== undefined && token !== undefined) overtakenUntil = currentTime() + OVERTAKEN_MS;
      current = token;
      return token;
    },
    refused() {
      const overtaken = currentTime() < overtakenUntil;
      // a second time it is the new one that was refused
      overtakenUntil = 0;
      return overtaken ? "overtaken" : { accessToken: current };
    },
  };
}

/** These interfaces send `Authorization: Bearer` and nothing else. */
async function refuseBoundTokens(session: AuthSession, accessToken: string | undefined): Promise<void> {
  const tokens = accessToken === undefined ? undefined : await session.getTokens();
  if (tokens === undefined || tokens.tokenType.toLowerCase() === "bearer") return;
  throw new TypeError(
    `the session's tokens are of type ${JSON.stringify(tokens.tokenType)}, which this interface cannot send: ` +
      "give the transport createAuthFetch(session) as its fetch",
  );
}
