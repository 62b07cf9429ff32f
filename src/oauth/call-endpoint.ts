import { DiscoveryError } from "../errors.js";
import { currentTime } from "../platform.js";
import type { ClientAuthenticationOptions } from "../grant-types.js";
import type { ClientRegistration, ClockOptions, HttpOptions, ServerMetadata } from "../types.js";
import type { DpopConnection } from "../wire/dpop-connection.js";
import { guardedRequest } from "../wire/http.js";
import { isHttp, parseUrl } from "../wire/url-policy.js";
import { authenticateClient } from "./client-authentication.js";
import { transientError } from "./map-error.js";
import type { OAuthAnswer } from "./normalize-response.js";
import { isTransient, readAnswer } from "./normalize-response.js";
import { withoutUndefined } from "./without-undefined.js";

export type EndpointName =
  | "token_endpoint"
  | "registration_endpoint"
  | "registration_client_uri"
  | "revocation_endpoint"
  | "device_authorization_endpoint"
  | "idp_token_endpoint";

/** Whose request it is, and how it is made. */
export interface ClientRequestContext {
  readonly server: ServerMetadata;
  readonly registration: ClientRegistration;
  readonly options: HttpOptions &
    ClockOptions &
    ClientAuthenticationOptions & { readonly dpop?: DpopConnection | undefined };
  /** The key that the tokens are to be bound to. */
  readonly dpopKeyId?: string | undefined;
}

/** Sends a request to an endpoint of the authorization server. `secrets` are what the request carries. */
export async function callEndpoint(
  { serverUrl, authorizationServer }: ServerMetadata,
  purpose: EndpointName,
  http: HttpOptions & ClockOptions,
  secrets: readonly (string | undefined)[],
  request: { readonly headers: HeadersInit; readonly method?: string; readonly body?: BodyInit },
): Promise<OAuthAnswer> {
  const url = String(authorizationServer[purpose]);
  if (!isHttp(parseUrl(url))) {
    throw new DiscoveryError("metadata_invalid", `the authorization server metadata has no valid "${purpose}"`);
  }
  const context = { purpose, serverUrl: new URL(serverUrl), http };
  const received = await guardedRequest(url, { method: "POST", ...request }, context);
  // the MCP server's URL is the resource, and its query may hold a key
  const answer = readAnswer(received, [...secrets, context.serverUrl.search.slice(1)], (http.now ?? currentTime)());
  if (isTransient(answer)) throw transientError(answer);
  return answer;
}

/** What to send as `resource`; none where a profile says so. */
export const resourceParameter = ({ allowances }: ServerMetadata, own: string): string | undefined =>
  allowances?.resource === "omit" ? undefined : (allowances?.resource ?? own);

/** The parameters of {@link postForm} that no message may repeat. */
const SECRETS = /code|token$|assertion$/;

/** Sends a form as the client: to the token endpoint and to those that are like it. */
export async function postForm(
  { server, registration, options }: ClientRequestContext,
  purpose: EndpointName,
  parameters: Readonly<Record<string, string | undefined>>,
  proof = "",
): Promise<OAuthAnswer> {
  const headers = new Headers({ accept: "application/json" });
  if (proof) headers.set("dpop", proof);
  const { resource } = parameters;
  const sent = { ...parameters, resource: resource && resourceParameter(server, resource) };
  const body = new URLSearchParams(withoutUndefined(sent as Readonly<Record<string, string>>));
  const now = (options.now ?? currentTime)();
  const secret = await authenticateClient({ server, registration, headers, body, now }, options);
  const secrets = [...body].map(([name, value]) => (SECRETS.test(name) ? value : secret));
  return await callEndpoint(server, purpose, options, [...secrets, proof, headers.get("authorization")?.slice(6)], {
    headers,
    body,
  });
}
