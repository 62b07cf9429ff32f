import type { Client, ClientAuth, CustomFetchOptions } from "oauth4webapi";
import { allowInsecureRequests, ClientSecretPost, customFetch, None } from "oauth4webapi";
import { DiscoveryError } from "../errors.js";
import { currentTime } from "../platform.js";
import type { ClientRegistration, ClockOptions, HttpOptions, ServerMetadata } from "../types.js";
import type { ReceivedResponse } from "../wire/http.js";
import { guardedRequest } from "../wire/http.js";
import { parseUrl } from "../wire/url-policy.js";
import { transientError } from "./map-error.js";
import type { OAuthAnswer } from "./normalize-response.js";
import { isTransient, readAnswer } from "./normalize-response.js";

export type EndpointName = "token_endpoint" | "registration_endpoint" | "revocation_endpoint";

/** The client and how it proves itself, as oauth4webapi wants them. */
export const toClient = ({
  clientId,
  tokenEndpointAuthMethod,
  clientSecret = "",
}: ClientRegistration): readonly [Client, ClientAuth] => [
  { client_id: clientId },
  tokenEndpointAuthMethod === "none"
    ? None()
    : (tokenEndpointAuthMethod === "client_secret_post" ? ClientSecretPost : clientSecretBasic)(clientSecret),
];

/** As RFC 6749 §2.3.1 wants it, and no character more: servers that do not decode "-", "_" and "." know no such client. */
function clientSecretBasic(secret: string): ClientAuth {
  if (secret === "") throw new TypeError("registration.clientSecret is missing, and client_secret_basic needs it");
  return (_server, { client_id }, _body, headers) => {
    headers.set("authorization", `Basic ${btoa(`${formEncode(client_id)}:${formEncode(secret)}`)}`);
  };
}

const formEncode = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1);

/** The part of the authorization server metadata that a request to one endpoint needs. */
interface Endpoint {
  readonly issuer: string;
  readonly [member: string]: string;
}

/** Options of oauth4webapi that lead every request through {@link guardedRequest}. */
interface EndpointOptions {
  [customFetch]: (url: string, init: CustomFetchOptions<string, string | URLSearchParams>) => Promise<Response>;
  [allowInsecureRequests]: true;
}

/** Lets oauth4webapi build and send a request to an endpoint. `secrets` are what the request carries. */
export async function callEndpoint(
  { serverUrl, issuer, authorizationServer }: ServerMetadata,
  purpose: EndpointName,
  http: HttpOptions & ClockOptions,
  secrets: readonly (string | undefined)[],
  send: (endpoint: Endpoint, options: EndpointOptions) => Promise<unknown>,
): Promise<OAuthAnswer> {
  const url = authorizationServer[purpose] ?? "";
  if (!/^https?:$/.test(parseUrl(url)?.protocol ?? "")) {
    throw new DiscoveryError("metadata_invalid", `the authorization server metadata has no valid "${purpose}"`);
  }
  let received: unknown;
  await send(
    { issuer, [purpose]: url },
    {
      [customFetch]: async (_, { method, headers, body }) => {
        const context = { purpose, serverUrl: new URL(serverUrl), http };
        received = await guardedRequest(url, { method, headers, body }, context);
        return new Response();
      },
      // The policy of guardedRequest, which allows http on loopback alone, decides before anything is sent.
      [allowInsecureRequests]: true,
    },
  );
  const answer = readAnswer(received as ReceivedResponse, secrets, (http.now ?? currentTime)());
  if (isTransient(answer)) throw transientError(answer);
  return answer;
}
