import type { ClientRegistration, ClockOptions, HttpOptions, ServerMetadata } from "../types.js";
import { callEndpoint } from "./call-endpoint.js";
import type { OAuthAnswer } from "./normalize-response.js";

/** Manages a registration where it says it can be managed (RFC 7592 §2); `undefined` when it says nothing. */
export async function callClientConfiguration(
  server: ServerMetadata,
  { registrationAccessToken: token, registrationClientUri: uri }: ClientRegistration,
  options: HttpOptions & ClockOptions,
  request: { readonly method: "PUT" | "DELETE"; readonly body?: string },
): Promise<OAuthAnswer | undefined> {
  if (!token || !uri) return undefined;
  const endpoint = { ...server.authorizationServer, registration_client_uri: uri };
  const headers = { accept: "application/json", "content-type": "application/json", authorization: `Bearer ${token}` };
  return await callEndpoint({ ...server, authorizationServer: endpoint }, "registration_client_uri", options, [token], {
    headers,
    ...request,
  });
}
