import type { OddityName } from "./fault-names.js";
import type { Settings } from "./fake-auth-server-options.js";
import { editBody, editCallback, edited, withHeaders } from "./named-fault.js";
import type { FaultContext, Json, Oddity, Reaction } from "./named-fault.js";
import { OAuthRefusal, notFound } from "./oauth-refusal.js";

/** Another name of the same host: its www address, or the other name of loopback. */
function aliasOf({ issuer }: Settings): string {
  const { protocol, hostname, host, pathname } = new URL(issuer);
  const alias = hostname === "127.0.0.1" ? host.replace(hostname, "localhost") : `www.${host}`;
  return `${protocol}//${alias}${pathname.replace(/\/$/, "")}`;
}

const onAuthServers = (edit: (servers: readonly string[]) => readonly string[]): Reaction =>
  edited((members) => ({ ...members, authorization_servers: edit(members["authorization_servers"] as string[]) }));

const tokenEndpointAt = (base: string): Reaction =>
  edited((members) => {
    const { pathname } = new URL(members["token_endpoint"] as string);
    return { ...members, token_endpoint: base + pathname };
  });

/** Only below the path of the issuer, as of an append-style lookup. */
const appended: Reaction = (request, answer, { settings }) => {
  const { authorizationServerMetadata: url } = settings.endpoints;
  const own = `${settings.issuer.replace(/\/$/, "")}/.well-known/oauth-authorization-server`;
  if (url === undefined || request.url === url) return own === url ? answer() : notFound();
  return request.url === own ? answer(new Request(url, { signal: request.signal })) : answer();
};

const slashAppended: Reaction = async (request, answer) => {
  if (request.url.endsWith("/")) {
    return answer(new Request(request.url.slice(0, -1), { signal: request.signal }));
  }
  const response = await answer();
  return response.ok
    ? new Response(null, { status: 301, headers: { location: `${new URL(request.url).pathname}/` } })
    : response;
};

/** Registers something else than was asked for. */
const registeredAs =
  (changes: Json): Reaction =>
  (_request, answer, { received }) =>
    answer(editBody(received, (members) => ({ ...members, ...changes })));

/** Refuses the redirect URIs on one of the two names of loopback. */
function refusingLoopback(hostname: string): Oddity["at"] {
  const isRefused = (uri: unknown): boolean =>
    typeof uri === "string" && URL.canParse(uri) && new URL(uri).hostname === hostname;
  const refused = (error: string): Response =>
    new OAuthRefusal(400, error, `redirect URIs must not be on ${hostname}`).toResponse();
  return {
    registration: (_request, answer, { received }: FaultContext) => {
      const uris = (received.json as { redirect_uris?: unknown } | undefined)?.redirect_uris;
      return Array.isArray(uris) && uris.some(isRefused) ? refused("invalid_redirect_uri") : answer();
    },
    authorization: (_request, answer, { received }) =>
      isRefused(received.url.searchParams.get("redirect_uri")) ? refused("invalid_request") : answer(),
  };
}

const asText: Reaction = async (_request, answer) =>
  withHeaders(await answer(), (headers) => {
    headers.set("content-type", "text/plain; charset=utf-8");
  });

const HOUR_SECONDS = 3600;

/** Deviations of metadata and registration. */
export const DISCOVERY_ODDITIES = {
  missing_pkce_methods: {
    what: "no `code_challenge_methods_supported`, although S256 works (Entra, Cognito, Salesforce)",
    at: {
      authorizationServerMetadata: edited((members) => ({ ...members, code_challenge_methods_supported: undefined })),
    },
  },
  issuer_alias: {
    what: "the `issuer` of the metadata, and `iss`, is another name of the host, with `www.` before it (Meta, Atlassian)",
    at: {
      authorizationServerMetadata: edited((members, { settings }) => ({ ...members, issuer: aliasOf(settings) })),
      authorization: async (_request, answer, { settings }) =>
        editCallback(await answer(), (query) => {
          if (query.has("iss")) query.set("iss", aliasOf(settings));
        }),
    },
  },
  issuer_root_slash: {
    what: "the resource metadata names the issuer with a slash at its end, which its own metadata does not have (Google)",
    at: { protectedResourceMetadata: onAuthServers((servers) => servers.map((server) => `${server}/`)) },
  },
  dead_server_first: {
    what: "the first of the `authorization_servers` does not exist",
    at: { protectedResourceMetadata: onAuthServers((servers) => ["https://dead.example", ...servers]) },
  },
  appended_metadata: {
    what: "the metadata is at `{issuer}/.well-known/oauth-authorization-server` alone, also for an issuer with a path (Databricks)",
    at: { authorizationServerMetadata: appended },
  },
  redirected_metadata: {
    what: "the metadata is behind a redirect to the same URL with a slash at its end",
    at: { authorizationServerMetadata: slashAppended },
  },
  json_as_text: {
    what: "metadata and tokens come as `text/plain`",
    at: { protectedResourceMetadata: asText, authorizationServerMetadata: asText, token: asText, refresh: asText },
  },
  null_members: {
    what: "members without a value are `null`, in the metadata and in the registration",
    at: {
      authorizationServerMetadata: edited((members) => ({
        revocation_endpoint: null,
        introspection_endpoint: null,
        scopes_supported: null,
        ...members,
        service_documentation: null,
      })),
      registration: edited((members) => ({ client_secret: null, client_uri: null, scope: null, ...members })),
    },
  },
  plain_http_token_endpoint: {
    what: "the token endpoint of the metadata is http, on a host that is not loopback",
    at: { authorizationServerMetadata: tokenEndpointAt("http://insecure.example") },
  },
  internal_token_endpoint: {
    what: "the token endpoint of the metadata is the address of a cloud's metadata service",
    at: { authorizationServerMetadata: tokenEndpointAt("https://169.254.169.254") },
  },
  figma_registration: {
    what: "registration answers 403 in plain text (Figma, to names that it does not know)",
    at: { registration: () => new Response("Forbidden", { status: 403, headers: { "content-type": "text/plain" } }) },
  },
  registration_200: {
    what: "registration answers 200 in place of 201",
    at: { registration: async (_request, answer) => ok(await answer()) },
  },
  secret_for_public_client: {
    what: "whoever registers as public client gets a secret, and has to use it",
    at: { registration: registeredAs({ token_endpoint_auth_method: "client_secret_post" }) },
  },
  no_secret_for_confidential_client: {
    what: "whoever registers as confidential client gets no secret, and is public",
    at: { registration: registeredAs({ token_endpoint_auth_method: "none" }) },
  },
  auth_method_not_named: {
    what: "the registration does not say how the client is to authenticate",
    at: { registration: edited((members) => ({ ...members, token_endpoint_auth_method: undefined })) },
  },
  expiring_secret: {
    what: "the client secret is said to end in an hour",
    at: {
      registration: edited((members, { now }) => ({
        ...members,
        client_secret_expires_at: Math.floor(now() / 1000) + HOUR_SECONDS,
      })),
    },
  },
  empty_uris: {
    what: "URLs of the registration are empty strings",
    at: { registration: edited((members) => ({ client_uri: "", logo_uri: "", tos_uri: "", ...members })) },
  },
  localhost_only: {
    what: "redirect URIs on 127.0.0.1 are refused (Salesforce)",
    at: refusingLoopback("127.0.0.1"),
  },
  loopback_address_only: {
    what: "redirect URIs on localhost are refused (Atlassian)",
    at: refusingLoopback("localhost"),
  },
} satisfies Partial<Record<OddityName, Oddity>>;

const ok = (response: Response): Response =>
  response.ok ? new Response(response.body, { status: 200, headers: response.headers }) : response;
