import { AuthorizationError, isAuthError, quoteRemote } from "../errors.js";
import type { ClientRequestContext } from "../oauth/call-endpoint.js";
import type { DeviceAuthorization } from "../oauth/device-authorization-endpoint.js";
import { requestTokens } from "../oauth/token-endpoint.js";
import type { TokenGrant } from "../oauth/token-document.js";
import { currentTime, LONGEST_TIMER_MS, orAborted, startTimer } from "../platform.js";
import { DEVICE_GRANT } from "./device-registration.js";

const SLOWER_MS = 5_000;
const MAX_INTERVAL_MS = 60_000;

/**
 * Asks until the user has decided (RFC 8628 §3.4 and §3.5): not before the interval, more slowly when told so and when nothing comes
 * back. `undefined` when the code expired.
 */
export async function pollForTokens(
  context: ClientRequestContext,
  { deviceCode, expiresAt, intervalMs }: DeviceAuthorization,
): Promise<TokenGrant | undefined> {
  const { now = currentTime, signal } = context.options;
  let pause = intervalMs;
  for (;;) {
    const left = expiresAt - now();
    if (!(left > 0)) return undefined;
    await sleep(Math.min(pause, left, LONGEST_TIMER_MS), signal);
    try {
      const { resource } = context.server;
      return await requestTokens(context, DEVICE_GRANT, { device_code: deviceCode, resource });
    } catch (error) {
      if (isAuthError(error, "network_error") || isAuthError(error, "request_timeout")) {
        pause = Math.min(2 * pause, Math.max(MAX_INTERVAL_MS, pause));
      } else if (isAuthError(error, "server_error")) {
        pause = Math.max(pause, (error.retryAt ?? 0) - now());
      } else if (isAuthError(error, "token_request_rejected")) {
        const { oauthError } = error;
        if (oauthError === "slow_down") pause += SLOWER_MS;
        else if (oauthError === "expired_token") return undefined;
        else if (oauthError === "access_denied") {
          const said = `the user refused the login at ${quoteRemote(context.server.issuer)}`;
          const { oauthErrorDescription } = error;
          throw new AuthorizationError("authorization_denied", said, { oauthError, oauthErrorDescription });
        } else if (oauthError !== "authorization_pending") throw error;
      } else throw error;
    }
  }
}

async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let stop = (): void => undefined;
  const work = new Promise<void>((resolve) => (stop = startTimer(resolve, ms)));
  await orAborted(work, signal).finally(() => {
    stop();
  });
}
