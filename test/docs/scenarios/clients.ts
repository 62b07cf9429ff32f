import type { AuthClient, Dpop, DpopKeyStore } from "mcp-oauth-client";
import { createAuthClient } from "mcp-oauth-client";
import type { FakeAuthServerOptions } from "mcp-oauth-client/testing";
import { expect, vi } from "vitest";
import { logIn, REDIRECT, startWorld, type Scenario } from "./scenario.ts";

/** A server that publishes no PKCE methods, as some do that support them. */
function startWorldWithoutMethods(options: FakeAuthServerOptions): ReturnType<typeof startWorld> {
  const server = startWorld(options);
  server.faults.add({ fault: "missing_pkce_methods" });
  return server;
}

export const clients: Readonly<Record<string, Scenario>> = {
  async "docs/clients.md › Who the host is: clients"(load) {
    vi.stubEnv("SECRET", "a secret");
    const known = { client_id: "example", client_secret: "a secret", redirect_uris: [REDIRECT] };
    const server = startWorld({ clients: [known] });
    const { client } = await load<{ client: AuthClient }>();
    await logIn(client.session(server.serverUrl), server);
    expect(server.counts).toMatchObject({ registration: 0, token: 1 });
  },

  async "docs/clients.md › Who the host is: clients (2)"(load) {
    const document = await load<{ GET: () => Response }>();
    const url = "https://app.example.com/oauth/client.json";
    const metadata = { client_name: "Example", redirect_uris: [REDIRECT] };
    expect(await document.GET().json()).toMatchObject({ client_id: url, redirect_uris: [REDIRECT] });

    // and a server that reads such documents takes it
    const server = startWorld({ clientIdMetadataDocuments: true, fetch: async () => document.GET() });
    const client = createAuthClient({ clientMetadata: metadata, clientMetadataUrl: url });
    await logIn(client.session(server.serverUrl), server);
    expect(server.counts).toMatchObject({ registration: 0, token: 1 });
  },

  async "docs/servers.md › Servers that deviate"(load) {
    const issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1";
    const server = startWorldWithoutMethods({ issuer });
    const { client } = await load<{ client: AuthClient }>();
    await logIn(client.session(server.serverUrl), server);
    const strict = createAuthClient({ clientMetadata: { client_name: "Test" } });
    await expect(logIn(strict.session(server.serverUrl), server)).rejects.toMatchObject({ code: "pkce_unsupported" });
  },

  async "docs/servers.md › A row of your own"(load) {
    const { client } = await load<{ client: AuthClient }>();
    const ours = startWorldWithoutMethods({ issuer: "https://login.eu.corp.example" });
    await logIn(client.session(ours.serverUrl, { subject: "one" }), ours);
    const other = startWorldWithoutMethods({ serverUrl: "https://other.example.com/mcp" });
    await expect(logIn(client.session(other.serverUrl), other)).rejects.toMatchObject({ code: "pkce_unsupported" });
  },

  async "docs/dpop.md › Tokens bound to a key (DPoP)"(load) {
    const server = startWorld({ dpop: { required: true } });
    const { client } = await load<{ client: AuthClient }>();
    const session = await logIn(client.session(server.serverUrl), server);
    expect((await session.getTokens())?.tokenType).toBe("DPoP");
  },

  async "docs/dpop.md › Keys"(load) {
    const server = startWorld({ dpop: { required: true } });
    const { dpop, keys } = await load<{ dpop: Dpop; keys: DpopKeyStore }>();
    const client = createAuthClient({ clientMetadata: { client_name: "Test" }, dpop });
    const session = await logIn(client.session(server.serverUrl), server);
    const id = (await session.getTokens())?.dpopKeyId ?? "";
    expect((await keys.get(id))?.privateKey.extractable).toBe(false);
  },

  async "docs/errors.md › Errors"(load) {
    const { AuthorizationError, DiscoveryError, TokenError, TransportError } = await import("mcp-oauth-client");
    const { nextStep } = await load<{ nextStep: (error: unknown) => string }>();
    const cause = new TransportError("network_error", "no answer", { url: "https://auth.example.com" });
    const steps: [unknown, string][] = [
      [new AuthorizationError("authorization_required", "log in"), "ask the user"],
      [new AuthorizationError("insufficient_scope", "more", { scope: "notes:read" }), "ask the user"],
      [new AuthorizationError("insufficient_scope", "more, for good"), "report"],
      [cause, "try later"],
      [new DiscoveryError("discovery_failed", "later", { cause }), "try later"],
      [new DiscoveryError("discovery_failed", "none"), "report"],
      [new TokenError("token_request_rejected", "no"), "report"],
    ];
    for (const [error, step] of steps) expect(nextStep(error)).toBe(step);
    expect(() => nextStep(new RangeError("not ours"))).toThrow(RangeError);
  },
};
