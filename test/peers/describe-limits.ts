import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  authorizeWithDeviceCode,
  clientCredentials,
  createAuthClient,
  createDpop,
  createGrant,
  createTokenStore,
  discoverAuthServer,
  enterpriseManaged,
  privateKeyJwt,
  registerClient,
  updateClientRegistration,
  type AuthClientOptions,
  type AuthErrorCode,
  type ClientRegistration,
  type Grant,
  type GrantClient,
  type ServerMetadata,
} from "../../src/index.js";
import { createScriptedBrowser } from "../support/scripted-browser.ts";
import { exchangeToken } from "./exchange-token.ts";
import { of, shows, type Feature, type Outcome, type Peer } from "./features.ts";
import { createIdentityProvider } from "./identity-provider.ts";
import { createKeyPair } from "./key-pair.ts";
import { refusalOf } from "./mcp-clients.ts";
import { createPeerHost, REDIRECT_URI, type PeerHost, type PeerHostOptions } from "./peer-host.ts";

interface LimitedPeer {
  readonly serverUrl: string;
  readonly issuer: string;
  close(): Promise<void>;
}

/** What is not there at one peer, and what does not follow from that alone. */
export interface Limits {
  readonly peer: Peer;
  readonly name: string;
  readonly start: () => Promise<LimitedPeer>;
  /** What a host has to be told of it. */
  readonly told?: (peer: LimitedPeer) => Partial<AuthClientOptions>;
  /** A client with a secret, where none can be registered. */
  readonly machine?: GrantClient;
  readonly absent: readonly AbsentFeature[];
  /** What it answers when a token for another server is asked of it. */
  readonly foreignResource: keyof typeof FOREIGN_RESOURCE;
  /** Whether its callbacks say who sent them (RFC 9207). */
  readonly sendsIss: boolean;
}

const ABSENT = {
  "metadata document": "no: registers",
  "forgotten client": "no: error page",
  "change and delete client": "no: forgotten only",
  DPoP: "no: bearer",
  "client credentials": "no: refused",
  private_key_jwt: "no: refused",
  "device code": "no: says so",
  "token exchange": "no: refused",
  "ID-JAG": "no: refused",
} as const satisfies Partial<Record<Feature, Outcome>>;
type AbsentFeature = keyof typeof ABSENT;

const FOREIGN_RESOURCE = {
  invalid_target: "yes",
  "status 500": "yes, by a 500",
  "a token": "no: ignored",
} as const satisfies Record<string, Outcome>;

const FOREIGN = "https://other.example/mcp";

/** Declares tests of what a host gets to know where a peer lacks something. One peer serves them all: each is another client there. */
export function describeLimits(limits: Limits): void {
  let peer: LimitedPeer;
  let server: ServerMetadata;
  const host = (options?: PeerHostOptions): PeerHost =>
    createPeerHost(peer.serverUrl, { ...limits.told?.(peer), ...options });
  const register = (): Promise<ClientRegistration> =>
    registerClient(server, {
      clientMetadata: {
        client_name: "peer test",
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: "client_secret_post",
      },
    });
  const machine = async (): Promise<GrantClient> => {
    if (limits.machine) return limits.machine;
    const { clientId, clientSecret } = await register();
    return { clientId, clientSecret, tokenEndpointAuthMethod: "client_secret_post" };
  };
  const refusalFor = async (grant: Grant, options: Partial<AuthClientOptions> = {}) => {
    const client = createAuthClient({ clientMetadata: { client_name: "peer test" }, ...options });
    return await refusalOf(client.session(peer.serverUrl, { grant }).getAccessToken());
  };
  const absent = (feature: AbsentFeature, title: string, body: () => Promise<void>): void => {
    if (limits.absent.includes(feature)) it(title, shows({ [feature]: ABSENT[feature] }), body);
  };
  const REJECTED: AuthErrorCode = "token_request_rejected";

  describe(`${limits.name}, a host that expects more`, of(limits.peer), () => {
    beforeAll(async () => {
      peer = await limits.start();
      server = await discoverAuthServer(peer.serverUrl, { profiles: limits.told?.(peer).profiles });
    });
    afterAll(() => peer.close());

    if (!limits.machine) {
      it(
        "takes a client that was registered beforehand [spec-45]",
        shows({ "registered by hand": "yes" }),
        async () => {
          const { clientId, clientSecret, tokenEndpointAuthMethod } = await register();
          const client = { issuer: peer.issuer, clientId, clientSecret, tokenEndpointAuthMethod };
          const { registration } = await host({ preRegistered: [client] }).login();

          expect(registration).toMatchObject({ source: "pre_registered", clientId });
        },
      );
    }

    absent("metadata document", "registers where its metadata document is not taken [spec-34]", async () => {
      const { registration } = await host({ clientMetadataUrl: "https://host.example/client.json" }).login();

      expect(registration.source).toBe("dynamic");
    });

    absent("forgotten client", "is sent to an error page as a client that is not known any more", async () => {
      const store = new Map<string, string>();
      const { preRegistered } = limits.told?.(peer) ?? {};
      const { session, login } = host({
        store,
        ...(preRegistered && { preRegistered: [{ issuer: peer.issuer, clientId: "forgotten" }] }),
      });
      await createTokenStore(store).setClientRegistration(
        { issuer: peer.issuer, redirectUri: REDIRECT_URI },
        { ...(await host().login()).registration, clientId: "forgotten", createdAt: 0 },
      );

      await expect(login()).rejects.toThrow(/neither a redirect nor a form: 4\d\d/);
      expect(await session.getTokens()).toBeUndefined();
    });
    absent("change and delete client", "forgets a client that can be neither changed nor deleted", async () => {
      const { session, login } = host();
      const { registration } = await login();
      const clientMetadata = { redirect_uris: [REDIRECT_URI] };

      await expect(updateClientRegistration(server, registration, { clientMetadata })).rejects.toThrow(
        "registrationClientUri",
      );
      expect(await session.signOut({ unregister: true })).toMatchObject({ unregistered: false });
    });

    const answer = limits.foreignResource;
    const resources = shows({ "resource indicators": FOREIGN_RESOURCE[answer] });
    it("gets no token for another resource, or sends it to none but that", resources, async () => {
      const { discover = discoverAuthServer } = limits.told?.(peer) ?? {};
      const { login, unattended } = host({
        discover: async (url, options) => ({ ...(await discover(url, options)), resource: FOREIGN }),
      });
      if (answer === "a token") {
        expect(await login()).toMatchObject({ resource: FOREIGN });
        expect((await unattended(peer.serverUrl, { method: "POST" })).status).toBe(401);
      } else {
        const refusal = { code: "authorization_denied", oauthError: "invalid_target" };
        await expect(login()).rejects.toMatchObject(
          answer === "invalid_target" ? refusal : { code: "server_error", status: 500 },
        );
      }
    });

    const iss = shows({ "iss in the callback": limits.sendsIss ? "yes" : "no: not sent" });
    it("takes no callback of another issuer, nor one without where the issuer is sent [spec-82]", iss, async () => {
      const changing = (change: (callback: URL) => void) =>
        host().login({
          interact: async (url) => {
            const callback = new URL(await createScriptedBrowser({ callback: "capture" }).open(url));
            expect(callback.searchParams.get("iss")).toBe(limits.sendsIss ? peer.issuer : null);
            change(callback);
            return callback;
          },
        });

      const foreign = changing(({ searchParams }) => searchParams.set("iss", "https://other.example"));
      await expect(foreign).rejects.toMatchObject({ code: "callback_issuer_mismatch" });
      const without = changing(({ searchParams }) => searchParams.delete("iss"));
      if (limits.sendsIss) await expect(without).rejects.toMatchObject({ code: "callback_issuer_mismatch" });
      else expect(await without).toMatchObject({ issuer: peer.issuer });
    });

    if (limits.absent.includes("DPoP")) {
      const cells = shows({ DPoP: ABSENT.DPoP, "DPoP nonces": ABSENT.DPoP });
      it("gets bearer tokens in spite of DPoP, or none when it requires that [spec-148]", cells, async () => {
        expect((await host({ dpop: createDpop() }).login()).tokenType.toLowerCase()).toBe("bearer");
        expect(await refusalOf(host({ dpop: createDpop({ required: true }) }).login())).toBe("dpop_unsupported");
      });
    }

    absent("client credentials", "gets no token as a machine with a secret", async () => {
      const { issuer } = peer;
      expect(await refusalFor(clientCredentials({ issuer, ...(await machine()) }))).toBe(REJECTED);
    });

    absent("private_key_jwt", "gets no token as a machine with a key", async () => {
      const { privateKey } = await createKeyPair("ES256");
      const { clientId } = await machine();
      const clientAuthentication = privateKeyJwt({ privateKey });
      expect(await refusalFor(clientCredentials({ issuer: peer.issuer, clientId, clientAuthentication }))).toBe(
        REJECTED,
      );
    });

    absent("device code", "is told that there are no logins on another device", async () => {
      const login = authorizeWithDeviceCode(host().session, { onUserCode: () => expect.fail("there is a code") });
      expect(await refusalOf(login)).toBe("device_authorization_unsupported");
    });

    absent("token exchange", "gets no token for the token of a user", async () => {
      const subject = await host().login();
      const obtain = (context: Parameters<typeof exchangeToken>[0]) => exchangeToken(context, subject);
      expect(await refusalFor(createGrant({ id: "exchange", issuer: peer.issuer, obtain }))).toBe(REJECTED);
    });

    absent("ID-JAG", "gets no token for the ID-JAG of an identity provider", async () => {
      const client = await machine();
      const { server: idp, signIn, fetch } = createIdentityProvider(peer.issuer, client.clientId);
      const grant = enterpriseManaged({ issuer: peer.issuer, client, ...signIn });

      expect(await refusalFor(grant, { fetch })).toBe(REJECTED);
      expect(idp.counts.token).toBe(1);
    });
  });
}
