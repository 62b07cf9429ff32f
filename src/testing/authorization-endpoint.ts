import type { AuthServerContext } from "./auth-server-context.js";
import type { KnownClient } from "./clients.js";
import { isRegisteredRedirectUri } from "./redirect-uris.js";
import { consentForm, DEFAULT_SUBJECT, nameOfClient, readDecision } from "./consent-form.js";
import type { Decision } from "./consent-form.js";
import type { Settings } from "./fake-auth-server-options.js";
import { scopesOf } from "./fake-auth-server-options.js";
import { notFound, OAuthRefusal } from "./oauth-refusal.js";
import { markup, page } from "./page.js";
import { parameterOf, requireFormPost, requireMethod, requiredParameterOf } from "./received-request.js";
import type { ReceivedRequest } from "./received-request.js";
import { requestedScopes } from "./scopes.js";

/**
 * The authorization endpoint, RFC 6749 §4.1. What is wrong with the client or its redirect URI is answered here, all else at the
 * redirect URI. Without a `decision` the user is asked.
 */
export async function answerAuthorization(
  context: AuthServerContext,
  { request, url }: ReceivedRequest,
  decision: Decision | undefined,
): Promise<Response> {
  requireMethod(request, "GET");
  const client = await findClient(context, url.searchParams);
  return redirect(context, url.searchParams, () => {
    const asked = readAuthorizationRequest(context.settings, client, url.searchParams);
    const isAsking = decision === undefined && context.settings.consentPage;
    return isAsking ? askForConsent(context.settings, asked, url) : issueCode(context, asked, decision ?? {});
  });
}

/** Where the form of the consent page is sent, with the query of the authorization request. */
export async function answerConsent(context: AuthServerContext, received: ReceivedRequest): Promise<Response> {
  if (!context.settings.consentPage) return notFound();
  requireFormPost(received);
  const query = received.url.searchParams;
  const client = await findClient(context, query);
  const decision = readDecision(received.form);
  return redirect(context, query, () =>
    issueCode(context, readAuthorizationRequest(context.settings, client, query), decision),
  );
}

async function findClient({ settings, clients }: AuthServerContext, query: URLSearchParams): Promise<KnownClient> {
  const client = await clients.find(requiredParameterOf(query, "client_id"));
  if (client === undefined) throw new OAuthRefusal(400, "invalid_client", "the client is not known here");
  const redirectUri = requiredParameterOf(query, "redirect_uri");
  if (!isRegisteredRedirectUri(redirectUri, client, settings.anyLoopbackPort)) {
    throw new OAuthRefusal(400, "invalid_request", 'the "redirect_uri" is not registered for this client');
  }
  return client;
}

/** Answers at the redirect URI with a code, or with the refusal that `decide` throws. A page goes to the user. */
async function redirect(
  { settings }: AuthServerContext,
  query: URLSearchParams,
  decide: () => string | Promise<Response>,
): Promise<Response> {
  const callback = new URL(requiredParameterOf(query, "redirect_uri"));
  const state = query.get("state");
  if (state !== null) callback.searchParams.set("state", state);
  const { sent } = settings.iss;
  if (sent !== false) callback.searchParams.set("iss", sent === true ? settings.issuer : sent);
  try {
    const decided = decide();
    if (typeof decided !== "string") return await decided;
    callback.searchParams.set("code", decided);
  } catch (refusal) {
    if (!(refusal instanceof OAuthRefusal)) throw refusal;
    callback.searchParams.set("error", refusal.error);
    callback.searchParams.set("error_description", refusal.message);
  }
  return new Response(null, { status: 302, headers: { location: callback.href, "cache-control": "no-store" } });
}

type AuthorizationRequest = ReturnType<typeof readAuthorizationRequest>;

function readAuthorizationRequest(settings: Settings, client: KnownClient, query: URLSearchParams) {
  parameterOf(query, "state");
  if (requiredParameterOf(query, "response_type") !== "code") {
    throw new OAuthRefusal(400, "unsupported_response_type", 'only the response type "code" is supported');
  }
  if ((parameterOf(query, "response_mode") ?? "query") !== "query") {
    throw new OAuthRefusal(400, "invalid_request", 'only the response mode "query" is supported');
  }
  if (!client.grant_types.includes("authorization_code")) {
    throw new OAuthRefusal(400, "unauthorized_client", "the client is not registered for this grant");
  }
  return {
    client,
    redirectUri: requiredParameterOf(query, "redirect_uri"),
    nonce: parameterOf(query, "nonce"),
    dpopKey: parameterOf(query, "dpop_jkt"),
    resource: resourceOf(settings, query),
    scopes: requestedScopes(settings, query),
    ...codeChallengeOf(settings, query),
  };
}

async function askForConsent(
  settings: Settings,
  { client, resource = settings.resource, scopes, redirectUri }: AuthorizationRequest,
  url: URL,
): Promise<Response> {
  const { protocol, host } = new URL(redirectUri);
  const form = consentForm({
    client,
    resource,
    scopes,
    action: settings.endpoints.consent + url.search,
    note: markup`<p>Either way you are sent back to <code>${protocol}//${host}</code>.</p>`,
  });
  return page(200, `Allow ${nameOfClient(client)}?`, form);
}

function issueCode(
  { grants, dpop }: AuthServerContext,
  { client, scopes, resource, dpopKey, ...rest }: AuthorizationRequest,
  decision: Decision,
): string {
  if ("error" in decision) throw new OAuthRefusal(400, decision.error, "the request was denied");
  const allowed = decision.scope === undefined ? undefined : scopesOf(decision.scope);
  const code = grants.issueCode({
    ...rest,
    grant: grants.create({
      clientId: client.client_id,
      subject: decision.subject ?? DEFAULT_SUBJECT,
      scopes: scopes.filter((scope) => allowed?.includes(scope) ?? true),
      resource,
    }),
  });
  dpop.bindCode(code, dpopKey);
  return code;
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
