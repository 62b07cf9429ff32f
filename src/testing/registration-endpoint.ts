import type { ClientMetadata } from "../index.js";
import type { Clients, KnownClient } from "./clients.js";
import type { Settings } from "./fake-auth-server-options.js";
import { notFound } from "./metadata-endpoints.js";
import { OAuthRefusal, json } from "./oauth-refusal.js";
import type { ReceivedRequest } from "./received-request.js";
import { requireMethod } from "./received-request.js";
import type { Secrets } from "./secrets.js";

const GRANT_TYPES = ["authorization_code", "refresh_token"];

/** Dynamic client registration, RFC 7591 §3. */
export function answerRegistration(
  settings: Settings,
  clients: Clients,
  secrets: Secrets,
  now: number,
  { request, json: body }: ReceivedRequest,
): Response {
  if (settings.registration === "none") return notFound();
  requireMethod(request, "POST");
  if (settings.registration === "closed") requireInitialAccessToken(settings, request);
  const metadata = validMetadata(settings, body);
  const client: KnownClient = {
    ...metadata,
    client_id: secrets.create("client"),
    ...(metadata.token_endpoint_auth_method !== "none" && {
      client_secret: secrets.create("client_secret"),
      client_secret_expires_at: 0,
    }),
    client_id_issued_at: Math.floor(now / 1000),
  };
  clients.add(client);
  return json(201, client);
}

function requireInitialAccessToken({ initialAccessToken }: Settings, request: Request): void {
  const [, token] = /^bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  if (token !== undefined && token === initialAccessToken) return;
  throw new OAuthRefusal(401, "invalid_token", "registration needs an initial access token", {
    "www-authenticate": token === undefined ? "Bearer" : 'Bearer error="invalid_token"',
  });
}

type Registered = ClientMetadata &
  Pick<KnownClient, "redirect_uris" | "token_endpoint_auth_method" | "grant_types"> & { readonly client_id?: never };

function validMetadata(settings: Settings, body: unknown): Registered {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("the body must be a JSON object");
  const asked = body as ClientMetadata;
  const redirectUris = stringsOf(asked, "redirect_uris", []);
  const grantTypes = stringsOf(asked, "grant_types", ["authorization_code"]);
  const responseTypes = stringsOf(asked, "response_types", ["code"]);
  const { token_endpoint_auth_method: method = "client_secret_basic", application_type: type = "web" } = asked;

  if (!settings.tokenEndpointAuthMethods.includes(method))
    throw invalid(`"token_endpoint_auth_method" ${method} is not supported`);
  if (grantTypes.some((one) => !GRANT_TYPES.includes(one)))
    throw invalid('"grant_types" holds one that is not supported');
  if (responseTypes.some((one) => one !== "code")) throw invalid('"response_types" holds one that is not supported');
  if (!grantTypes.includes("authorization_code") || responseTypes.length === 0) {
    throw invalid('"grant_types" must hold authorization_code, and "response_types" code');
  }
  if (asked.scope !== undefined && typeof asked.scope !== "string") throw invalid('"scope" must be a string');
  if (redirectUris.length === 0) throw invalidRedirectUri("there must be at least one");
  for (const uri of redirectUris) requireRedirectUri(uri, settings.applicationTypeRules === true ? type : undefined);

  return {
    ...asked,
    redirect_uris: redirectUris,
    grant_types: settings.issueRefreshTokens === false ? ["authorization_code"] : grantTypes,
    response_types: responseTypes,
    token_endpoint_auth_method: method,
  };
}

function stringsOf(metadata: ClientMetadata, member: string, fallback: readonly string[]): readonly string[] {
  const value = metadata[member];
  if (value === undefined) return fallback;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw invalid(`"${member}" must be a list of strings`);
}

/** RFC 8252 §7, RFC 9700 §2.6; with `applicationType`, OpenID Connect Registration §2 as well. */
function requireRedirectUri(uri: string, applicationType: string | undefined): void {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined || uri.includes("#"))
    throw invalidRedirectUri("each must be an absolute URL without a fragment");
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  const kind =
    url.protocol === "https:"
      ? "https"
      : url.protocol === "http:"
        ? "http"
        : url.protocol.includes(".")
          ? "private"
          : "other";
  if (kind === "other" || (kind === "http" && !isLoopback)) {
    throw invalidRedirectUri("each must be https, http on loopback, or of a private-use scheme");
  }
  if (applicationType === "web" && (kind !== "https" || isLoopback)) {
    throw invalidRedirectUri("a web application needs https, and not localhost");
  }
  if (applicationType === "native" && kind === "https") {
    throw invalidRedirectUri("a native application needs http on loopback, or a private-use scheme");
  }
}

const invalid = (description: string): OAuthRefusal => new OAuthRefusal(400, "invalid_client_metadata", description);
const invalidRedirectUri = (description: string): OAuthRefusal =>
  new OAuthRefusal(400, "invalid_redirect_uri", `"redirect_uris": ${description}`);
