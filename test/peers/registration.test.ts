import { describe, expect, it } from "vitest";
import {
  createTokenStore,
  discoverAuthServer,
  registerClient,
  updateClientRegistration,
  type RegistrationKey,
} from "../../src/index.js";
import { of, shows, type Peer } from "./features.ts";
import { askedOf, createPeerHost, REDIRECT_URI, started } from "./peer-host.ts";
import { startOidcProviderPeer, type OidcProviderPeerOptions } from "./servers/oidc-provider-peer.ts";
import { startSdkExamplePeer } from "./servers/sdk-example-peer.ts";
import { startSdkRouterPeer } from "./servers/sdk-router-peer.ts";
import { startWorkersOAuthProviderPeer } from "./servers/workers-oauth-provider-peer.ts";

const startProvider = (options?: OidcProviderPeerOptions) => started(startOidcProviderPeer(options));
const keyAt = (issuer: string): RegistrationKey => ({ issuer, redirectUri: REDIRECT_URI });

interface Row {
  readonly peer: Peer;
  readonly name: string;
  readonly start: () => Promise<{ readonly serverUrl: string; close(): Promise<void> }>;
}

const ROWS: readonly Row[] = [
  { peer: "oidc-provider", name: "oidc-provider", start: () => startOidcProviderPeer() },
  { peer: "SDK router", name: "the SDK's router", start: () => startSdkRouterPeer() },
  { peer: "SDK example", name: "the SDK's example server", start: () => startSdkExamplePeer() },
  { peer: "workers", name: "workers-oauth-provider", start: () => startWorkersOAuthProviderPeer() },
];

for (const { peer: column, name, start } of ROWS) {
  describe(`${name}, asked whether it knows a client`, of(column), () => {
    const forgotten =
      "says so when it does not, and only then is it replaced before the browser opens [pain-10, pain-12, spec-3.8-13]";
    it(forgotten, shows({ "forgotten client": "yes" }), async () => {
      const peer = await started(start());
      const store = new Map<string, string>();
      const { session, login, unattended } = createPeerHost(peer.serverUrl, { store });
      const { registration } = await login();
      const unknown = { ...registration, clientId: "00000000-0000-4000-8000-000000000000", createdAt: 0 };
      await createTokenStore(store).setClientRegistration(keyAt(registration.issuer), unknown);
      await session.signOut({ localOnly: true });

      expect((await login()).registration.clientId).not.toBe(unknown.clientId);
      expect((await unattended(peer.serverUrl, { method: "GET" })).status).not.toBe(401);
      await session.signOut({ localOnly: true });

      // one that it knows is kept, however long ago it was registered
      const current = await createTokenStore(store).getClientRegistration(keyAt(registration.issuer));
      if (!current) throw new Error("no client was stored");
      await createTokenStore(store).setClientRegistration(keyAt(registration.issuer), { ...current, createdAt: 0 });
      expect((await login()).registration.clientId).toBe(current.clientId);
    });
  });
}

describe("oidc-provider", of("oidc-provider"), () => {
  it("does not accept a metadata document that it cannot read, and a client is registered in its place [spec-3.8-22]", async () => {
    const peer = await startProvider({ clientIdMetadataDocuments: { "https://other.example/client.json": {} } });
    const { login } = createPeerHost(peer.serverUrl, { clientMetadataUrl: "https://host.example/client.json" });
    const { registration } = await login();

    expect(registration.source).toBe("dynamic");
    expect(askedOf(peer.requests).filter((asked) => asked === "/reg")).toHaveLength(1);
  });

  const cell = shows({ "change and delete client": "yes" });

  it("lets a client change its redirect URIs, and log in with the new one", cell, async () => {
    const peer = await startProvider();
    const server = await discoverAuthServer(peer.serverUrl);
    const registered = await registerClient(server, {
      clientMetadata: { client_name: "peer test", redirect_uris: ["http://127.0.0.1:9/old"] },
    });
    const updated = await updateClientRegistration(server, registered, {
      clientMetadata: { client_name: "peer test", redirect_uris: [REDIRECT_URI] },
    });
    const store = new Map<string, string>();
    await createTokenStore(store).setClientRegistration(keyAt(server.issuer), updated);
    const { login } = createPeerHost(peer.serverUrl, { store });

    expect(updated.clientId).toBe(registered.clientId);
    expect((await login()).registration.clientId).toBe(registered.clientId);
  });

  it("deletes the client when the user signs out with `unregister`, and registers the next one", cell, async () => {
    const peer = await startProvider();
    const { session, login } = createPeerHost(peer.serverUrl);
    const { registration } = await login();

    expect(await session.signOut({ unregister: true })).toEqual({ revoked: "yes", unregistered: true });
    expect((await login()).registration.clientId).not.toBe(registration.clientId);
  });
});
