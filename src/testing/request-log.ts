import type { ReceivedRequest } from "./received-request.js";
import type { Secrets } from "./secrets.js";

/** The parts of the fake server. `token` is the token endpoint for anything but a refresh, `refresh` for a refresh; `clientConfiguration`
 * is for registrations that there are (RFC 7592); `consent` is what the consent page sends, `verification` the page for user codes;
 * `resource` is the MCP server; `unknown` is a URL at which a server of these options has nothing. @public */
export type FakeEndpoint =
  | "protectedResourceMetadata"
  | "authorizationServerMetadata"
  | "registration"
  | "clientConfiguration"
  | "authorization"
  | "consent"
  | "token"
  | "refresh"
  | "deviceAuthorization"
  | "verification"
  | "revocation"
  | "introspection"
  | "resource"
  | "unknown";

/** A request as the fake server received it. Codes, verifiers, tokens and secrets are replaced by names such as
 * `[refresh_token 2]`; {@link FakeAuthServer.nameOf} tells the name of one. @public */
export interface RecordedRequest {
  /** The part of the server that it was for. */
  readonly endpoint: FakeEndpoint;
  /** In upper case. */
  readonly method: string;
  /** With its query. */
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parameters of a form-encoded body, else empty. */
  readonly form: URLSearchParams;
  /** The JSON body, else `undefined`. */
  readonly json: unknown;
  /** Status of the answer; absent while there is none, and when a fault let the connection fail. */
  readonly status?: number;
}

/** How many requests each part received. @public */
export type FakeRequestCounts = Readonly<Record<FakeEndpoint, number>>;

const SECRET_PARAMETERS = [
  "access_token",
  "assertion",
  "client_assertion",
  "client_secret",
  "code",
  "code_verifier",
  "device_code",
  "refresh_token",
  "registration_access_token",
  "subject_token",
  "token",
];

/** Where a client may well ask for what is not there: it has to look for metadata, and the MCP server is the host's own. */
const MAY_BE_ABSENT: readonly FakeEndpoint[] = ["protectedResourceMetadata", "authorizationServerMetadata", "resource"];

const MOST_UNEXPECTED = 20;
/** JSON above it is not kept. */
const LARGEST_JSON = 65_536;

/** More than a test looks at, and little enough for a server that runs for weeks. */
const MAX_REQUESTS = 1000;

/** Keeps what was received last, without its secrets. */
export function createRequestLog(secrets: Secrets) {
  const unexpected: string[] = [];
  const requests: RecordedRequest[] = [];
  const counts: Record<FakeEndpoint, number> = {
    protectedResourceMetadata: 0,
    authorizationServerMetadata: 0,
    registration: 0,
    clientConfiguration: 0,
    authorization: 0,
    consent: 0,
    token: 0,
    refresh: 0,
    deviceAuthorization: 0,
    verification: 0,
    revocation: 0,
    introspection: 0,
    resource: 0,
    unknown: 0,
  };

  function redactParameters(params: URLSearchParams): URLSearchParams {
    return new URLSearchParams(
      [...params].map(([name, value]) => [name, SECRET_PARAMETERS.includes(name) ? secrets.nameOf(value) : value]),
    );
  }
  function redactUrl(url: URL): string {
    if (!SECRET_PARAMETERS.some((name) => url.searchParams.has(name))) return url.href;
    const redacted = new URL(url);
    redacted.search = redactParameters(url.searchParams).toString();
    return redacted.href;
  }
  function redactHeader(name: string, value: string): string {
    if (name === "cookie") return secrets.nameOf(value);
    if (name !== "authorization") return value;
    const [scheme = "", ...credentials] = value.split(" ");
    return `${scheme} ${secrets.nameOf(credentials.join(" "))}`;
  }
  function redactJson(body: unknown): unknown {
    if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
    return Object.fromEntries(
      Object.entries(body).map(([name, value]: [string, unknown]) => [
        name,
        SECRET_PARAMETERS.includes(name) && typeof value === "string" ? secrets.nameOf(value) : value,
      ]),
    );
  }

  return {
    requests: requests as readonly RecordedRequest[],
    counts: counts as FakeRequestCounts,
    /** Adds a request; its status follows with the answer. */
    add(
      endpoint: FakeEndpoint,
      { request, url, form, json, text }: ReceivedRequest,
    ): { status?: number } & RecordedRequest {
      const entry = {
        endpoint,
        method: request.method,
        url: redactUrl(url),
        headers: Object.fromEntries([...request.headers].map(([name, value]) => [name, redactHeader(name, value)])),
        form: redactParameters(form),
        json: text.length > LARGEST_JSON ? undefined : redactJson(json),
      };
      if (requests.push(entry) > MAX_REQUESTS) requests.shift();
      counts[endpoint] += 1;
      return entry;
    },
    /** Takes note of what the server itself said to a request. */
    judge({ endpoint, method, url }: RecordedRequest, status: number): void {
      if ((status !== 404 && status !== 405) || MAY_BE_ABSENT.includes(endpoint)) return;
      if (unexpected.length < MOST_UNEXPECTED) unexpected.push(`${method} ${url} (${status})`);
    },
    expectNoUnexpected(): void {
      if (unexpected.length === 0) return;
      throw new Error(`requests for what this server does not have: ${unexpected.join(", ")}`);
    },
  };
}
