import type { AuthServerContext } from "./auth-server-context.js";
import type { KnownClient } from "./clients.js";
import { isRegisteredRedirectUri } from "./redirect-uris.js";
import type { Settings } from "./fake-auth-server-options.js";
import { scopesOf } from "./fake-auth-server-options.js";
import type { Grants } from "./grants.js";
import { requestedScopes } from "./scopes.js";
import { OAuthRefusal } from "./oauth-refusal.js";
import { parameterOf, requireMethod, requiredParameterOf } from "./received-request.js";
import type { ReceivedRequest } from "./received-request.js";

/** The one user, unless a test tells several. */
export const DEFAULT_SUBJECT = "user";

/** What the user does with an authorization request. */
export type Decision =
  /** Allows it, or of what it asks for the scopes in `scope`. */
  | { readonly scope?: string | undefined; readonly subject?: string | undefined }
  /** Ends it with this error. */
  | { readonly error: string };

/**
 * The authorization endpoint, RFC 6749 §4.1. What is wrong with the client or its redirect URI is answered here, all else at the
 * redirect URI.
 */
export async function answerAuthorization(
  { settings, clients, grants, dpop }: AuthServerContext,
  { request, url }: ReceivedRequest,
  decision: Decision,
): Promise<Response> {
  requireMethod(request, "GET");
  const query = url.searchParams;
  const client = await clients.find(requiredParameterOf(query, "client_id"));
  if (client === undefined) throw new OAuthRefusal(400, "invalid_client", "the client is not known here");
  const redirectUri = requiredParameterOf(query, "redirect_uri");
  if (!isRegisteredRedirectUri(redirectUri, client, settings.anyLoopbackPort)) {
    throw new OAuthRefusal(400, "invalid_request", 'the "redirect_uri" is not registered for this client');
  }

  const callback = new URL(redirectUri);
  const state = query.get("state");
  if (state !== null) callback.searchParams.set("state", state);
  const { sent } = settings.iss;
  if (sent !== false) callback.searchParams.set("iss", sent === true ? settings.issuer : sent);
  try {
    const code = issueCode(settings, grants, client, query, decision);
    dpop.bindCode(code, parameterOf(query, "dpop_jkt"));
    callback.searchParams.set("code", code);
  } catch (refusal) {
    if (!(refusal instanceof OAuthRefusal)) throw refusal;
    callback.searchParams.set("error", refusal.error);
    callback.searchParams.set("error_description", refusal.message);
  }
  return new Response(null, { status: 302, headers: { location: callback.href, "cache-control": "no-store" } });
}

function issueCode(
  settings: Settings,
  grants: Grants,
  client: KnownClient,
  query: URLSearchParams,
  decision: Decision,
): string {
  parameterOf(query, "state");
  if (requiredParameterOf(query, "response_type") !== "code") {
    throw new OAuthRefusal(400, "unsupported_response_type", 'only the response type "code" is supported');
  }
  if (!client.grant_types.includes("authorization_code")) {
    throw new OAuthRefusal(400, "unauthorized_client", "the client is not registered for this grant");
  }
  const pkce = codeChallengeOf(settings, query);
  const resource = resourceOf(settings, query);
  const scopes = requestedScopes(settings, query);
  if ("error" in decision) throw new OAuthRefusal(400, decision.error, "the request was denied");
  const allowed = decision.scope === undefined ? undefined : scopesOf(decision.scope);

  return grants.issueCode({
    grant: grants.create({
      clientId: client.client_id,
      subject: decision.subject ?? DEFAULT_SUBJECT,
      scopes: scopes.filter((scope) => allowed?.includes(scope) ?? true),
      resource,
    }),
    redirectUri: requiredParameterOf(query, "redirect_uri"),
    nonce: parameterOf(query, "nonce"),
    ...pkce,
  });
}

/** RFC 7636 §4.3. */
function codeChallengeOf({ codeChallengeMethods: methods }: Settings, query: URLSearchParams) {
  const codeChallenge = parameterOf(query, "code_challenge");
  const codeChallengeMethod = parameterOf(query, "code_challenge_method") ?? "plain";
  if (codeChallenge === undefined) {
    if (methods.length > 0)
      throw new OAuthRefusal(400, "invalid_request", "PKCE is required: there is no code_challenge");
    return { codeChallenge: undefined, codeChallengeMethod: undefined };
  }
  // a server that publishes no method may still know S256
  if (codeChallengeMethod !== "S256" && !methods.includes("plain")) {
    throw new OAuthRefusal(400, "invalid_request", "the code_challenge_method must be S256");
  }
  if (methods.length > 0 && !methods.some((method) => method === codeChallengeMethod)) {
    throw new OAuthRefusal(400, "invalid_request", "the code_challenge_method is not supported");
  }
  if (!(codeChallengeMethod === "S256" ? /^[\w-]{43}$/ : /^[\w.~-]{43,128}$/).test(codeChallenge)) {
    throw new OAuthRefusal(400, "invalid_request", "the code_challenge is malformed");
  }
  return { codeChallenge, codeChallengeMethod };
}

/** RFC 8707 §2. Servers that know no protected resource metadata ignore the parameter. */
export function resourceOf(settings: Settings, params: URLSearchParams): string | undefined {
  if (settings.resourceMetadata === "none") return settings.resource;
  const resources = params.getAll("resource");
  if (resources.some((resource) => resource !== settings.resource)) {
    throw new OAuthRefusal(400, "invalid_target", `the "resource" must be ${settings.resource}`);
  }
  return resources[0];
}
