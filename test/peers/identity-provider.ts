import type { EnterpriseManagedOptions, FetchLike } from "../../src/index.js";
import { createFakeAuthServer, type FakeAuthServer } from "../../src/testing.js";

export const IDP = "https://idp.corp.example";

/** The identity provider of an enterprise: the test kit's, for want of one that issues ID-JAGs. */
export interface IdentityProvider {
  readonly server: FakeAuthServer;
  /** The user's sign-in there, as the grant takes it. */
  readonly signIn: Pick<EnterpriseManagedOptions, "idp" | "getSubjectToken">;
  /** Leads each request to where it is for. */
  readonly fetch: FetchLike;
}

/** It issues ID-JAGs for one other issuer, to the client that has this id there. */
export function createIdentityProvider(audience: string, clientId: string): IdentityProvider {
  const client = { client_id: "chat", client_secret: "secret at the idp" };
  const server = createFakeAuthServer({
    issuer: IDP,
    now: Date.now,
    idJag: { audiences: { [audience]: clientId }, subjectTokens: { "proof of alice": "alice" } },
    clients: [client],
  });
  return {
    server,
    signIn: {
      idp: {
        issuer: IDP,
        tokenEndpoint: `${IDP}/token`,
        clientId: client.client_id,
        clientSecret: client.client_secret,
      },
      getSubjectToken: () => ({ token: "proof of alice", type: "id_token" }),
    },
    fetch: (url, init) => (new URL(url).origin === IDP ? server.fetch(url, init) : globalThis.fetch(url, init)),
  };
}
