import { describe, expect, it } from "vitest";
import { createAuthFetch, workloadIdentity, type WorkloadIdentityOptions } from "../../src/index.js";
import { createFakeAuthServer, type FakeAuthServerOptions } from "../../src/testing.js";
import { createHost, failureOf, viewOf } from "../support/host.js";
import { createSigner } from "../unit/testing/signed-assertion.js";

const CLUSTER = "https://cluster.example";
const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

/** A platform that vouches for its workloads, and a server that trusts it. */
async function startPlatform(options: FakeAuthServerOptions = {}) {
  const signer = await createSigner();
  const server = createFakeAuthServer({
    now: () => NOW,
    accessTokenTtlMs: HOUR,
    workloadIssuers: [{ issuer: CLUSTER, keys: signer.keys, reusable: true }],
    ...options,
  });
  const issue = (changes: Record<string, unknown> = {}): Promise<string> =>
    signer.sign({
      iss: CLUSTER,
      sub: "job",
      aud: `${server.issuer}/token`,
      exp: server.now() / 1000 + 7200,
      ...changes,
    });
  const startWorkload = (more: Partial<WorkloadIdentityOptions> = {}, backing = new Map<string, string>()) => {
    const { client } = createHost(server, { store: viewOf(backing) });
    const grant = workloadIdentity({ issuer: server.issuer, getAssertion: () => issue(), ...more });
    const session = client.session(server.serverUrl, { grant });
    return { session, call: createAuthFetch(session), backing };
  };
  return { server, issue, startWorkload };
}

describe("a workload that its platform vouches for", () => {
  it("gets a token for the platform's assertion, and is no client [spec-155]", async () => {
    const { server, startWorkload } = await startPlatform({ scopes: ["read"] });
    const { call, session } = startWorkload();

    expect((await call(server.serverUrl)).status).toBe(200);
    const [asked] = server.requests.filter(({ endpoint }) => endpoint === "token");
    const { assertion, ...form } = Object.fromEntries(asked?.form ?? []);
    expect(assertion).toBeDefined();
    expect(form).toEqual({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      resource: server.serverUrl,
      scope: "read",
    });
    expect(asked?.headers).not.toHaveProperty("authorization");
    expect(server.counts.registration).toBe(0);
    expect(await session.getTokens()).toMatchObject({ grant: "workload_identity" });
  });

  it("is told which audience the assertion should have, and may read it from a file that ends in a line feed", async () => {
    const { server, issue, startWorkload } = await startPlatform();
    const audiences: string[] = [];
    const { session } = startWorkload({
      getAssertion: async ({ audience }) => {
        audiences.push(audience);
        return `${await issue({ aud: audience })}\n`;
      },
    });

    expect(await session.getAccessToken()).toBeDefined();
    expect(audiences).toEqual([`${server.issuer}/token`]);
  });

  it("renews with what the platform vouches for then, and steps up by itself", async () => {
    const { server, startWorkload } = await startPlatform({ requiredScope: "a", pathScopes: { "/mcp/b": "b" } });
    const { call, session } = startWorkload();
    await call(server.serverUrl);
    server.advance(HOUR);
    await session.getAccessToken();

    expect((await call(`${server.serverUrl}/b`)).status).toBe(200);
    const scopes = server.requests.filter(({ endpoint }) => endpoint === "token").map(({ form }) => form.get("scope"));
    expect(scopes).toEqual(["a", "a", "a b"]);
  });

  it("says which client it is where the issuer demands one", async () => {
    const { server, startWorkload } = await startPlatform({ clients: [{ client_id: "job", client_secret: "s" }] });
    const { session } = startWorkload({ clientId: "job", clientSecret: "s" });
    await session.getAccessToken();

    expect(server.requests.at(-1)?.headers["authorization"]).toMatch(/^Basic /);
    expect((await session.getTokens())?.grant).toBe("workload_identity job");
  });

  it("leaves no assertion in the store", async () => {
    const { issue, startWorkload } = await startPlatform();
    const assertion = await issue();
    const { session, backing } = startWorkload({ getAssertion: () => assertion });
    await session.getAccessToken();

    expect(JSON.stringify([...backing])).not.toContain(assertion);
  });
});

describe("a refusal of an assertion", () => {
  it.each<[string, Record<string, unknown>]>([
    ["has expired", { exp: NOW / 1000 - 1 }],
    ["is for another audience", { aud: "https://elsewhere.example" }],
    ["is of a platform that is not trusted", { iss: "https://attacker.example" }],
  ])("that %s is final: no retry, no other grant [spec-156]", async (_, changes) => {
    const { server, issue, startWorkload } = await startPlatform();
    const assertion = await issue(changes);
    const { session, call } = startWorkload({ getAssertion: () => assertion });
    const error = await failureOf(call(server.serverUrl));

    expect(error).toMatchObject({ code: "token_request_rejected", oauthError: "invalid_grant" });
    expect(JSON.stringify([String(error), { ...(error as object) }])).not.toContain(assertion);
    for (let tries = 0; tries < 3; tries += 1) {
      server.advance(HOUR);
      await expect(session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    }
    expect(server.counts).toMatchObject({ token: 1, refresh: 0, authorization: 0, registration: 0 });
  });

  it("holds for that assertion alone", async () => {
    const { server, issue, startWorkload } = await startPlatform();
    let assertion = await issue({ aud: "https://elsewhere.example" });
    const { session } = startWorkload({ getAssertion: () => assertion });
    await failureOf(session.getAccessToken());
    assertion = await issue();
    server.advance(60_000);

    expect(await session.getAccessToken()).toBeDefined();
  });

  it("is no reason for another process to ask at once", async () => {
    const { server, issue, startWorkload } = await startPlatform();
    const getAssertion = (): Promise<string> => issue({ aud: "https://elsewhere.example" });
    const { session, backing } = startWorkload({ getAssertion });
    await failureOf(session.getAccessToken());

    await expect(startWorkload({ getAssertion }, backing).session.getAccessToken()).rejects.toHaveProperty("retryAt");
    expect(server.counts.token).toBe(1);
  });

  it("is shown the assertion once more by a process that was started anew, after the pause that all share, and by no other", async () => {
    const { server, issue, startWorkload } = await startPlatform();
    const assertion = await issue({ aud: "https://elsewhere.example" });
    const getAssertion = (): string => assertion;
    const { session, backing } = startWorkload({ getAssertion });
    await failureOf(session.getAccessToken());
    server.advance(HOUR);
    const restarted = startWorkload({ getAssertion }, backing);
    await expect(restarted.session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    expect(server.counts.token).toBe(2);

    for (const one of [session, restarted.session]) {
      server.advance(HOUR);
      await expect(one.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    }
    expect(server.counts.token).toBe(2);
  });

  it("is not what an outage is: that is tried again [spec-3.8-18]", async () => {
    const { server, issue, startWorkload } = await startPlatform();
    const assertion = await issue();
    const { session } = startWorkload({ getAssertion: () => assertion });
    server.faults.add({ endpoint: "token", fault: "500" });
    await expect(session.getAccessToken()).rejects.toMatchObject({ code: "server_error" });
    server.advance(60_000);

    expect(await session.getAccessToken()).toBeDefined();
  });
});

it("an assertion is fetched for the issuer alone that it is meant for", async () => {
  const { server, startWorkload } = await startPlatform();
  let fetched = 0;
  const getAssertion = (): string => String((fetched += 1));
  const { session } = startWorkload({ issuer: "https://auth.example.com/", getAssertion });

  await expect(session.getAccessToken()).rejects.toMatchObject({ code: "client_issuer_mismatch" });
  expect([fetched, server.counts.token]).toEqual([0, 0]);
});

it("what the platform throws reaches the caller as it is", async () => {
  const { startWorkload } = await startPlatform();
  const failure = new Error("no such file");
  const { session } = startWorkload({ getAssertion: () => Promise.reject(failure) });

  await expect(session.getAccessToken()).rejects.toBe(failure);
});

it("the grant cannot be made without issuer and getAssertion", () => {
  expect(() => workloadIdentity({ issuer: "", getAssertion: () => "" })).toThrow("issuer");
  expect(() => workloadIdentity({ issuer: CLUSTER } as never)).toThrow("getAssertion");
});
