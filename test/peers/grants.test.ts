import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  authorizeWithDeviceCode,
  clientCredentials,
  createAuthClient,
  createAuthFetch,
  createMemoryStore,
  privateKeyJwt,
  type AuthClientOptions,
  type ClientCredentialsOptions,
  type Grant,
  type UserCodePrompt,
} from "../../src/index.js";
import { createScriptedBrowser } from "../support/scripted-browser.ts";
import { of, shows } from "./features.ts";
import { createKeyPair } from "./key-pair.ts";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { askedOf, createPeerHost, REDIRECT_URI, started } from "./peer-host.ts";
import {
  startOidcProviderPeer,
  type OidcProviderPeer,
  type OidcProviderPeerOptions,
} from "./servers/oidc-provider-peer.ts";

const [[, connect]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];
const METADATA = "/.well-known/oauth-authorization-server";

const start = (options?: OidcProviderPeerOptions): Promise<OidcProviderPeer> => started(startOidcProviderPeer(options));

const createClient = (options: Partial<AuthClientOptions> = {}) =>
  createAuthClient({ clientMetadata: { client_name: "peer test" }, ...options });

/** A machine that the issuer knows by its secret. */
const MACHINE = {
  client_id: "machine",
  client_secret: "correct horse battery staple, 32 bytes",
  redirect_uris: [],
  response_types: [],
  grant_types: ["client_credentials"],
  scope: "mcp:read mcp:write",
};

describe("oidc-provider, without a user", of("oidc-provider"), () => {
  const secret = (peer: OidcProviderPeer, options: Partial<ClientCredentialsOptions> = {}): Grant =>
    clientCredentials({
      issuer: peer.issuer,
      clientId: MACHINE.client_id,
      clientSecret: MACHINE.client_secret,
      ...options,
    });

  it.each(["client_secret_basic", "client_secret_post"] as const)(
    "gives a machine a token for its secret, by %s as registered [spec-131, spec-132, spec-134]",
    shows({ "client credentials": "yes" }),
    async (method) => {
      const peer = await start({ clients: [{ ...MACHINE, token_endpoint_auth_method: method }] });
      const grant = secret(peer, { tokenEndpointAuthMethod: method });
      const session = createClient().session(peer.serverUrl, { grant });
      const callTool = await connect(peer.serverUrl, createAuthFetch(session));

      expect(await callTool("whoami")).toBe("undefined");
      expect(askedOf(peer.requests)).toEqual([METADATA, "client_credentials"]);
      expect((await session.getTokens())?.registration).not.toHaveProperty("clientSecret");
    },
  );

  it("renews the token when it was refused, and asks for more scope by itself [spec-110, spec-136]", async () => {
    const peer = await start({ clients: [MACHINE] });
    const session = createClient().session(peer.serverUrl, { grant: secret(peer, { scope: "mcp:read" }) });
    const callTool = await connect(peer.serverUrl, createAuthFetch(session));
    peer.expireAccessTokens();
    await callTool("whoami");
    expect(await callTool("write_note", { text: "hello" })).toBe("note 1 written");

    expect((await session.getTokens())?.scope).toBe("mcp:read mcp:write");
    expect(askedOf(peer.requests)).toEqual([
      METADATA,
      "client_credentials",
      "client_credentials",
      "client_credentials",
    ]);
  });

  it("revokes a machine's token when it signs out, with the secret that is not stored", async () => {
    const peer = await start({ clients: [MACHINE] });
    const store = createMemoryStore();
    const session = createClient({ store }).session(peer.serverUrl, { grant: secret(peer) });
    const accessToken = await session.getAccessToken();

    expect(await session.signOut()).toEqual({ revoked: "yes" });
    expect(accessToken).toBeDefined();
    expect(askedOf(peer.requests).at(-1)).toBe("/token/revocation");
  });

  it.each(["ES256", "PS256", "EdDSA"] as const)(
    "knows a machine by its signature, whose audience is the issuer: %s [spec-133, spec-135]",
    shows({ private_key_jwt: "yes" }),
    async (alg) => {
      const { privateKey, jwk } = await createKeyPair(alg);
      const { client_secret: _, ...machine } = MACHINE;
      const peer = await start({
        clients: [{ ...machine, token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwk] } }],
      });
      const clientAuthentication = privateKeyJwt({ privateKey, kid: "one" });
      const grant = clientCredentials({ issuer: peer.issuer, clientId: "machine", clientAuthentication });
      const session = createClient().session(peer.serverUrl, { grant });

      expect((await createAuthFetch(session)(peer.serverUrl)).status).toBe(405);
      expect((await session.getTokens())?.registration.tokenEndpointAuthMethod).toBe("private_key_jwt");
      expect(await session.signOut()).toEqual({ revoked: "yes" });
    },
  );

  it("refuses a machine whose secret is wrong, and is not asked again at once", async () => {
    const peer = await start({ clients: [MACHINE] });
    const grant = clientCredentials({ issuer: peer.issuer, clientId: "machine", clientSecret: "guessed" });
    const send = createAuthFetch(createClient().session(peer.serverUrl, { grant }));

    expect(await refusalOf(send(peer.serverUrl))).toBe("token_request_rejected");
    expect(await refusalOf(send(peer.serverUrl))).toBe("token_request_rejected");
    expect(askedOf(peer.requests)).toEqual([METADATA, "client_credentials"]);
  });
});

describe("oidc-provider, a client with a key", of("oidc-provider"), () => {
  const client = {
    client_name: "peer test",
    redirect_uris: [REDIRECT_URI],
    application_type: "native" as const,
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code" as const],
    token_endpoint_auth_method: "private_key_jwt" as const,
  };

  it("knows it beforehand, and at each token request [spec-45, spec-93]", async () => {
    const { privateKey, jwk } = await createKeyPair("ES256");
    const peer = await start({ clients: [{ ...client, client_id: "host", jwks: { keys: [jwk] } }] });
    const { login, session, unattended } = createPeerHost(peer.serverUrl, {
      clientAuthentication: privateKeyJwt({ privateKey }),
      preRegistered: [{ issuer: peer.issuer, clientId: "host", tokenEndpointAuthMethod: "private_key_jwt" }],
    });
    await login();
    peer.expireAccessTokens();

    expect((await unattended(peer.serverUrl)).status).toBe(405);
    expect(askedOf(peer.requests)).toEqual([METADATA, "authorization_code", "refresh_token"]);
    expect(await session.signOut()).toEqual({ revoked: "yes" });
  });

  it("knows it by its metadata document [spec-42]", async () => {
    const { privateKey, jwk } = await createKeyPair("ES256");
    const clientMetadataUrl = "https://host.example/client.json";
    const document = { ...client, client_id: clientMetadataUrl, jwks: { keys: [jwk] } };
    const peer = await start({ clientIdMetadataDocuments: { [clientMetadataUrl]: document } });
    const { login, unattended } = createPeerHost(peer.serverUrl, {
      clientMetadata: client,
      clientMetadataUrl,
      clientAuthentication: privateKeyJwt({ privateKey }),
    });

    expect((await login()).registration).toMatchObject({
      clientId: clientMetadataUrl,
      tokenEndpointAuthMethod: "private_key_jwt",
    });
    expect((await unattended(peer.serverUrl)).status).toBe(405);
  });

  it("registers it with its public key where the host says so", async () => {
    const { privateKey, jwk } = await createKeyPair("ES256");
    const peer = await start();
    const { login } = createPeerHost(peer.serverUrl, {
      clientMetadata: { ...client, jwks: { keys: [jwk] } },
      clientAuthentication: privateKeyJwt({ privateKey }),
    });

    expect((await login()).registration).toMatchObject({
      source: "dynamic",
      tokenEndpointAuthMethod: "private_key_jwt",
    });
  });
});

describe("oidc-provider, a user on another device", of("oidc-provider"), () => {
  /** Turns the waiting between two questions into none. */
  function withoutWaiting(): void {
    const { setTimeout: real } = globalThis;
    vi.spyOn(globalThis, "setTimeout").mockImplementation((callback: () => void, ms = 0) =>
      real(callback, ms === 5_000 ? 20 : ms),
    );
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
  }

  it("registers, shows a code, waits for the user and renews afterwards", shows({ "device code": "yes" }), async () => {
    withoutWaiting();
    const peer = await start();
    const session = createClient().session(peer.serverUrl);
    const prompts: UserCodePrompt[] = [];
    let visited: Promise<string> | undefined;
    await authorizeWithDeviceCode(session, {
      scope: "mcp:read offline_access",
      onUserCode: (prompt) => {
        prompts.push(prompt);
        visited = createScriptedBrowser().visit(prompt.verificationUriComplete ?? prompt.verificationUri);
      },
    });
    expect(await visited).toMatch(/^200: [^]*Sign-in Success/);
    expect(prompts).toHaveLength(1);
    expect(prompts[0]?.userCode).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
    peer.expireAccessTokens();
    const callTool = await connect(peer.serverUrl, createAuthFetch(session));

    expect(await callTool("whoami")).toBe("alice");
    const asked = askedOf(peer.requests);
    expect(asked.slice(0, 3)).toEqual([METADATA, "/reg", "/device/auth"]);
    expect(asked.at(-1)).toBe("refresh_token");
  });

  it("says that the user refused [spec-84]", async () => {
    withoutWaiting();
    const peer = await start();
    const session = createClient().session(peer.serverUrl);
    let visited: Promise<string> | undefined;
    const login = authorizeWithDeviceCode(session, {
      onUserCode: ({ verificationUriComplete, verificationUri }) => {
        const browser = createScriptedBrowser({ decision: "deny" });
        visited = browser.visit(verificationUriComplete ?? verificationUri, "interrupted");
      },
    });

    expect(await refusalOf(login)).toBe("authorization_denied");
    expect(await visited).toContain("interrupted");
  });
});
