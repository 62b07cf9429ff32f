import {
  clientCredentials,
  createAuthFetch,
  type AuthClientOptions,
  type ClientCredentialsOptions,
  type Grant,
} from "../../src/index.js";
import { createFakeAuthServer, type FakeAuthServer, type FakeAuthServerOptions } from "../../src/testing.js";
import { createHost } from "./host.js";

export const HOUR = 3_600_000;
export const SECRET = "correct horse";

export const startServer = (options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({
    clientCredentials: true,
    accessTokenTtlMs: HOUR,
    clients: [{ client_id: "machine", client_secret: SECRET }],
    ...options,
  });

export const grantAt = ({ issuer }: FakeAuthServer, options: Partial<ClientCredentialsOptions> = {}): Grant =>
  clientCredentials({ issuer, clientId: "machine", clientSecret: SECRET, ...options });

/** One process of a machine. */
export function startMachine(
  server: FakeAuthServer,
  { grant = grantAt(server), ...options }: Partial<AuthClientOptions> & { readonly grant?: Grant } = {},
) {
  const { client, events } = createHost(server, options);
  const session = client.session(server.serverUrl, { grant });
  return { client, session, events, call: createAuthFetch(session) };
}

export const askedOf = (server: FakeAuthServer): readonly string[] => server.requests.map(({ endpoint }) => endpoint);
export const tokenRequests = (server: FakeAuthServer) => server.requests.filter(({ endpoint }) => endpoint === "token");
