import type { Client, ClientAuth, CustomFetchOptions } from "oauth4webapi";
import { allowInsecureRequests, ClientSecretBasic, ClientSecretPost, customFetch, None } from "oauth4webapi";
import type { ClientRegistration, HttpOptions, ServerMetadata } from "../types.js";
import type { ReceivedResponse } from "../wire/http.js";
import { guardedRequest } from "../wire/http.js";
import { mapLibraryError } from "./map-error.js";

export type EndpointName = "token_endpoint" | "registration_endpoint" | "revocation_endpoint";

/** The part of the authorization server metadata that a request to one endpoint needs. */
export function toAuthorizationServer(
  { issuer, authorizationServer }: ServerMetadata,
  endpoint: EndpointName,
): { readonly issuer: string; readonly [member: string]: string } {
  const url = authorizationServer[endpoint];
  return url === undefined ? { issuer } : { issuer, [endpoint]: url };
}

export const toClient = ({ clientId }: ClientRegistration): Client => ({ client_id: clientId });

export function toClientAuth({ tokenEndpointAuthMethod, clientSecret = "" }: ClientRegistration): ClientAuth {
  if (tokenEndpointAuthMethod === "none") return None();
  return tokenEndpointAuthMethod === "client_secret_post"
    ? ClientSecretPost(clientSecret)
    : ClientSecretBasic(clientSecret);
}

/** Options of oauth4webapi that lead every request through {@link guardedRequest}. */
export interface EndpointOptions {
  [customFetch]: (url: string, init: CustomFetchOptions<string, string | URLSearchParams>) => Promise<Response>;
  [allowInsecureRequests]: true;
}

/** Lets oauth4webapi build and send a request to an endpoint, and `judge` its answer. */
export async function callEndpoint<T>(
  { serverUrl }: ServerMetadata,
  purpose: EndpointName,
  http: HttpOptions,
  judge: (received: ReceivedResponse) => T,
  send: (options: EndpointOptions) => Promise<unknown>,
): Promise<T> {
  const judged: T[] = [];
  const context = { purpose, serverUrl: new URL(serverUrl), http };
  try {
    await send({
      [customFetch]: async (url, { method, headers, body }) => {
        judged.push(judge(await guardedRequest(url, { method, headers, body }, context)));
        return new Response();
      },
      // The policy of guardedRequest, which allows http on loopback alone, decides before anything is sent.
      [allowInsecureRequests]: true,
    });
  } catch (error) {
    throw mapLibraryError(error);
  }
  return judged[0] as T;
}
