import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createAuthClient,
  createAuthFetch,
  createGrant,
  discoverAuthServer,
  enterpriseManaged,
  privateKeyJwt,
  registerClient,
  type AuthSession,
  type ClientRegistration,
  type EnterpriseManagedOptions,
} from "../../src/index.js";
import { describeLogins } from "./describe-logins.ts";
import { of, shows } from "./features.ts";
import { createIdentityProvider, IDP, type IdentityProvider } from "./identity-provider.ts";
import { createKeyPair, type ClientKeyPair } from "./key-pair.ts";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { askedOf, createPeerHost, REDIRECT_URI } from "./peer-host.ts";
import { exchangeToken, EXCHANGE_GRANT } from "./exchange-token.ts";
import { startWorkersOAuthProviderPeer, type WorkersOAuthProviderPeer } from "./servers/workers-oauth-provider-peer.ts";

const [[, connect]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];
const METADATA = "/.well-known/oauth-authorization-server";
const JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const [DOCUMENT_URL, KEY_DOCUMENT_URL] = ["https://host.example/client.json", "https://host.example/with-key.json"];

/** One for all tests, for it takes long to start: each test is another client there. */
let peer: WorkersOAuthProviderPeer;
let keyPair: ClientKeyPair;
let identityProvider: IdentityProvider;
/** A client for users of an enterprise. */
let chat: ClientRegistration;
beforeAll(async () => {
  keyPair = await createKeyPair("ES256");
  const document = { client_name: "peer test", redirect_uris: [REDIRECT_URI] };
  peer = await startWorkersOAuthProviderPeer({
    clientIdMetadataDocuments: {
      [DOCUMENT_URL]: { ...document, client_id: DOCUMENT_URL, token_endpoint_auth_method: "none" },
      [KEY_DOCUMENT_URL]: {
        ...document,
        client_id: KEY_DOCUMENT_URL,
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [keyPair.jwk] },
      },
    },
    identityProvider: { issuer: IDP, keys: () => identityProvider.server.signingKeys() },
  });
  chat = await registerClient(await discoverAuthServer(peer.serverUrl), {
    clientMetadata: {
      client_name: "chat",
      redirect_uris: [REDIRECT_URI],
      grant_types: [JWT_BEARER_GRANT],
      response_types: [],
      token_endpoint_auth_method: "client_secret_basic",
    },
  });
  identityProvider = createIdentityProvider(peer.issuer, chat.clientId);
});
afterAll(() => peer.close());
beforeEach(() => {
  peer.requests.length = 0;
});

describeLogins({
  peer: "workers",
  name: "workers-oauth-provider in workerd",
  start: () => Promise.resolve({ ...peer, close: () => Promise.resolve() }),
  asks: [METADATA, "/register", "authorization_code"],
  expires: true,
  asksUser: true,
  stepsUp: true,
  copiedRefreshToken: "ends the login later",
  afterRevocation: 401,
});

describe("workers-oauth-provider in workerd", of("workers"), () => {
  it(
    "takes a client by the URL of its metadata document and registers nothing [spec-35]",
    shows({ "metadata document": "yes" }),
    async () => {
      const { login } = createPeerHost(peer.serverUrl, { clientMetadataUrl: DOCUMENT_URL });

      expect((await login()).registration).toMatchObject({ source: "metadata_document", clientId: DOCUMENT_URL });
      // between them, whether the server takes the document, before the user's browser opens
      expect(askedOf(peer.requests)).toEqual([METADATA, "refresh_token", "authorization_code"]);
    },
  );

  it("knows a client by the key in its metadata document [spec-42]", shows({ private_key_jwt: "yes" }), async () => {
    const { login, session } = createPeerHost(peer.serverUrl, {
      clientMetadata: { client_name: "peer test", token_endpoint_auth_method: "private_key_jwt" },
      clientMetadataUrl: KEY_DOCUMENT_URL,
      clientAuthentication: privateKeyJwt({ privateKey: keyPair.privateKey }),
    });

    expect((await login()).registration.tokenEndpointAuthMethod).toBe("private_key_jwt");
    expect(await session.signOut()).toEqual({ revoked: "yes" });
  });

  it(
    "exchanges a user's token for one with less scope, by a grant of the host's own",
    shows({ "token exchange": "yes" }),
    async () => {
      const user = createPeerHost(peer.serverUrl, {
        clientMetadata: {
          client_name: "peer test",
          grant_types: ["authorization_code", "refresh_token", EXCHANGE_GRANT],
        },
      });
      const subject = await user.login({ scope: "mcp:read mcp:write" });
      const grant = createGrant({
        id: "less scope",
        issuer: peer.issuer,
        scope: "mcp:read",
        obtain: (context) => exchangeToken(context, subject),
      });
      const session = createAuthClient({ clientMetadata: {} }).session(peer.serverUrl, { grant });
      const callTool = await connect(peer.serverUrl, createAuthFetch(session));

      expect(await callTool("whoami")).toBe("alice");
      expect(await session.getTokens()).toMatchObject({ scope: "mcp:read", grant: "less scope" });
      expect((await session.getTokens())?.accessToken).not.toBe(subject.accessToken);
    },
  );
});

describe("workers-oauth-provider in workerd, for users of an enterprise", of("workers"), () => {
  function enter({ signIn, fetch }: IdentityProvider, options: Partial<EnterpriseManagedOptions> = {}): AuthSession {
    const { clientId, clientSecret } = chat;
    const client = { clientId, clientSecret };
    const grant = enterpriseManaged({ issuer: peer.issuer, client, scope: "mcp:read", ...signIn, ...options });
    const host = createAuthClient({ clientMetadata: { client_name: "chat" }, fetch });
    return host.session(peer.serverUrl, { subject: "alice", grant });
  }

  it(
    "takes an ID-JAG for the user's sign-in, a new one for each token and for more scope [spec-138, spec-146, spec-147]",
    shows({ "ID-JAG": "yes" }),
    async () => {
      const session = enter(identityProvider);
      const callTool = await connect(peer.serverUrl, createAuthFetch(session));
      expect(await callTool("whoami")).toBe("alice");
      expect(await session.getTokens()).toMatchObject({ scope: "mcp:read", resource: peer.serverUrl });

      await peer.expireAccessTokens();
      expect(await callTool("whoami")).toBe("alice");
      expect(await callTool("write_note", { text: "hello" })).toMatch(/written$/);
      expect((await session.getTokens())?.scope?.split(" ").sort()).toEqual(["mcp:read", "mcp:write"]);
      expect(askedOf(peer.requests)).toEqual([METADATA, ...Array<string>(3).fill(JWT_BEARER_GRANT)]);
      expect(identityProvider.server.counts.token).toBe(3);
      expect(await session.signOut()).toEqual({ revoked: "yes" });
    },
  );

  it("refuses an ID-JAG whose signature is not that of the identity provider, and is not asked again at once", async () => {
    const send = createAuthFetch(enter(createIdentityProvider(peer.issuer, chat.clientId)));

    expect(await refusalOf(send(peer.serverUrl))).toBe("token_request_rejected");
    expect(await refusalOf(send(peer.serverUrl))).toBe("token_request_rejected");
    expect(askedOf(peer.requests)).toEqual([METADATA, JWT_BEARER_GRANT]);
  });

  it("is no identity provider itself, and says so when it is taken for one", async () => {
    const { login } = createPeerHost(peer.serverUrl);
    const { refreshToken = "" } = await login();
    peer.requests.length = 0;
    const session = enter(identityProvider, {
      idp: { issuer: peer.issuer, tokenEndpoint: `${peer.issuer}/token`, clientId: "chat-sso", clientSecret: "s" },
      getSubjectToken: () => ({ token: refreshToken, type: "refresh_token" }),
    });

    await expect(session.getAccessToken()).rejects.toMatchObject({
      code: "token_request_rejected",
      oauthError: "invalid_client",
    });
    expect(askedOf(peer.requests)).toEqual([METADATA, EXCHANGE_GRANT]);
  });
});
