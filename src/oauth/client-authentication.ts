import type { AuthenticatedRequest, ClientAuthenticationOptions } from "../grant-types.js";

/** Says who the client is, and proves it in the way of its registration. Resolves with the secret that was used. */
export async function authenticateClient(
  request: AuthenticatedRequest,
  { clientAuthentication }: ClientAuthenticationOptions,
): Promise<string | undefined> {
  const { registration, headers, body } = request;
  const { clientId, clientSecret = "", tokenEndpointAuthMethod: method } = registration;
  if (clientAuthentication?.methods.includes(method)) return await clientAuthentication.authenticate(request);
  const isSecret = method !== "none";
  if (isSecret && !clientSecret) {
    throw new TypeError(`${method} needs clientSecret or clientAuthentication`);
  }
  if (method === "client_secret_basic") {
    const encode = request.server.allowances?.basicAuth ? String : formEncode;
    // As RFC 6749 §2.3.1 wants it, and no character more: servers that do not decode "-", "_" and "." know no such client.
    headers.set("authorization", `Basic ${btoa(`${encode(clientId)}:${encode(clientSecret)}`)}`);
  } else {
    body.set("client_id", clientId);
    if (isSecret) body.set("client_secret", clientSecret);
  }
  return clientSecret;
}

export const formEncode = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1);
