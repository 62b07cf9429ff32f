import { AuthorizationError, DiscoveryError, isAuthError, quoteRemote } from "../errors.js";
import { requestDeviceAuthorization, type DeviceAuthorization } from "../oauth/device-authorization-endpoint.js";
import { withoutUndefined } from "../oauth/without-undefined.js";
import { orAborted } from "../platform.js";
import { authorize, isStepUp, saveLogin } from "../session/authorization.js";
import type { ClientContext } from "../session/client-context.js";
import { selectScope } from "../protocol/scope.js";
import { discoverForSession } from "../session/discovery-cache.js";
import { forgetRegistration } from "../session/resolve-registration.js";
import { engineOf } from "../session/session-engine.js";
import type { AuthSession } from "../session/session-types.js";
import { readTokens } from "../session/stored-tokens.js";
import type { AuthChallenge, ClientRegistration, MaybePromise, ServerMetadata, TokenSet } from "../types.js";
import { checkUrl } from "../wire/url-policy.js";
import { resolveDeviceRegistration } from "./device-registration.js";
import { pollForTokens } from "./poll-for-tokens.js";

/** Options of {@link authorizeWithDeviceCode}. @public */
export interface DeviceCodeOptions {
  /** Shows the user where to go and what to enter there. The login goes on as soon as it resolves, or at once. */
  readonly onUserCode: (prompt: UserCodePrompt) => MaybePromise<void>;
  /** Space-separated scopes to request, exactly these.
   * @defaultValue as {@link selectScope} chooses from `challenge`, the protected resource metadata and earlier grants */
  readonly scope?: string | undefined;
  /** The challenge that made this login necessary, from `error.challenge` or `onAuthorizationRequired`. */
  readonly challenge?: AuthChallenge | undefined;
  /** Log in even though another login has just succeeded.
   * @defaultValue false */
  readonly force?: boolean | undefined;
  /** Ends the login; the promise rejects with `signal.reason`, and nobody asks for tokens any more. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link DeviceCodeOptions.onUserCode} has to show. @public */
export interface UserCodePrompt {
  /** What the user enters. */
  readonly userCode: string;
  /** Where the user enters it, on whatever device; short enough to be typed. */
  readonly verificationUri: URL;
  /** The same with the code in it, for a link or a QR code; the user still compares the code. */
  readonly verificationUriComplete: URL | undefined;
  /** Milliseconds since the epoch after which the code is of no use. */
  readonly expiresAt: number;
}

/**
 * Logs in with a browser on another device: the user opens a short URL there, enters a code and approves. For terminals without a
 * browser, SSH, containers and televisions; where a loopback redirect is possible, it is the better way.
 *
 * @remarks
 * Needs an authorization server with a `device_authorization_endpoint`. Asks the token endpoint as often as the server allows
 * (`interval`, `slow_down`), goes on through failures of the network, and ends when the code does. Show the user what is being
 * allowed: whoever is made to enter a foreign code logs a stranger in.
 *
 * @param session - from {@link AuthClient.session}, without a `grant`
 * @returns what was granted; already stored
 * @throws {@link AuthorizationError} `authorization_denied` when the user refused, `device_code_expired` when nobody approved in
 * time; {@link DiscoveryError} `device_authorization_unsupported` when the server has no such endpoint, which is found out before a
 * client is registered; {@link TokenError} `token_request_rejected` when it refuses the client or the scope; else as
 * `session.startAuthorization`, and what `onUserCode` throws
 * @throws `TypeError` when the session has a grant
 * @example
 * ```ts
 * await authorizeWithDeviceCode(session, {
 *   onUserCode: ({ userCode, verificationUri }) => console.log(`Open ${verificationUri.href} and enter ${userCode}`),
 * });
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc8628#section-3 | RFC 8628 §3}
 * @public
 */
export async function authorizeWithDeviceCode(session: AuthSession, options: DeviceCodeOptions): Promise<TokenSet> {
  const { context, cell } = engineOf(session);
  cell.grant?.refuseLogin();
  if (typeof options.onUserCode !== "function") throw new TypeError("onUserCode must be a function");
  return await authorize(context, cell, options, async () => {
    const { challenge, signal } = options;
    const server = await discoverForSession(context, cell, { challenge, signal });
    if (server.authorizationServer.device_authorization_endpoint === undefined) {
      throw new DiscoveryError(
        "device_authorization_unsupported",
        `${quoteRemote(server.issuer)} has no login by device code; log in with a browser instead`,
      );
    }
    const dpopKeyId = await context.http.dpop?.chooseKey(server, challenge);
    const previous = await readTokens(context, cell);
    const scope =
      options.scope ?? selectScope(server, { challenge, previous: isStepUp(options) ? previous : undefined });
    const start = async (mayRepeat: boolean): Promise<readonly [ClientRegistration, DeviceAuthorization]> => {
      const registration = await resolveDeviceRegistration(context, server, previous, signal);
      const request = { server, registration, options: { ...context.http, signal } };
      try {
        return [registration, await requestDeviceAuthorization(request, { resource: server.resource, scope })];
      } catch (error) {
        const isForgotten = isAuthError(error, "token_request_rejected") && error.oauthError === "invalid_client";
        if (!mayRepeat || !isForgotten || registration.source !== "dynamic") throw error;
        await forgetRegistration(context, registration);
        return await start(false);
      }
    };
    const [registration, authorization] = await start(true);
    await orAborted(Promise.resolve(options.onUserCode(await promptOf(context, server, authorization))), signal);
    const http = { ...context.http, signal };
    const request = { server, registration, options: http, dpopKeyId };
    const granted = await pollForTokens(request, authorization);
    if (granted === undefined) {
      throw new AuthorizationError(
        "device_code_expired",
        `nobody approved the code at ${quoteRemote(server.issuer)} before it expired; start the login again`,
      );
    }
    const tokens = withoutUndefined<TokenSet>({
      ...granted,
      scope: granted.scope ?? scope,
      requestedScope: scope,
      issuer: server.issuer,
      tokenEndpoint: server.authorizationServer.token_endpoint,
      resource: server.resource,
      registration,
    });
    await saveLogin(context, cell, tokens);
    return tokens;
  });
}

/** The user is sent nowhere but where the library would send a browser. */
async function promptOf(
  { http }: ClientContext,
  server: ServerMetadata,
  { userCode, verificationUri, verificationUriComplete, expiresAt }: DeviceAuthorization,
): Promise<UserCodePrompt> {
  const guard = { purpose: "verification_uri" as const, serverUrl: new URL(server.serverUrl), http };
  return {
    userCode,
    verificationUri: await checkUrl(verificationUri, guard),
    verificationUriComplete: verificationUriComplete ? await checkUrl(verificationUriComplete, guard) : undefined,
    expiresAt,
  };
}
