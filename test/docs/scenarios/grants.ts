import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuthClient, AuthFetch, AuthSession, SubjectToken } from "mcp-oauth-client";
import { createFakeAuthServer } from "mcp-oauth-client/testing";
import { expect, vi } from "vitest";
import { until } from "../../support/host.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { logIn, REDIRECT, spyOnConsole, startWorld, type Scenario } from "./scenario.ts";

export const grants: Readonly<Record<string, Scenario>> = {
  async "docs/grants.md › A machine"(load) {
    vi.stubEnv("CLIENT_SECRET", "a secret");
    const known = { client_id: "reports", client_secret: "a secret" };
    const server = startWorld({ clientCredentials: true, clients: [known] });
    await load();
    expect(server.counts).toMatchObject({ token: 1, authorization: 0 });
    expect(server.requests.at(-1)).toMatchObject({ endpoint: "resource" });
    expect(server.requests.at(-1)?.status).not.toBe(401);
  },

  async "docs/grants.md › An enterprise"(load) {
    const idp = createFakeAuthServer({
      issuer: "https://idp.corp.example",
      idJag: { audiences: { "https://auth.example.com": "chat" }, subjectTokens: { "sign-in of alice": "alice" } },
      clients: [{ client_id: "chat-sso", client_secret: "of the client at the identity provider" }],
    });
    const server = startWorld({
      identityProviders: [{ issuer: idp.issuer, keys: () => idp.signingKeys() }],
      clients: [{ client_id: "chat", client_secret: "of the client at the issuer" }],
    });
    vi.stubGlobal("fetch", (input: string | URL, init?: RequestInit) =>
      (String(input).startsWith(idp.issuer) ? idp : server).fetch(input, init),
    );
    const signInOf = async (user: string): Promise<SubjectToken> => ({ token: `sign-in of ${user}`, type: "id_token" });
    vi.stubGlobal("signInOf", signInOf);
    const { sessionOf } = await load<{ sessionOf: (user: string) => AuthSession }>();
    expect(await sessionOf("alice").getAccessToken()).toBeTypeOf("string");
    await expect(sessionOf("mallory").getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
  },

  async "docs/grants.md › A workload"(load) {
    const platform = createFakeAuthServer({ issuer: "https://kubernetes.example" });
    const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
      "verify",
    ]);
    const keys = [await crypto.subtle.exportKey("jwk", publicKey)];
    const server = startWorld({ workloadIssuers: [{ issuer: platform.issuer, keys, reusable: true }] });
    const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
    const now = Math.floor(server.now() / 1000);
    const claims = { iss: platform.issuer, sub: "pod", aud: server.issuer, iat: now, exp: now + 300 };
    const signed = `${encode({ alg: "ES256", typ: "JWT" })}.${encode(claims)}`;
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    const signature = await crypto.subtle.sign(algorithm, privateKey, new TextEncoder().encode(signed));
    const file = join(temporaryFolder(), "mcp");
    writeFileSync(file, `${signed}.${Buffer.from(signature).toString("base64url")}`);
    const { session } = await load<{ session: AuthSession }>({ "/var/run/secrets/tokens/mcp": file });
    expect(await session.getAccessToken()).toBeTypeOf("string");
    expect(server.counts).toMatchObject({ token: 1, registration: 0 });
  },

  async "docs/grants.md › A user at another device"(load) {
    const server = startWorld({ deviceAuthorization: { intervalMs: 1_000 } });
    const log = spyOnConsole();
    const { authFetch } = await load<{ authFetch: AuthFetch }>();
    const response = authFetch(server.serverUrl);
    await until(() => /enter \S+$/.test(log()));
    server.approveDevice(/enter (\S+)$/.exec(log())?.[1] ?? "");
    expect((await response).status).not.toBe(401);
    expect(server.counts).toMatchObject({ deviceAuthorization: 1, authorization: 0 });
  },

  async "docs/grants.md › A key instead of a secret"(load) {
    const generate = vi.spyOn(crypto.subtle, "generateKey");
    const keys: object[] = [];
    const server = startWorld({
      tokenEndpointAuthMethods: ["private_key_jwt"],
      clients: [{ client_id: "example", jwks: { keys }, redirect_uris: [REDIRECT] }],
    });
    const { client } = await load<{ client: AuthClient }>();
    const { publicKey } = (await generate.mock.results[0]?.value) as CryptoKeyPair;
    keys.push({ ...(await crypto.subtle.exportKey("jwk", publicKey)), kid: "2026-11" });
    await logIn(client.session(server.serverUrl), server);
    expect(server.counts).toMatchObject({ registration: 0, token: 1 });
  },
};
