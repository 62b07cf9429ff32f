import { describe, expect, it } from "vitest";
import {
  clientCredentials,
  createAuthClient,
  createAuthFetch,
  discoverAuthServer,
  refreshTokens,
  type AuthClientOptions,
} from "../../src/index.js";
import { describeWithService } from "../support/service.ts";
import { describeLimits } from "./describe-limits.ts";
import { describeLogins } from "./describe-logins.ts";
import { of, shows } from "./features.ts";
import { MCP_CLIENTS, refusalOf } from "./mcp-clients.ts";
import { askedOf, createPeerHost, started } from "./peer-host.ts";
import {
  DJANGO_CLIENTS,
  startDjangoOAuthToolkitPeer,
  type DjangoOAuthToolkitPeer,
} from "./servers/django-oauth-toolkit-peer.ts";

const [[, connect]] = MCP_CLIENTS as readonly [(typeof MCP_CLIENTS)[number]];
const DISCOVERY = [
  "/.well-known/oauth-authorization-server/o",
  "/.well-known/openid-configuration/o",
  "/o/.well-known/openid-configuration",
  "/o/.well-known/openid-configuration/",
];

interface Issuer {
  readonly issuer: string;
}

/** The client that was made for the host there, and that the server supports S256 although it does not say so. */
const needed = ({ issuer }: Issuer): Pick<AuthClientOptions, "preRegistered" | "profiles"> => ({
  preRegistered: [{ issuer, ...DJANGO_CLIENTS.desktop }],
  profiles: [{ issuer, allow: { assumeS256: true } }],
});

/** And where it revokes tokens, which it does not say either. */
const told = (peer: Issuer): Partial<AuthClientOptions> => ({
  ...needed(peer),
  discover: async (serverUrl, options) => {
    const server = await discoverAuthServer(serverUrl, options);
    const revocation_endpoint = `${peer.issuer}/revoke_token/`;
    return { ...server, authorizationServer: { ...server.authorizationServer, revocation_endpoint } };
  },
});

describeWithService("django-oauth-toolkit", "DJANGO_URL", (djangoUrl) => {
  const start = (): Promise<DjangoOAuthToolkitPeer> => startDjangoOAuthToolkitPeer(djangoUrl);

  describeLogins({
    peer: "Django",
    name: "a host that is told of it",
    start,
    told,
    asks: [...DISCOVERY, "authorization_code"],
    expires: true,
    asksUser: true,
    stepsUp: true,
    copiedRefreshToken: "refused",
    afterRevocation: 401,
  });

  describeLimits({
    peer: "Django",
    name: "a host that is told of it",
    start,
    told,
    machine: DJANGO_CLIENTS.machine,
    absent: [
      "forgotten client",
      "change and delete client",
      "DPoP",
      "private_key_jwt",
      "device code",
      "token exchange",
      "ID-JAG",
    ],
    foreignResource: "a token",
    sendsIss: false,
  });

  describe("a host", of("Django"), () => {
    it(
      "needs a client that was made by hand, with or without a metadata document [spec-33, spec-34]",
      shows({ registration: "no: by hand", "metadata document": "no: by hand" }),
      async () => {
        const { serverUrl, ...peer } = await started(start());
        const { profiles } = needed(peer);
        const clientMetadataUrl = "https://host.example/client.json";

        expect(await refusalOf(createPeerHost(serverUrl, { profiles }).login())).toBe("registration_unsupported");
        const withDocument = createPeerHost(serverUrl, { profiles, clientMetadataUrl });
        expect(await refusalOf(withDocument.login())).toBe("registration_unsupported");
      },
    );

    it(
      "refuses to log in without a profile that says that S256 works, and logs in with one [spec-30]",
      shows({ "registered by hand": "yes" }),
      async () => {
        const peer = await started(start());
        const { preRegistered, profiles } = needed(peer);

        expect(await refusalOf(createPeerHost(peer.serverUrl, { preRegistered }).login())).toBe("pkce_unsupported");
        expect(askedOf(peer.requests)).toEqual(DISCOVERY);
        const { registration } = await createPeerHost(peer.serverUrl, { preRegistered, profiles }).login();
        expect(registration).toMatchObject({ source: "pre_registered", clientId: "desktop" });
      },
    );

    it("can revoke nothing where it is not told how", async () => {
      const peer = await started(start());
      const { session, login } = createPeerHost(peer.serverUrl, needed(peer));
      await login();

      expect(await session.signOut()).toEqual({ revoked: "unsupported" });
    });

    it("is answered with errors when it renews several times at once, and takes status 500 for no refusal [spec-3.8-18]", async () => {
      const peer = await started(start());
      const tokens = await createPeerHost(peer.serverUrl, needed(peer)).login();
      const server = await discoverAuthServer(peer.serverUrl);
      const renewals = await Promise.allSettled(Array.from({ length: 4 }, () => refreshTokens(server, tokens)));

      const failures = renewals.filter((renewal) => renewal.status === "rejected");
      expect(failures.length).toBeLessThan(4);
      for (const { reason } of failures) {
        const { code, status } = reason as { readonly code: string; readonly status: number };
        expect(["server_error 500", "refresh_rejected 400"]).toContain(`${code} ${status}`);
      }
    });

    it(
      "gets a token as a machine with a secret, which may do no more than it was asked for [spec-131, spec-134]",
      shows({ "client credentials": "yes" }),
      async () => {
        const { issuer, serverUrl, requests } = await started(start());
        const grant = clientCredentials({ issuer, ...DJANGO_CLIENTS.machine, scope: "mcp:read" });
        const session = createAuthClient({ clientMetadata: {} }).session(serverUrl, { grant });
        const callTool = await connect(serverUrl, createAuthFetch(session));

        expect(await callTool("whoami")).toBe("nobody");
        expect(await callTool("write_note", { text: "hello" })).toBe("note 1 written");
        expect(askedOf(requests)).toEqual([...DISCOVERY, "client_credentials", "client_credentials"]);
      },
    );
  });
});
