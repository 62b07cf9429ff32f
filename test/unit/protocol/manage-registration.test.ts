import { describe, expect, it } from "vitest";
import type { ClientRegistration, ServerMetadata } from "../../../src/index.js";
import {
  deleteClientRegistration,
  discoverAuthServer,
  registerClient,
  updateClientRegistration,
} from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import { failureOf } from "../../support/host.js";
import { clientRegistration, recordingFetch, serverMetadata } from "./records.js";

const clientMetadata = { client_name: "Example", redirect_uris: ["http://127.0.0.1/callback"] };
const moved = { client_name: "Example", redirect_uris: ["http://127.0.0.1/other"] };

async function registered(
  method?: string,
): Promise<{ fake: FakeAuthServer; server: ServerMetadata; registration: ClientRegistration }> {
  const fake = createFakeAuthServer({ registrationManagement: true });
  const { fetch } = fake;
  const server = await discoverAuthServer(fake.serverUrl, { fetch });
  const asked = { ...clientMetadata, ...(method && { token_endpoint_auth_method: method }) };
  return { fake, server, registration: await registerClient(server, { clientMetadata: asked, fetch }) };
}

const managed = clientRegistration({
  registrationAccessToken: "rat-secret",
  registrationClientUri: "https://as.example/register/client-1",
});

describe("an update", () => {
  it.each([undefined, "client_secret_post"])(
    "replaces the metadata and keeps id, secret and token (%s)",
    async (method) => {
      const { fake, server, registration } = await registered(method);
      const updated = await updateClientRegistration(server, registration, {
        clientMetadata: moved,
        fetch: fake.fetch,
      });

      expect(updated).toMatchObject({
        clientId: registration.clientId,
        redirectUris: moved.redirect_uris,
        tokenEndpointAuthMethod: registration.tokenEndpointAuthMethod,
        source: "dynamic",
        createdAt: registration.createdAt,
      });
      expect(updated.clientSecret).toBe(registration.clientSecret);
      expect(updated.registrationAccessToken).toBeTruthy();
      expect(updated.registrationClientUri).toBe(registration.registrationClientUri);
      const again = await updateClientRegistration(server, updated, { clientMetadata, fetch: fake.fetch });
      expect(again.redirectUris).toEqual(clientMetadata.redirect_uris);
    },
  );

  it("sends all of the metadata with the id, and no token in the body", async () => {
    const { fetch, requests } = recordingFetch(() => Response.json({ client_id: "client-1" }));
    const updated = await updateClientRegistration(serverMetadata(), managed, { clientMetadata: moved, fetch });

    const [request] = requests;
    expect(request).toMatchObject({ method: "PUT", url: managed.registrationClientUri });
    expect(request?.headers.get("authorization")).toBe("Bearer rat-secret");
    expect(JSON.parse(request?.body ?? "")).toEqual({
      ...moved,
      client_id: "client-1",
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    });
    expect(updated).toMatchObject({ registrationAccessToken: "rat-secret", redirectUris: moved.redirect_uris });
  });

  it("that the server refuses says so, without the token that it echoes", async () => {
    const { fetch } = recordingFetch(() =>
      Response.json({ error: "invalid_token", error_description: "unknown: rat-secret" }, { status: 401 }),
    );
    const error = await failureOf(
      updateClientRegistration(serverMetadata(), managed, { clientMetadata: moved, fetch }),
    );
    expect(error).toMatchObject({ code: "registration_rejected", status: 401, oauthError: "invalid_token" });
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain("rat-secret");
  });

  it("of a client that cannot be managed, or of another issuer, or to no redirect URI is refused before it is sent", async () => {
    const { fetch, requests } = recordingFetch(() => Response.json({}));
    const options = { clientMetadata: moved, fetch };
    await expect(updateClientRegistration(serverMetadata(), clientRegistration(), options)).rejects.toThrow(
      "registrationClientUri",
    );
    await expect(
      updateClientRegistration(serverMetadata(), { ...managed, issuer: "https://other.example" }, options),
    ).rejects.toMatchObject({ code: "client_issuer_mismatch" });
    await expect(
      updateClientRegistration(serverMetadata(), managed, { ...options, clientMetadata: { client_name: "x" } }),
    ).rejects.toThrow(TypeError);
    expect(requests).toEqual([]);
  });
});

describe("a deletion", () => {
  it("ends the client [spec-20]", async () => {
    const { fake, server, registration } = await registered();
    expect(await deleteClientRegistration(server, registration, { fetch: fake.fetch })).toBe(true);
    expect(fake.requests.at(-1)).toMatchObject({ method: "DELETE", url: registration.registrationClientUri });
    expect(() => fake.forgetClient(registration.clientId)).toThrow();
  });

  it("is not asked for where nobody offers it, and is false where it is refused", async () => {
    const { fetch, requests } = recordingFetch(() => new Response(null, { status: 405 }));
    expect(await deleteClientRegistration(serverMetadata(), clientRegistration(), { fetch })).toBe(false);
    expect(requests).toEqual([]);
    expect(await deleteClientRegistration(serverMetadata(), managed, { fetch })).toBe(false);
    expect(requests).toHaveLength(1);
  });

  it.each([
    ["http://as.example/register/client-1", "insecure_url"],
    ["javascript:alert(1)", "metadata_invalid"],
  ])("goes to no URL such as %s", async (registrationClientUri, code) => {
    const { fetch, requests } = recordingFetch(() => new Response(null, { status: 204 }));
    const failed = deleteClientRegistration(serverMetadata(), { ...managed, registrationClientUri }, { fetch });
    await expect(failed).rejects.toMatchObject({ code });
    expect(requests).toEqual([]);
  });

  it("of another issuer's client is refused, and the host may refuse the URL", async () => {
    const { fetch, requests } = recordingFetch(() => new Response(null, { status: 204 }));
    await expect(
      deleteClientRegistration(serverMetadata(), { ...managed, issuer: "https://other.example" }, { fetch }),
    ).rejects.toMatchObject({ code: "client_issuer_mismatch" });
    const purposes: string[] = [];
    const allowUrl = (_: URL, { purpose }: { purpose: string }): boolean => {
      purposes.push(purpose);
      return false;
    };
    await expect(deleteClientRegistration(serverMetadata(), managed, { fetch, allowUrl })).rejects.toMatchObject({
      code: "insecure_url",
    });
    expect(purposes).toEqual(["registration_client_uri"]);
    expect(requests).toEqual([]);
  });
});
