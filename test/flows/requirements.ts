/**
 * What the MCP authorization specification (revision 2026-07-28 with what it takes from OAuth) asks of a client, what each
 * answer of a server leads to, and what is known from the field. A test cites the rows that it verifies at the end of its title:
 * `it("refuses a callback of another issuer [spec-82, spec-83]")`. test/surface/requirements.test.ts fails on a binding row
 * that no test cites.
 */
export type Requirement = Readonly<
  { id: string; level: Level; source: string; text: string } & ({ binds: true } | { notOurs: string })
>;

type Level = "MUST" | "MUST NOT" | "SHOULD" | "SHOULD NOT" | "MAY" | "DEFINITION" | "PRACTICE";

const binds = (id: string, level: Level, source: string, text: string): Requirement => ({
  id,
  level,
  source,
  text,
  binds: true,
});
const notOurs = (id: string, level: Level, source: string, text: string, reason: string): Requirement => ({
  id,
  level,
  source,
  text,
  notOurs: reason,
});
const AUTHORIZATION = "MCP, authorization";
const DISCOVERY = "MCP, authorization server discovery";
const REGISTRATION = "MCP, client registration";
const SECURITY = "MCP, security considerations";
const BEST_PRACTICES = "MCP, security best practices";
const SUMMARY = "a summary; what it asks in particular are the rows below";

const general: readonly Requirement[] = [
  notOurs("spec-1", "SHOULD", AUTHORIZATION, "An HTTP client that authorizes follows this specification.", SUMMARY),
  binds("spec-2", "SHOULD NOT", AUTHORIZATION, "The flow is for HTTP servers; another scheme is refused at once."),
  notOurs(
    "spec-3",
    "MUST",
    AUTHORIZATION,
    "Other transports follow their own practice.",
    "the library serves HTTP alone",
  ),
  binds("spec-4", "MAY", "MCP, basic", "A request that brings its own credentials goes out as it is."),
  notOurs("spec-5", "MUST", AUTHORIZATION, "The client is an OAuth 2.1 client.", SUMMARY),
  notOurs("spec-6", "MUST", AUTHORIZATION, "Discovery, registration and security pages are normative.", SUMMARY),
  binds(
    "spec-7",
    "PRACTICE",
    "MCP, Streamable HTTP",
    "401 and 403 are dealt with below the transport; 400, 404 and 405 reach it untouched for its own fallback.",
  ),
  notOurs(
    "spec-8",
    "MUST",
    "MCP, Streamable HTTP",
    "Every POST carries the protocol version.",
    "the MCP transport sets that header; the fetch passes every header on",
  ),
  notOurs(
    "spec-9",
    "MUST NOT",
    "MCP, caching",
    "Private results are not reused under another token.",
    "the host caches results, the library none",
  ),
  notOurs("spec-10", "MUST", "MCP, basic", "Icons are fetched without credentials.", "the host fetches icons"),
];

const resourceMetadata: readonly Requirement[] = [
  binds("spec-11", "MUST", AUTHORIZATION, "Protected resource metadata leads to the authorization server."),
  binds("spec-12", "MUST", DISCOVERY, "The challenge of a 401 is parsed and acted upon."),
  binds("spec-13", "MUST", DISCOVERY, "A `resource_metadata` URL in the challenge is used before any well-known URL."),
  binds(
    "spec-14",
    "MUST",
    DISCOVERY,
    "Without one: the well-known URL with the endpoint's path, then the one of the root.",
  ),
  binds("spec-15", "DEFINITION", DISCOVERY, "Where there is neither, the fallback of 2025-03-26, or an error."),
  binds("spec-16", "MUST", "RFC 9728 §3", "GET; only 200 with a JSON object counts; unknown members do no harm."),
  binds("spec-17", "MUST", "RFC 9728 §3.3", "A document whose `resource` does not cover the server is not used."),
  binds("spec-18", "MUST", DISCOVERY, "`authorization_servers` names at least one; the client chooses among several."),
  binds("spec-19", "MUST", DISCOVERY, "Registrations and tokens of different authorization servers are kept apart."),
  binds("spec-20", "MUST NOT", DISCOVERY, "What one authorization server issued is not shown to another."),
  binds("spec-21", "SHOULD", "RFC 9728 §5.2", "A new challenge leads to the metadata being read again."),
  binds("spec-22", "MUST", "RFC 9728 §7.1", "Metadata is read over TLS."),
  binds("spec-23", "SHOULD", "RFC 9728 §7.7", "The host can judge every URL before it is requested."),
  notOurs(
    "spec-24",
    "MUST",
    "RFC 9728 §3.3",
    "Signed metadata is verified where it is used.",
    "`signed_metadata` is not used: the members beside it, fetched over TLS, are",
  ),
];

const serverMetadata: readonly Requirement[] = [
  binds("spec-25", "MUST", DISCOVERY, "RFC 8414 and OpenID Connect Discovery documents both serve."),
  binds("spec-26", "DEFINITION", DISCOVERY, "The well-known name is `oauth-authorization-server`."),
  binds("spec-27", "MUST", DISCOVERY, "An issuer with a path: three URLs in their order, never the root."),
  binds("spec-28", "MUST", DISCOVERY, "An issuer without a path: two URLs in their order."),
  binds("spec-29", "MUST", "RFC 8414 §3.3", "A document of another issuer is not used."),
  binds("spec-30", "MUST", SECURITY, "Metadata that does not list S256 ends the login."),
  binds("spec-31", "MUST", SECURITY, "Every endpoint is HTTPS, loopback servers in development aside."),
  binds(
    "spec-32",
    "DEFINITION",
    AUTHORIZATION,
    "The members that later steps need are kept; a flag counts only when `true`.",
  ),
];

const registration: readonly Requirement[] = [
  binds("spec-33", "MUST", AUTHORIZATION, "There is a client id before the flow starts."),
  binds(
    "spec-34",
    "SHOULD",
    REGISTRATION,
    "Pre-registered, then metadata document, then dynamic, then an error that says what to do.",
  ),
  binds("spec-35", "SHOULD", REGISTRATION, "A client ID metadata document serves as the client id."),
  binds("spec-36", "SHOULD", REGISTRATION, "Only where the server says that it supports such documents."),
  binds("spec-37", "MAY", REGISTRATION, "Elsewhere another way to register is taken."),
  binds("spec-38", "MUST", REGISTRATION, "The document is hosted at an HTTPS URL."),
  binds(
    "spec-39",
    "MUST",
    REGISTRATION,
    "The document's URL is https with a path, and has no dot segments, fragment or user.",
  ),
  binds("spec-40", "MUST", REGISTRATION, "The document has id, name and redirect URIs."),
  binds("spec-41", "MUST", REGISTRATION, "The document's id is its own URL."),
  binds(
    "spec-42",
    "MAY",
    REGISTRATION,
    "The document may ask for `private_key_jwt`; every token request then has one.",
  ),
  binds(
    "spec-43",
    "MUST NOT",
    "Client ID Metadata Document §4.1",
    "Such a client has no secret: its token requests send none.",
  ),
  binds("spec-44", "MUST", "Client ID Metadata Document §4", "The document is JSON, and small enough to be read."),
  binds("spec-45", "SHOULD", REGISTRATION, "Static client credentials can be given for each authorization server."),
  binds("spec-46", "MAY", REGISTRATION, "Dynamic registration works."),
  binds("spec-47", "MUST", REGISTRATION, "Every dynamic registration says its `application_type`."),
  binds("spec-48", "SHOULD", REGISTRATION, "`native` for loopback redirects, `web` for those of a remote application."),
  binds("spec-49", "MUST", REGISTRATION, "A registration refused for its redirect URI is no surprise."),
  binds("spec-50", "SHOULD", REGISTRATION, "A refused registration is an error that says why."),
  binds("spec-51", "MAY", REGISTRATION, "A refused registration is tried once more with the other application type."),
  binds("spec-52", "SHOULD", AUTHORIZATION, "`grant_types` asks for `refresh_token`."),
  binds("spec-53", "MUST", REGISTRATION, "Credentials belong to the issuer that they are for."),
  binds("spec-54", "MUST", REGISTRATION, "At another authorization server the client registers anew."),
  binds("spec-55", "SHOULD", REGISTRATION, "Pre-registered credentials of another issuer are an error, not a try."),
  binds("spec-56", "DEFINITION", REGISTRATION, "A metadata document serves at every authorization server."),
  binds("spec-57", "MUST", SECURITY, "Redirect URIs are registered."),
  binds("spec-58", "MUST", SECURITY, "A redirect URI is loopback or HTTPS."),
];

const scope: readonly Requirement[] = [
  binds("spec-59", "SHOULD", AUTHORIZATION, "Nothing is requested beyond what is needed."),
  binds(
    "spec-60",
    "SHOULD",
    AUTHORIZATION,
    "Scope: of the challenge, else of the resource metadata, else none at all.",
  ),
  binds("spec-61", "MUST NOT", AUTHORIZATION, "The challenge's scope is not measured by `scopes_supported`."),
  binds("spec-62", "MUST", AUTHORIZATION, "The challenge decides what the operation needs."),
  binds("spec-63", "SHOULD", AUTHORIZATION, "A new login asks for what was granted, too."),
  binds("spec-64", "MAY", AUTHORIZATION, "`offline_access` is asked only of a server that lists it."),
];

const authorizationRequest: readonly Requirement[] = [
  binds("spec-65", "MUST", SECURITY, "Authorization code with PKCE."),
  binds("spec-66", "MUST", SECURITY, "PKCE support is checked before the user is sent anywhere."),
  binds("spec-67", "MUST", SECURITY, "S256 is the method."),
  binds("spec-68", "MUST", AUTHORIZATION, "`resource` is in every authorization request."),
  binds(
    "spec-69",
    "MUST",
    AUTHORIZATION,
    "It is the identifier that the resource gave itself, or the server's URL without fragment and needless slash.",
  ),
  binds("spec-70", "SHOULD", SECURITY, "`state` is sent and checked."),
  binds(
    "spec-71",
    "MUST",
    AUTHORIZATION,
    "The issuer is recorded with verifier and state before the user is sent away.",
  ),
  binds(
    "spec-72",
    "MUST",
    "OAuth 2.1 §3.1",
    "The endpoint's own query survives; no parameter twice; `redirect_uri` is sent.",
  ),
  binds("spec-73", "MUST", "RFC 7636 §4.1", "Each request has its own verifier of proper length."),
  binds("spec-74", "MUST", BEST_PRACTICES, "Only https, or http on loopback, becomes an authorization URL."),
  binds("spec-75", "SHOULD", BEST_PRACTICES, "The check knows what is allowed, not what is forbidden."),
  binds("spec-76", "MUST NOT", BEST_PRACTICES, "No URL passes through a shell."),
  binds("spec-77", "SHOULD", BEST_PRACTICES, "The platform's own opener is used."),
  binds("spec-78", "MUST", BEST_PRACTICES, "URLs from servers are parsed strictly."),
  notOurs(
    "spec-79",
    "SHOULD",
    BEST_PRACTICES,
    "Web clients have a content security policy.",
    "the host serves its pages; the one page that the library serves has a policy (spec-88)",
  ),
  binds("spec-80", "MUST", "RFC 8252 §8.12", "The user logs in with the system's browser."),
];

const authorizationResponse: readonly Requirement[] = [
  binds("spec-81", "SHOULD", SECURITY, "A callback without our state, or with another, is discarded."),
  binds("spec-82", "MUST", "RFC 9207 §2.4", "`iss` is judged before the code is sent anywhere, in all four cases."),
  binds("spec-83", "MUST NOT", AUTHORIZATION, "Issuers are compared as strings, nothing folded or normalised."),
  binds("spec-84", "MUST NOT", AUTHORIZATION, "An error of another issuer is neither acted upon nor shown."),
  binds("spec-85", "MUST", "OAuth 2.1 §7.14", "The code goes to the token endpoint of the issuer that was asked."),
  binds("spec-86", "MUST", "OAuth 2.1 §4.1.2", "Unknown parameters are ignored; repeated ones are malformed."),
  binds("spec-87", "SHOULD", "OAuth 2.1 §8.4.2", "The listener is on loopback and ends with the flow."),
  binds("spec-88", "SHOULD NOT", "OAuth 2.1 §2.3.6", "The page after the login runs no script and loads nothing."),
  binds("spec-89", "MUST NOT", "OAuth 2.1 §7.12.1", "The listener redirects nobody."),
];

const tokenRequest: readonly Requirement[] = [
  binds("spec-90", "MUST", AUTHORIZATION, "`resource` is in every token request, the same as before."),
  binds("spec-91", "MUST", "OAuth 2.1 §4.1.3", "The exchange is a form POST with grant type, code and verifier."),
  binds("spec-92", "MUST", "RFC 6749 §4.1.3", "It repeats the redirect URI."),
  binds("spec-93", "MUST", "OAuth 2.1 §2.4", "One method of client authentication: the registered one."),
  binds("spec-94", "MUST NOT", "OAuth 2.1 §2.4.1", "No secret is in a URL."),
  binds("spec-95", "MUST", SECURITY, "The token endpoint is HTTPS and of the recorded issuer."),
  binds(
    "spec-96",
    "MUST",
    "OAuth 2.1 §3.2.3",
    "Unknown members and tokens of any size are fine; a lifetime is a hint.",
  ),
];

const tokenUse: readonly Requirement[] = [
  binds("spec-97", "MUST", AUTHORIZATION, "The token is in the `Authorization` header."),
  binds("spec-98", "MUST", AUTHORIZATION, "Every request to the server carries it: POST, the GET stream, DELETE."),
  binds("spec-99", "MUST NOT", AUTHORIZATION, "It is never in a query."),
  binds("spec-100", "MUST NOT", AUTHORIZATION, "A token of a server's former authorization server is not sent to it."),
  binds("spec-101", "MUST", SECURITY, "Tokens are kept where others cannot read them, and reach no message."),
  binds("spec-102", "DEFINITION", AUTHORIZATION, "401 means token, 403 means scope, 400 means the request."),
];

const refresh: readonly Requirement[] = [
  binds("spec-103", "MUST", AUTHORIZATION, "A refresh token goes to the issuer that gave it, or nowhere."),
  binds("spec-104", "MUST NOT", AUTHORIZATION, "A session without a refresh token works until its token ends."),
  binds("spec-105", "MUST", "RFC 6749 §6", "A new refresh token replaces the old one; without one the old one stays."),
  binds("spec-106", "MUST NOT", "OAuth 2.1 §4.3.1", "A refresh asks for no more scope."),
  binds("spec-107", "MAY", "OAuth 2.1 §5.3.2", "A refused token is refreshed and the request sent again."),
];

const stepUp: readonly Requirement[] = [
  binds("spec-108", "SHOULD", AUTHORIZATION, "A lack of scope leads to a request for more."),
  binds("spec-109", "SHOULD", AUTHORIZATION, "For a user the step-up is tried."),
  binds("spec-110", "MAY", AUTHORIZATION, "A client without a user may step up or give up."),
  binds("spec-111", "SHOULD", AUTHORIZATION, "Union of requested and challenged scope, a login, the request again."),
  binds("spec-112", "SHOULD", AUTHORIZATION, "The number of attempts is bounded."),
  binds("spec-113", "SHOULD", AUTHORIZATION, "Attempts are counted by resource and wanted scope."),
  binds("spec-114", "MAY", AUTHORIZATION, "A challenge without scope adds what the scope selection says."),
  binds("spec-115", "SHOULD", BEST_PRACTICES, "A scope that was refused lately is not asked for again."),
  notOurs(
    "spec-116",
    "DEFINITION",
    BEST_PRACTICES,
    "The union may hold scopes that include each other.",
    "a permission; the union is of the tokens as written",
  ),
];

const security: readonly Requirement[] = [
  binds("spec-117", "MUST", BEST_PRACTICES, "On a server every URL can be judged before it is fetched."),
  binds("spec-118", "SHOULD", BEST_PRACTICES, "https, and http only for a loopback server."),
  notOurs(
    "spec-119",
    "SHOULD",
    BEST_PRACTICES,
    "Private address ranges are blocked, and not by hand-written parsing.",
    "addresses are known to the host's network alone; `allowUrl` and `fetch` are where it blocks them",
  ),
  binds("spec-120", "SHOULD", BEST_PRACTICES, "Every hop of a redirect is judged like the first URL."),
  notOurs(
    "spec-121",
    "SHOULD",
    BEST_PRACTICES,
    "An egress proxy and pinned resolution on servers.",
    "the host's network; its `fetch` is used for every request",
  ),
  binds("spec-122", "MUST", "OAuth 2.1 §7.9", "A callback counts once, and only for the one who started it."),
  binds("spec-123", "MUST", "OAuth 2.1 §7.14", "A mix-up of two authorization servers is noticed."),
  binds("spec-124", "MUST", "OAuth 2.1 §7.11", "Whatever was received is validated, and quoted safely."),
  notOurs(
    "spec-125",
    "MUST",
    BEST_PRACTICES,
    "A proxying MCP server keeps its users' consents apart and passes no token on.",
    "such a server is a host; what it needs of the client are single-use states and a token of its own (spec-122, spec-20)",
  ),
  notOurs("spec-126", "MUST", BEST_PRACTICES, "Local servers are configured with consent.", "not authorization"),
  notOurs("spec-127", "MUST", "MCP, elicitation", "URL elicitation is not authorization.", "not authorization"),
  notOurs("spec-128", "SHOULD", BEST_PRACTICES, "A local proxy for stdio servers is isolated.", "not authorization"),
];

const EXTENSIONS = "MCP, extensions";
const MACHINES = "MCP extension, OAuth client credentials";
const ENTERPRISE = "MCP extension, enterprise-managed authorization";
const WORKLOADS = "MCP extension, workload identity federation";

/** Tokens without a consent page. */
const extensions: readonly Requirement[] = [
  binds("spec-129", "MUST", EXTENSIONS, "A server that lacks the extension leads to a proper error."),
  notOurs(
    "spec-130",
    "DEFINITION",
    EXTENSIONS,
    "A client declares the identifiers of its extensions with each request.",
    "the MCP client declares its capabilities",
  ),
  binds("spec-131", "MUST", MACHINES, "The baseline holds: discovery, `resource`, bearer tokens."),
  binds("spec-132", "DEFINITION", MACHINES, "The client is registered beforehand, never dynamically."),
  binds("spec-133", "MUST", MACHINES, "The client authenticates by a signed assertion or by its secret."),
  binds(
    "spec-134",
    "MUST",
    MACHINES,
    "`grant_type=client_credentials` with `resource`, and `scope` where there is one.",
  ),
  binds(
    "spec-135",
    "PRACTICE",
    MACHINES,
    "The assertion is the client's about itself, for the issuer, short-lived, unique.",
  ),
  binds("spec-136", "PRACTICE", MACHINES, "No refresh token: a new token before the old one expires."),
  notOurs(
    "spec-137",
    "DEFINITION",
    ENTERPRISE,
    "The user signs in at the identity provider.",
    "the host's own sign-in",
  ),
  binds(
    "spec-138",
    "MUST",
    ENTERPRISE,
    "Token exchange at the identity provider: for an ID-JAG, to the issuer as audience, for the MCP server as resource.",
  ),
  binds("spec-139", "MUST", ENTERPRISE, "The client authenticates at the identity provider."),
  binds("spec-140", "MUST", ENTERPRISE, "The answer has to be an ID-JAG, which is never used as a bearer token."),
  binds(
    "spec-141",
    "MUST",
    ENTERPRISE,
    "The ID-JAG is the assertion of a `jwt-bearer` grant, by the client of that issuer.",
  ),
  notOurs(
    "spec-142",
    "MAY",
    ENTERPRISE,
    "Metadata say whether the server takes ID-JAGs.",
    "the host chose the grant; a server that does not take it says so",
  ),
  binds("spec-143", "DEFINITION", ENTERPRISE, "The user is not sent to the issuer's authorization endpoint."),
  binds("spec-144", "MUST", ENTERPRISE, "https alone, no ID-JAG or token in URLs, messages or events."),
  notOurs(
    "spec-145",
    "SHOULD",
    ENTERPRISE,
    "Secrets stay out of native apps; the sign-in is protected.",
    "the host's own",
  ),
  binds("spec-146", "SHOULD", ENTERPRISE, "When the token ends there is a new ID-JAG."),
  binds("spec-147", "PRACTICE", ENTERPRISE, "A step-up is a new ID-JAG with more scope, without the user."),
  binds(
    "spec-155",
    "MUST",
    WORKLOADS,
    "`jwt-bearer` with the workload's assertion and `resource`, without client or registration.",
  ),
  binds("spec-156", "PRACTICE", WORKLOADS, "A refusal is passed on: no retry, no other grant."),
];

const RESPONSES = "MCP and OAuth, error responses";

/** What each answer of a server leads to, in the order in which a login meets them. */
const responses: readonly Requirement[] = [
  binds("spec-3.8-01", "MUST", RESPONSES, "401 without a token: discovery, then login."),
  binds("spec-3.8-02", "MUST", RESPONSES, "401 with a token: one refresh, one retry, then login; never a loop."),
  binds("spec-3.8-03", "MUST", RESPONSES, "401 and another authorization server: registration and login there."),
  binds("spec-3.8-04", "MUST", RESPONSES, "403 `insufficient_scope`: step-up, tokens kept."),
  binds("spec-3.8-05", "MUST", RESPONSES, "403 for another reason: final, tokens kept, no login."),
  binds("spec-3.8-06", "MUST", RESPONSES, "400 from the MCP server: handed back, no loop."),
  binds("spec-3.8-07", "MUST", RESPONSES, "`access_denied`: the login ends."),
  binds("spec-3.8-08", "MUST", RESPONSES, "`invalid_scope` in the callback: an error that says so."),
  binds("spec-3.8-09", "MUST", RESPONSES, "A transient error in the callback: what is stored stays."),
  binds("spec-3.8-10", "MUST", RESPONSES, "A callback that refuses the client: an error that says so."),
  binds("spec-3.8-11", "MUST", RESPONSES, "No callback at all: the waiting ends at its timeout."),
  binds("spec-3.8-12", "MUST", RESPONSES, "`invalid_grant`: tokens go, the registration stays, a login is due."),
  binds("spec-3.8-13", "MUST", RESPONSES, "`invalid_client`: the dynamic registration is replaced once."),
  binds("spec-3.8-14", "MUST", RESPONSES, "A refresh that the client is not allowed: a login is due."),
  binds("spec-3.8-15", "MUST", RESPONSES, "`invalid_scope` of a token request: a login is due."),
  binds("spec-3.8-16", "MUST", RESPONSES, "`invalid_target`: an error, no loop."),
  binds("spec-3.8-17", "MUST", RESPONSES, "`use_dpop_nonce`: again with the nonce."),
  binds(
    "spec-3.8-18",
    "MUST",
    RESPONSES,
    "429, 5xx, network and nonsense are transient: tokens and registration stay, and a valid token is used on.",
  ),
  binds("spec-3.8-19", "MUST", RESPONSES, "200 with an error is that error."),
  binds("spec-3.8-20", "MUST", RESPONSES, "A registration refused for its metadata: an error that names the reason."),
  binds("spec-3.8-21", "MUST", RESPONSES, "A closed registration: an error that says what to do instead."),
  binds("spec-3.8-22", "MUST", RESPONSES, "A metadata document that the server refuses: another way to register."),
];

const PRACTICE = "what servers send";

/** Where servers, or the OAuth library underneath, do otherwise than one expects. */
const facts: readonly Requirement[] = [
  binds("fact-01", "PRACTICE", PRACTICE, "401 from a token endpoint with a challenge: the error is in the body."),
  binds("fact-02", "PRACTICE", PRACTICE, "An error document of another content type is read all the same."),
  binds("fact-03", "PRACTICE", PRACTICE, "200 with `error` is an error."),
  binds("fact-04", "PRACTICE", PRACTICE, "`null` members are absent members; a numeric string is a lifetime."),
  binds("fact-05", "PRACTICE", PRACTICE, "201, a missing `token_type` and a form as token response are refused."),
  binds(
    "fact-06",
    "PRACTICE",
    PRACTICE,
    "A registration answered with 200, or a secret without its expiry, is accepted.",
  ),
  binds("fact-07", "PRACTICE", PRACTICE, "Issuers that differ by case, default port or slash differ."),
  binds(
    "fact-08",
    "PRACTICE",
    PRACTICE,
    "An empty `iss` is present; state, issuer and duplicates have codes of their own.",
  ),
  binds("fact-09", "PRACTICE", PRACTICE, "http works on loopback, after our own check."),
  binds("fact-10", "PRACTICE", PRACTICE, "All three forms of metadata URL are tried."),
  binds("fact-11", "PRACTICE", PRACTICE, "Challenges are parsed from the response itself."),
  binds("fact-12", "PRACTICE", PRACTICE, "Basic authentication encodes id and secret as a form does."),
];

const FIELD = "what users of other clients report";

const pains: readonly Requirement[] = [
  binds("pain-1", "PRACTICE", FIELD, "Many processes with one expired token refresh it once, and none is logged out."),
  binds(
    "pain-2",
    "PRACTICE",
    FIELD,
    "Whoever loses a refresh takes what the winner stored, and deletes nothing of it.",
  ),
  binds("pain-3", "PRACTICE", FIELD, "429, 5xx, timeouts and nonsense end no session; `Retry-After` is honoured."),
  binds("pain-4", "PRACTICE", FIELD, "A refused refresh token is remembered, and not tried again at the next start."),
  binds(
    "pain-5",
    "PRACTICE",
    FIELD,
    "A lifetime is stored as a moment, and tokens are renewed before it, after a restart too.",
  ),
  binds("pain-6", "PRACTICE", FIELD, "A refresh after a restart goes to the token endpoint that gave the tokens."),
  binds("pain-7", "PRACTICE", FIELD, "A refresh token is asked for as the server wants to be asked."),
  binds(
    "pain-8",
    "PRACTICE",
    FIELD,
    "The consent that `offline_access` calls for is left out where it locks users out.",
  ),
  binds(
    "pain-9",
    "PRACTICE",
    FIELD,
    "A session without a refresh token is used until its token ends, and a lifetime that nobody told is unknown.",
  ),
  binds(
    "pain-10",
    "PRACTICE",
    FIELD,
    "One registration serves every login, user and server of an issuer, also in the next process.",
  ),
  binds(
    "pain-11",
    "PRACTICE",
    FIELD,
    "The registered port is used again, and a client is registered anew when it is taken.",
  ),
  binds(
    "pain-12",
    "PRACTICE",
    FIELD,
    "A client that the server has forgotten is replaced before the user sees an error page.",
  ),
  binds("pain-13", "PRACTICE", FIELD, "A client that is refused with the code is replaced once, in the same login."),
  binds("pain-14", "PRACTICE", FIELD, "Where nobody is registered, the error says how one gets a client there."),
  binds(
    "pain-15",
    "PRACTICE",
    FIELD,
    "A registration that is refused without a word of OAuth is quoted, with what to do instead.",
  ),
  binds("pain-16", "PRACTICE", FIELD, "A server that refuses `resource` is sent none, and no other server is."),
  binds("pain-17", "PRACTICE", FIELD, "A server that wants the scope in a refresh is sent it."),
  binds("pain-18", "PRACTICE", FIELD, "`resource` is sent as it was published, whatever slash or query it has."),
  binds("pain-19", "PRACTICE", FIELD, "Tokens are found where Slack puts them, and an error with status 200 is one."),
  binds("pain-20", "PRACTICE", FIELD, "An OAuth error is read whatever its status, and not what a parser makes of it."),
  binds("pain-21", "PRACTICE", FIELD, "Lifetimes may be strings, absent, zero or nonsense."),
  binds("pain-22", "PRACTICE", FIELD, "A server of two names is known by both to who says so, and to nobody else."),
  binds(
    "pain-23",
    "PRACTICE",
    FIELD,
    "PKCE that is not published is used where it is known to be there, and refused elsewhere.",
  ),
  binds("pain-24", "PRACTICE", FIELD, "Where a server takes one loopback host alone, that one is used."),
  binds(
    "pain-25",
    "PRACTICE",
    FIELD,
    "401, 403, pages and failures lead to the next metadata URL, and the error lists what was tried.",
  ),
  binds("pain-26", "PRACTICE", FIELD, "Metadata are found in every form that the specification knows."),
  binds("pain-27", "PRACTICE", FIELD, "Challenges are parsed, however many there are, in whatever order and spelling."),
  binds("pain-28", "PRACTICE", FIELD, "A step-up unites scopes, asks the user once and ends."),
  binds("pain-29", "PRACTICE", FIELD, "A server that refuses every fresh token ends in one error, not in a storm."),
  binds(
    "pain-30",
    "PRACTICE",
    FIELD,
    "No login starts unasked: a request that needs one fails with an error that says so.",
  ),
  binds(
    "pain-31",
    "PRACTICE",
    FIELD,
    "Without a local browser the URL can be opened elsewhere and its callback pasted.",
  ),
  binds("pain-32", "PRACTICE", FIELD, "In containers the port can be fixed and the public redirect URI differ."),
  binds("pain-33", "PRACTICE", FIELD, "A favicon, a port scan or a forged callback does not end the login."),
  binds("pain-34", "PRACTICE", FIELD, "On Windows a URL with `&` reaches the browser whole."),
  binds(
    "pain-35",
    "PRACTICE",
    FIELD,
    "A login started in one process is finished in another; two at once do not clash.",
  ),
  binds(
    "pain-36",
    "PRACTICE",
    FIELD,
    "The keychain holds values longer than one item may be, and where there is none the fallback is used and said aloud.",
  ),
  binds(
    "pain-37",
    "PRACTICE",
    FIELD,
    "Tokens belong to a server and an account: accounts never share them, and what means the same server does.",
  ),
  binds("pain-38", "PRACTICE", FIELD, "The host's fetch carries every request."),
  binds("pain-39", "PRACTICE", FIELD, "Every request has a timeout and can be aborted."),
  binds("pain-40", "PRACTICE", FIELD, "No token, code, verifier or secret is in an error, an event or its JSON."),
];

const DPOP = "MCP extension DPoP, RFC 9449";

const dpop: readonly Requirement[] = [
  binds("spec-148", "MUST", DPOP, "A bound token goes out as `DPoP`, with a new proof in every request."),
  binds("spec-149", "MUST", DPOP, "Token requests carry a proof."),
  binds("spec-150", "MUST", DPOP, "`use_dpop_nonce` of either server: once more, with a new proof that has the nonce."),
  binds(
    "spec-151",
    "MUST",
    DPOP,
    "A proof is a `dpop+jwt` with a public key, `jti`, `htm`, `htu`, `iat`, `ath` and `nonce`.",
  ),
  binds(
    "spec-152",
    "MAY",
    DPOP,
    "The metadata of both servers say whether DPoP is offered and whether it is required.",
  ),
  binds("spec-153", "MUST", DPOP, "Private keys are protected; browsers keep them non-extractable."),
  binds("spec-154", "MUST", "RFC 9728", "A `DPoP` challenge leads to the metadata as a `Bearer` one does."),
];

export const requirements: readonly Requirement[] = [
  ...general,
  ...resourceMetadata,
  ...serverMetadata,
  ...registration,
  ...scope,
  ...authorizationRequest,
  ...authorizationResponse,
  ...tokenRequest,
  ...tokenUse,
  ...refresh,
  ...stepUp,
  ...security,
  ...extensions,
  ...responses,
  ...dpop,
  ...facts,
  ...pains,
];
