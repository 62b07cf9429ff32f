import { describe, expect, it } from "vitest";
import { deleteClientRegistration, registerClient, updateClientRegistration } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer } from "../../../src/testing.js";
import { failureOf } from "../../support/host.js";
import { discover } from "../../support/steps.js";

const clientMetadata = { client_name: "Example", redirect_uris: ["http://127.0.0.1/callback"] };
const moved = { client_name: "Example", redirect_uris: ["http://127.0.0.1/other"] };

/** A client that can be managed. */
async function register(fake: FakeAuthServer, method?: string) {
  const server = await discover(fake);
  const asked = { ...clientMetadata, ...(method && { token_endpoint_auth_method: method }) };
  return { server, registration: await registerClient(server, { clientMetadata: asked, fetch: fake.fetch }) };
}

describe("an update", () => {
  it.each([undefined, "client_secret_post"])(
    "replaces the metadata and keeps id, secret and token (%s)",
    async (method) => {
      const fake = createFakeAuthServer({ registrationManagement: true });
      const { server, registration } = await register(fake, method);
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
    const fake = createFakeAuthServer({ registrationManagement: true });
    const { server, registration } = await register(fake);
    const { clientId, registrationAccessToken = "" } = registration;
    const members = { registration_access_token: undefined };
    fake.faults.add({ endpoint: "clientConfiguration", fault: { members } });
    const updated = await updateClientRegistration(server, registration, { clientMetadata: moved, fetch: fake.fetch });

    const request = fake.requests.at(-1);
    expect(request).toMatchObject({ method: "PUT", url: registration.registrationClientUri });
    expect(request?.headers["authorization"]).toBe(`Bearer ${fake.nameOf(registrationAccessToken)}`);
    expect(request?.json).toEqual({
      ...moved,
      client_id: clientId,
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    });
    expect(updated).toMatchObject({ registrationAccessToken, redirectUris: moved.redirect_uris });
  });

  it("that the server refuses says so, without the token that it echoes", async () => {
    const fake = createFakeAuthServer({ registrationManagement: true });
    const { server, registration } = await register(fake);
    const token = registration.registrationAccessToken;
    const body = { error: "invalid_token", error_description: `unknown: ${token}` };
    fake.faults.add({ endpoint: "clientConfiguration", fault: { status: 401, body } });
    const error = await failureOf(
      updateClientRegistration(server, registration, { clientMetadata: moved, fetch: fake.fetch }),
    );
    expect(error).toMatchObject({ code: "registration_rejected", status: 401, oauthError: "invalid_token" });
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain(token);
  });

  it("of a client that cannot be managed, or of another issuer, or to no redirect URI is refused before it is sent", async () => {
    const unmanaged = await register(createFakeAuthServer());
    const fake = createFakeAuthServer({ registrationManagement: true });
    const { server, registration } = await register(fake);
    const options = { clientMetadata: moved, fetch: fake.fetch };
    await expect(updateClientRegistration(server, unmanaged.registration, options)).rejects.toThrow(
      "registrationClientUri",
    );
    await expect(
      updateClientRegistration(server, { ...registration, issuer: "https://other.example" }, options),
    ).rejects.toMatchObject({ code: "client_issuer_mismatch" });
    await expect(
      updateClientRegistration(server, registration, { ...options, clientMetadata: { client_name: "x" } }),
    ).rejects.toThrow(TypeError);
    expect(fake.counts.clientConfiguration).toBe(0);
  });
});

describe("a deletion", () => {
  it("ends the client [spec-20]", async () => {
    const fake = createFakeAuthServer({ registrationManagement: true });
    const { server, registration } = await register(fake);
    expect(await deleteClientRegistration(server, registration, { fetch: fake.fetch })).toBe(true);
    expect(fake.requests.at(-1)).toMatchObject({ method: "DELETE", url: registration.registrationClientUri });
    expect(() => fake.forgetClient(registration.clientId)).toThrow();
  });

  it("is not asked for where nobody offers it, and is false where it is refused", async () => {
    const without = createFakeAuthServer();
    const unmanaged = await register(without);
    const { fetch } = without;
    const before = without.requests.length;
    expect(await deleteClientRegistration(unmanaged.server, unmanaged.registration, { fetch })).toBe(false);
    expect(without.requests).toHaveLength(before);
    const fake = createFakeAuthServer({ registrationManagement: true });
    const { server, registration } = await register(fake);
    fake.faults.add({ endpoint: "clientConfiguration", fault: { status: 405, body: "" } });
    expect(await deleteClientRegistration(server, registration, { fetch: fake.fetch })).toBe(false);
    expect(fake.counts.clientConfiguration).toBe(1);
  });

  it.each([
    ["http://auth.example.com/register/client-1", "insecure_url"],
    ["javascript:alert(1)", "metadata_invalid"],
  ])("goes to no URL such as %s", async (registrationClientUri, code) => {
    const fake = createFakeAuthServer({ registrationManagement: true });
    const { server, registration } = await register(fake);
    const before = fake.requests.length;
    const failed = deleteClientRegistration(server, { ...registration, registrationClientUri }, { fetch: fake.fetch });
    await expect(failed).rejects.toMatchObject({ code });
    expect(fake.requests).toHaveLength(before);
  });

  it("of another issuer's client is refused, and the host may refuse the URL", async () => {
    const fake = createFakeAuthServer({ registrationManagement: true });
    const { fetch } = fake;
    const { server, registration } = await register(fake);
    await expect(
      deleteClientRegistration(server, { ...registration, issuer: "https://other.example" }, { fetch }),
    ).rejects.toMatchObject({ code: "client_issuer_mismatch" });
    const purposes: string[] = [];
    const allowUrl = (_: URL, { purpose }: { purpose: string }): boolean => {
      purposes.push(purpose);
      return false;
    };
    await expect(deleteClientRegistration(server, registration, { fetch, allowUrl })).rejects.toMatchObject({
      code: "insecure_url",
    });
    expect(purposes).toEqual(["registration_client_uri"]);
    expect(fake.counts.clientConfiguration).toBe(0);
  });
});
