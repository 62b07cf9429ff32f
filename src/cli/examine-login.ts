import {
  createAuthorizationRequest,
  exchangeCallback,
  isAuthError,
  refreshTokens,
  revokeTokens,
  selectScope,
} from "../index.js";
import type { AnyAuthError, Callback, FetchLike, TokenSet } from "../index.js";
import { describeExpiry } from "./describe-login.js";
import { fail, failWith, section } from "./doctor-report.js";
import type { AddCheck, Findings, Party } from "./doctor-report.js";
import { requestMcp } from "./examine-request.js";
import type { ReadyForLogin } from "./examine-options.js";
import type { RequirementName } from "./doctor-requirements.js";
import { watchPost } from "./watch-post.js";

/** What an examination of a login needs. */
export interface ExamineLoginOptions {
  readonly fetch?: FetchLike | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly scope?: string | undefined;
  /** Sends the user to a URL, and resolves with where the browser ended. */
  readonly interact: (authorizationUrl: URL, state: string) => Promise<Callback>;
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** What each step starts from. */
interface Step extends ExamineLoginOptions {
  readonly findings: Findings;
  readonly ready: ReadyForLogin;
}

/** Goes on through login, use, refresh and revocation. Nothing of it is kept. */
export async function examineLogin(
  findings: Findings,
  ready: ReadyForLogin,
  options: ExamineLoginOptions,
): Promise<void> {
  const step: Step = { ...options, findings, ready };
  const tokens = await logIn(step);
  if (tokens === undefined) return;
  const isAccepted = await useToken(step, "Use of the access token", tokens);
  const renewed = isAccepted ? await refresh(step, tokens) : undefined;
  await revoke(step, renewed ?? tokens);
}

/** Whose fault it is that a login did not end in tokens. */
function faultOf(error: AnyAuthError): Party {
  if (error.code === "authorization_denied")
    return error.oauthError === "access_denied" ? "user" : "authorization_server";
  // with a cause the browser did come back, but not as it was sent
  return error.code === "callback_timeout" && error.cause === undefined ? "user" : "authorization_server";
}

/** What a login that did not end in tokens was judged by. */
function requirementsOf(error: AnyAuthError): readonly RequirementName[] {
  if (error.code === "callback_issuer_mismatch") return [82];
  if ("oauthError" in error && error.oauthError === "invalid_target") return [68, 90];
  if (error.code === "authorization_denied") return [];
  return /^(callback|state)_/.test(error.code) ? [81] : ["tokenResponse"];
}

async function logIn(step: Step): Promise<TokenSet | undefined> {
  const { findings, ready, fetch, signal, interact } = step;
  const { server, registration, redirectUri, challenge } = ready;
  const add = section(findings, "Login");
  const scope = step.scope ?? selectScope(server, { challenge });
  const { authorizationUrl, pending } = await createAuthorizationRequest(server, registration, { redirectUri, scope });
  const post = watchPost(fetch);
  try {
    const callback = await interact(authorizationUrl, pending.state);
    const tokens = await exchangeCallback(pending, callback, { fetch: post.fetch, signal });
    add("ok", "the callback is of this login, and its code gives tokens", {
      ...post.asked(),
      requirements: [82, 90],
    });
    judgeTokens(add, tokens);
    return tokens;
  } catch (error) {
    if (!isAuthError(error)) throw error;
    failWith(findings, add, faultOf(error), error, { ...post.asked(), requirements: requirementsOf(error) });
    return undefined;
  }
}

const words = (scope = ""): readonly string[] => scope.split(" ").filter(Boolean);

function judgeTokens(add: AddCheck, tokens: TokenSet): void {
  const { expiresAt, refreshToken, scope, requestedScope } = tokens;
  if (expiresAt !== undefined) {
    add("ok", `the access token is valid ${describeExpiry(tokens)}`, { requirements: ["tokenResponse"] });
  } else {
    add("warning", 'the token response has no usable "expires_in"', {
      requirements: ["tokenResponse"],
      client: "It uses the token until it is refused.",
    });
  }
  if (refreshToken === undefined) {
    add("warning", "there is no refresh token", {
      requirements: [104],
      client: "The user logs in again when the access token has run out.",
    });
  }
  // what it asks for is a refresh token, which some give without saying so
  const given = refreshToken === undefined ? words(scope) : [...words(scope), "offline_access"];
  const missing = words(requestedScope).filter((word) => !given.includes(word));
  if (missing.length > 0) {
    add("warning", `less scope was granted than asked for: ${missing.join(" ")} is missing`, {
      requirements: [60],
      client: "It asks again when the server says that more is needed.",
    });
  }
}

/** Whether the MCP server takes the token. */
async function useToken(step: Step, title: string, { accessToken, resource }: TokenSet): Promise<boolean> {
  const { findings, ready } = step;
  step.onProgress?.("Using the access token");
  const { fetch, signal } = step;
  const serverUrl = new URL(ready.server.serverUrl);
  const add = section(findings, title);
  const at = { method: "POST", url: serverUrl.href } as const;
  const outcome = await requestMcp(serverUrl, { fetch, signal, accessToken });
  if (outcome.response === undefined) {
    add("error", outcome.reason, at);
    fail(findings, "network", outcome.reason);
    return false;
  }
  const { status } = outcome.response;
  if (status !== 401 && status !== 403 && status < 500) {
    add("ok", "the server takes the token", { ...at, status, requirements: [97] });
    return true;
  }
  const reason = `the server does not take the token that was issued for ${resource}: it answers ${status}`;
  const client = "It reports that fresh tokens are refused, and does not log in again and again.";
  add("error", reason, { ...at, status, requirements: [68, 97], client });
  fail(findings, "mcp_server", reason);
  return false;
}

async function refresh(step: Step, tokens: TokenSet): Promise<TokenSet | undefined> {
  const { findings, ready, fetch, signal } = step;
  if (tokens.refreshToken === undefined) return undefined;
  step.onProgress?.("Refreshing the tokens");
  const add = section(findings, "Refresh");
  const post = watchPost(fetch);
  try {
    const renewed = await refreshTokens(ready.server, tokens, { fetch: post.fetch, signal });
    const isRotated = renewed.refreshToken !== tokens.refreshToken;
    add("ok", "the refresh token gives a new access token", { ...post.asked(), requirements: ["refresh"] });
    add(
      isRotated ? "ok" : "info",
      isRotated ? "the refresh token is a new one too" : "the refresh token stays the same",
      {
        requirements: ["rotation"],
      },
    );
    await useToken(step, "Use of the new access token", renewed);
    return renewed;
  } catch (error) {
    if (!isAuthError(error)) throw error;
    failWith(findings, add, "authorization_server", error, { ...post.asked(), requirements: ["refresh"] });
    return undefined;
  }
}

async function revoke(step: Step, tokens: TokenSet): Promise<void> {
  const { findings, ready, fetch, signal } = step;
  if (ready.server.authorizationServer.revocation_endpoint === undefined) return;
  step.onProgress?.("Revoking the tokens");
  const add = section(findings, "Revocation");
  const post = watchPost(fetch);
  const requirements = ["revocation"] as const;
  try {
    await revokeTokens(ready.server, tokens, { fetch: post.fetch, signal });
    add("ok", "the tokens are revoked", { ...post.asked(), requirements });
  } catch (error) {
    if (!isAuthError(error)) throw error;
    add("warning", error.message, { ...post.asked(), requirements, client: "It deletes the tokens all the same." });
    return;
  }
  const serverUrl = new URL(ready.server.serverUrl);
  const { response } = await requestMcp(serverUrl, { fetch, signal, accessToken: tokens.accessToken });
  if (response?.status === 401) add("ok", "the server does not take the revoked token any more", { status: 401 });
  else if (response !== undefined) {
    add("info", `the server answers the revoked token with ${response.status}`, {
      status: response.status,
      client: "Tokens that are checked without asking work until they run out.",
    });
  }
}
