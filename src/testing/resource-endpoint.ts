import type { AuthServerContext } from "./auth-server-context.js";
import { DPOP_ALGORITHM } from "./dpop-proof.js";
import { scopesOf } from "./fake-auth-server-options.js";
import type { Settings } from "./fake-auth-server-options.js";
import { answerMcp } from "./mcp-answer.js";
import { json } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";

/** The protected MCP server: RFC 6750 with the challenges of RFC 9728 §5.1 and of MCP's step-up. */
export async function answerResource(
  { settings, grants, dpop }: AuthServerContext,
  received: ReceivedRequest,
): Promise<Response> {
  const { request } = received;
  const credentials = request.headers.get("authorization") ?? "";
  const schemes = settings.dpop === undefined ? /^(bearer) +([^ ]+)$/i : /^(bearer|dpop) +([^ ]+)$/i;
  const [, scheme = "", value] = schemes.exec(credentials) ?? [];
  const refuse = (status: 401 | 403, params: ChallengeParams): Response => challenge(settings, scheme, status, params);
  const base = scopesOf(settings.requiredScope);
  if (value === undefined) return refuse(401, { scope: base.join(" ") });

  const token = await grants.findAccessToken(value);
  const problem =
    token === undefined
      ? "the access token is not known here"
      : token.grant.revoked
        ? "the access token was revoked"
        : !grants.isLive(token)
          ? "the access token has expired"
          : token.grant.resource !== settings.resource
            ? "the access token is for no particular resource"
            : undefined;
  if (token === undefined || problem !== undefined) {
    return refuse(401, { error: "invalid_token", error_description: problem, scope: base.join(" ") });
  }
  const misuse = await dpop.checkResourceRequest(received, scheme, value);
  if (misuse !== undefined) return refuse(401, { ...misuse, scope: base.join(" ") });

  const needed = [...new Set([...base, ...operationScopes(settings, received)])];
  if (needed.some((scope) => !token.scopes.includes(scope))) {
    return refuse(403, {
      error: "insufficient_scope",
      error_description: "the access token lacks a scope",
      scope: needed.join(" "),
    });
  }
  const { clientId, subject } = token.grant;
  const context = { clientId, subject, scope: token.scopes.join(" ") };
  return (
    settings.handleResource?.(request, context) ?? answerMcp(received, context, Object.keys(settings.toolScopes ?? {}))
  );
}

function operationScopes(
  { pathScopes = {}, toolScopes = {} }: Settings,
  { url, json: body }: ReceivedRequest,
): string[] {
  const ofPath = Object.entries(pathScopes)
    .filter(([path]) => url.pathname === path || url.pathname.startsWith(`${path}/`))
    .map(([, scope]) => scope);
  const messages: unknown[] = Array.isArray(body) ? body : [body];
  const ofTools = messages.map((message) => {
    const name = toolOf(message);
    return name !== undefined && Object.hasOwn(toolScopes, name) ? toolScopes[name] : undefined;
  });
  return [...ofPath, ...ofTools].flatMap(scopesOf);
}

function toolOf(message: unknown): string | undefined {
  const { method, params } = (message ?? {}) as { method?: unknown; params?: { name?: unknown } | null };
  const name = method === "tools/call" ? params?.name : undefined;
  return typeof name === "string" ? name : undefined;
}

type ChallengeParams = Readonly<Record<string, string | undefined>>;

/** The problem is said to the scheme that the request used; where both are known, the other one is named beside it. */
function challenge(settings: Settings, scheme: string, status: 401 | 403, params: ChallengeParams): Response {
  const named = settings.resourceMetadata === "challenge";
  const all = { ...params, resource_metadata: named ? settings.endpoints.protectedResourceMetadata : undefined };
  const list = Object.entries(all).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [`${name}="${value.replace(/[\\"]/g, "\\$&")}"`],
  );
  const { dpop } = settings;
  const isDpop = dpop !== undefined && (dpop.required === true || scheme.toLowerCase() === "dpop");
  const algorithms = `algs="${DPOP_ALGORITHM}"`;
  const main = isDpop
    ? `DPoP ${[algorithms, ...list].join(", ")}`
    : ["Bearer", list.join(", ")].filter(Boolean).join(" ");
  const other = dpop === undefined || dpop.required === true ? "" : isDpop ? "Bearer" : `DPoP ${algorithms}`;
  return json(
    status,
    { error: params["error"] ?? "unauthorized" },
    { "www-authenticate": [main, other].filter(Boolean).join(", ") },
  );
}
