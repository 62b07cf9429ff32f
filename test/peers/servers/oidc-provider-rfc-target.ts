import type { EventEmitter } from "node:events";
import type { ClientMetadata } from "oidc-provider";
import { RFC_CLIENTS, basic } from "../../support/rfc-cases/rfc-target.ts";
import type { RfcTarget } from "../../support/rfc-cases/rfc-target.ts";
import { createScriptedBrowser } from "../../support/scripted-browser.ts";
import { startLoopbackServer } from "./loopback-server.ts";
import { withoutNotices } from "./oidc-provider-peer.ts";
import { providerConfiguration } from "./oidc-provider-settings.ts";

const RESOURCE = "https://mcp.example.com/mcp";
const SECRET = "of-the-resource-server";

/** `oidc-provider` with everything on that the cases ask about. */
export async function startOidcProviderTarget(): Promise<{ readonly target: RfcTarget; close(): Promise<void> }> {
  const server = await startLoopbackServer();
  const configuration = providerConfiguration({
    resource: RESOURCE,
    accessTokenTtlSeconds: 600,
    accessTokenFormat: "opaque",
    resourceServer: { id: "resource-server", secret: SECRET },
    clients: RFC_CLIENTS as unknown as ClientMetadata[],
    generation: () => 0,
    clientIdMetadataDocuments: {},
    demandsNonces: false,
  });
  const provider = await withoutNotices(async () => {
    const { Provider } = await import("oidc-provider");
    return new Provider(server.origin, {
      ...configuration,
      ttl: { ...configuration.ttl, ClientCredentials: 600, DeviceCode: 600 },
      issueRefreshToken: (_context, client) => client.grantTypeAllowed("refresh_token"),
      features: {
        ...configuration.features,
        clientCredentials: { enabled: true },
        deviceFlow: { enabled: true },
        registrationManagement: { enabled: true },
      },
    });
  });
  // a case makes it fail, and it would write so on the console
  (provider as EventEmitter).on("error", () => undefined);
  const serve = provider.callback();
  server.handle((request, response) => void serve(request, response));
  const browser = createScriptedBrowser({ callback: "capture" });

  return {
    target: {
      issuer: server.origin,
      resource: RESOURCE,
      endpoints: {
        authorization: `${server.origin}/auth`,
        token: `${server.origin}/token`,
        registration: `${server.origin}/reg`,
        revocation: `${server.origin}/token/revocation`,
        introspection: `${server.origin}/token/introspection`,
        deviceAuthorization: `${server.origin}/device/auth`,
      },
      introspectionAuthorization: basic("resource-server", SECRET)["authorization"] ?? "",
      fetch: (url, init) => fetch(url, { ...init, redirect: "manual" }),
      approve: async (url) => new URL(await browser.open(url)),
    },
    close: () => server.close(),
  };
}
