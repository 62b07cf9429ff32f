import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServerOptions } from "../../../src/testing.js";
import { RFC_CLIENTS } from "./rfc-target.ts";
import type { RfcTarget } from "./rfc-target.ts";

const OPTIONS: FakeAuthServerOptions = {
  clients: RFC_CLIENTS,
  scopes: ["mcp:read", "mcp:write"],
  tokenEndpointAuthMethods: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
  clientCredentials: true,
  deviceAuthorization: {},
  registrationManagement: true,
  applicationTypeRules: true,
  introspectionToken: "of-the-resource-server",
};

/** A new fake server with everything on that the cases ask about. */
export function createFakeServerTarget(): RfcTarget {
  const server = createFakeAuthServer(OPTIONS);
  return {
    issuer: server.issuer,
    resource: server.serverUrl,
    endpoints: {
      authorization: `${server.issuer}/authorize`,
      token: `${server.issuer}/token`,
      registration: `${server.issuer}/register`,
      revocation: `${server.issuer}/revoke`,
      introspection: `${server.issuer}/introspect`,
      deviceAuthorization: `${server.issuer}/device_authorization`,
    },
    introspectionAuthorization: "Bearer of-the-resource-server",
    fetch: (url, init) => server.fetch(url, init),
    approve: (url) => server.approve(url),
    advance: (ms) => {
      server.advance(ms);
    },
    approveDevice: (userCode) => {
      server.approveDevice(userCode);
    },
    denyDevice: (userCode) => {
      server.denyDevice(userCode);
    },
  };
}
