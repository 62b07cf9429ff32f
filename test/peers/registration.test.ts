import { describe, expect, it, onTestFinished } from "vitest";
import {
  createAuthClient,
  createAuthFetch,
  createTokenStore,
  discoverAuthServer,
  registerClient,
  updateClientRegistration,
  type AuthClientOptions,
  type AuthSession,
} from "../../src/index.js";
import { createScriptedBrowser } from "../support/scripted-browser.ts";
import { askedOf } from "./peer-host.ts";
import { startOidcProviderPeer, type OidcProviderPeerOptions } from "./servers/oidc-provider-peer.ts";
import { startSdkExamplePeer } from "./servers/sdk-example-peer.ts";
import { startSdkRouterPeer } from "./servers/sdk-router-peer.ts";

const REDIRECT_URI = "http://127.0.0.1:9/callback";
const DOCUMENT_URL = "https://host.example/client.json";

async function started<P extends { close(): Promise<void> }>(starting: Promise<P>): Promise<P> {
  const peer = await starting;
  onTestFinished(() => peer.close());
  return peer;
}
const startProvider = (options?: OidcProviderPeerOptions) => started(startOidcProviderPeer(options));

/** A host whose user allows everything. */
function hostOf(serverUrl: string, options: Partial<AuthClientOptions> = {}) {
  const browser = createScriptedBrowser({ callback: "capture" });
  const client = createAuthClient({ clientMetadata: { client_name: "peer test" }, ...options });
  const session = client.session(serverUrl);
  const login = (): ReturnType<AuthSession["authorize"]> =>
    session.authorize({ redirectUri: REDIRECT_URI, force: true, interact: (url) => browser.open(url) });
  return { session, login };
}

describe("a client that the server does not know any more", () => {
  it.each([
    ["oidc-provider", startOidcProviderPeer],
    ["the SDK's router", startSdkRouterPeer],
    ["the SDK's example server", startSdkExamplePeer],
  ] as const)("is found out at %s and replaced before the browser opens [pain-12, spec-3.8-13]", async (_, start) => {
    const peer = await started<Awaited<ReturnType<typeof start>>>(start());
    const store = new Map<string, string>();
    const { session, login } = hostOf(peer.serverUrl, { store });
    const { registration } = await login();
    await createTokenStore(store).setClientRegistration(
      { issuer: registration.issuer, redirectUri: REDIRECT_URI },
      { ...registration, clientId: "00000000-0000-4000-8000-000000000000", createdAt: 0 },
    );
    await session.signOut({ localOnly: true });
    const tokens = await login();

    expect(tokens.registration.clientId).not.toBe("00000000-0000-4000-8000-000000000000");
    expect((await createAuthFetch(session)(peer.serverUrl, { method: "GET" })).status).not.toBe(401);
  });

  it.each([
    ["oidc-provider", startOidcProviderPeer],
    ["the SDK's router", startSdkRouterPeer],
    ["the SDK's example server", startSdkExamplePeer],
  ] as const)(
    "is not what %s says of one that it knows, however long ago it was registered [pain-10]",
    async (_, start) => {
      const peer = await started<Awaited<ReturnType<typeof start>>>(start());
      const store = new Map<string, string>();
      const { session, login } = hostOf(peer.serverUrl, { store });
      const { registration } = await login();
      await createTokenStore(store).setClientRegistration(
        { issuer: registration.issuer, redirectUri: REDIRECT_URI },
        { ...registration, createdAt: 0 },
      );
      await session.signOut({ localOnly: true });

      expect((await login()).registration.clientId).toBe(registration.clientId);
    },
  );
});

describe("oidc-provider", () => {
  it("does not accept a metadata document that it cannot read, and a client is registered in its place [spec-3.8-22]", async () => {
    const peer = await startProvider({ clientIdMetadataDocuments: { "https://other.example/client.json": {} } });
    const { login } = hostOf(peer.serverUrl, { clientMetadataUrl: DOCUMENT_URL });
    const { registration } = await login();

    expect(registration.source).toBe("dynamic");
    expect(askedOf(peer.requests).filter((asked) => asked === "/reg")).toHaveLength(1);
  });

  it("lets a client change its redirect URIs, and log in with the new one", async () => {
    const peer = await startProvider();
    const server = await discoverAuthServer(peer.serverUrl);
    const registered = await registerClient(server, {
      clientMetadata: { client_name: "peer test", redirect_uris: ["http://127.0.0.1:9/old"] },
    });
    const updated = await updateClientRegistration(server, registered, {
      clientMetadata: { client_name: "peer test", redirect_uris: [REDIRECT_URI] },
    });
    const store = new Map<string, string>();
    await createTokenStore(store).setClientRegistration({ issuer: server.issuer, redirectUri: REDIRECT_URI }, updated);
    const { login } = hostOf(peer.serverUrl, { store });

    expect(updated.clientId).toBe(registered.clientId);
    expect((await login()).registration.clientId).toBe(registered.clientId);
  });

  it("deletes the client when the user signs out with `unregister`, and registers the next one", async () => {
    const peer = await startProvider();
    const { session, login } = hostOf(peer.serverUrl);
    const { registration } = await login();

    expect(await session.signOut({ unregister: true })).toEqual({ revoked: "yes", unregistered: true });
    expect((await login()).registration.clientId).not.toBe(registration.clientId);
  });
});
