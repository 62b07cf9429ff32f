import { authenticateClient } from "../oauth/client-authentication.js";
import type { ClientAuthentication } from "../grant-types.js";
import { preferredMethod, SECRET_METHODS } from "../protocol/client-metadata.js";
import type { ClientRegistration, ServerMetadata } from "../types.js";

/** The client of a grant: known to its issuer beforehand, never registered by the library. @public */
export interface GrantClient {
  /** `client_id` at the issuer. */
  readonly clientId: string;
  /** Its secret, which is not stored. */
  readonly clientSecret?: string | undefined;
  /** How the secret is sent.
   * @defaultValue the first of `client_secret_basic`, `client_secret_post` that the issuer supports */
  readonly tokenEndpointAuthMethod?: "client_secret_basic" | "client_secret_post" | undefined;
  /** Takes the place of a secret; from {@link privateKeyJwt}. */
  readonly clientAuthentication?: ClientAuthentication | undefined;
}

/** Sends its id alone. */
const PUBLIC: ClientAuthentication = {
  methods: ["none"],
  authenticate: (request) => authenticateClient(request, {}),
};

const bySecret = (clientSecret: string, methods: ClientAuthentication["methods"]): ClientAuthentication => ({
  methods,
  authenticate: (request) =>
    authenticateClient({ ...request, registration: { ...request.registration, clientSecret } }, {}),
});

/** How a client proves itself; `name` is the option it came by. */
export function authenticationOf(
  { clientId, clientSecret, tokenEndpointAuthMethod: method, clientAuthentication }: GrantClient,
  name: string,
): ClientAuthentication {
  if (typeof clientId !== "string" || clientId === "") throw new TypeError(`${name}clientId must be a string`);
  if (clientSecret !== undefined && clientAuthentication !== undefined) {
    throw new TypeError(`${name}clientSecret and ${name}clientAuthentication exclude each other`);
  }
  return clientAuthentication ?? (clientSecret ? bySecret(clientSecret, method ? [method] : SECRET_METHODS) : PUBLIC);
}

/** The client as tokens are stamped with it: without its secret. */
export const registrationAt = (
  server: ServerMetadata,
  clientId: string,
  { methods }: ClientAuthentication,
  createdAt: number,
): ClientRegistration => ({
  issuer: server.issuer,
  clientId,
  tokenEndpointAuthMethod: preferredMethod(server, methods),
  redirectUris: [],
  source: "pre_registered",
  createdAt,
});
