import { describe, expect, it } from "vitest";
import { isAuthError } from "../../src/index.js";
import { createFakeAuthServer } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, REDIRECT } from "../support/host.js";

describe("the issuer in a callback", () => {
  it.each([
    ["promised and sent", { advertised: true, sent: true }],
    ["sent without a promise", { advertised: false, sent: true }],
    ["neither promised nor sent", { advertised: false, sent: false }],
  ])("is accepted when it was %s [spec-82]", async (_, iss) => {
    const server = createFakeAuthServer({ iss });
    const { session } = createHost(server);
    await session.authorize(approvedBy(server));

    expect(server.counts.token).toBe(1);
  });

  it.each([
    ["promised and missing", { advertised: true, sent: false }],
    ["another one", { advertised: true, sent: "https://attacker.example" }],
    ["another one without a promise", { advertised: false, sent: "https://attacker.example" }],
    ["the same with a slash", { advertised: true, sent: "https://auth.example.com/" }],
    ["the same in capitals", { advertised: true, sent: "https://AUTH.example.com" }],
    ["the same with its default port", { advertised: true, sent: "https://auth.example.com:443" }],
    ["empty", { advertised: false, sent: "" }],
  ])("ends the login before the code is sent when it is %s [spec-82, spec-83, spec-123]", async (_, iss) => {
    const server = createFakeAuthServer({ iss });
    const { session } = createHost(server);

    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({
      code: "callback_issuer_mismatch",
      message: expect.stringContaining(iss.sent === false ? "is missing" : "is another issuer") as string,
    });
    expect(server.counts.token).toBe(0);
    expect(await session.getTokens()).toBeUndefined();
  });

  it("is judged before an error, of which nothing is shown then [spec-84]", async () => {
    const server = createFakeAuthServer({ iss: { sent: "https://attacker.example" } });
    const { session } = createHost(server);
    const login = session.authorize(approvedBy(server, { interact: (url) => server.deny(url, "call_this_number") }));
    const error = await failureOf(login);

    expect(error).toMatchObject({ code: "callback_issuer_mismatch" });
    expect(String(error)).toContain("is another issuer");
    expect(error).not.toHaveProperty("oauthError");
    expect(error).not.toHaveProperty("oauthErrorDescription");
    expect(String(error)).not.toContain("call_this_number");
  });
});

describe("an error in a callback", () => {
  it.each([
    ["access_denied", "[spec-3.8-07]"],
    ["invalid_scope", "[spec-3.8-08]"],
    ["unauthorized_client", "[spec-3.8-10]"],
    ["invalid_request", "[spec-3.8-10]"],
  ])("ends the login: %s says so, and nothing is tried again %s", async (oauthError) => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const before = await session.authorize(approvedBy(server));
    const login = session.authorize(approvedBy(server, { interact: (url) => server.deny(url, oauthError) }));

    expect(await failureOf(login)).toMatchObject({ code: "authorization_denied", oauthError });
    expect(server.counts).toMatchObject({ authorization: 2, token: 1, registration: 1 });
    expect(await session.getTokens()).toEqual(before);
  });

  it("that says access_denied ends the login for good [spec-3.8-07]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.deny(authorizationUrl);

    await expect(session.finishAuthorization(callback)).rejects.toMatchObject({ code: "authorization_denied" });
    await expect(session.finishAuthorization(callback)).rejects.toMatchObject({ code: "state_unknown" });
  });

  it.each(["temporarily_unavailable", "server_error"])(
    "that may pass is a transport error: %s keeps tokens and registration [spec-3.8-09]",
    async (oauthError) => {
      const server = createFakeAuthServer();
      const { session } = createHost(server);
      const before = await session.authorize(approvedBy(server));
      const login = session.authorize(approvedBy(server, { interact: (url) => server.deny(url, oauthError) }));
      const error = await failureOf(login);

      expect(isAuthError(error, "server_error") && error.message).toContain("https://auth.example.com");
      expect(await session.getTokens()).toEqual(before);
      await session.authorize(approvedBy(server));
      expect(server.counts.registration).toBe(1);
    },
  );

  it("of a server that grants less says what was granted, not what was asked for", async () => {
    const server = createFakeAuthServer({ scopes: ["read", "write"] });
    const { session } = createHost(server);
    const tokens = await session.authorize(
      approvedBy(server, { interact: (url) => server.approve(url, { scope: "read" }) }),
    );

    expect(tokens).toMatchObject({ scope: "read", requestedScope: "read write" });
  });
});

describe("a code that is refused", () => {
  it("ends the login with what the server said, and a new login has new values [spec-73]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    const { authorizationUrl } = await session.startAuthorization({ redirectUri: REDIRECT });
    const callback = await server.approve(authorizationUrl);
    callback.searchParams.set("code", "another-code");

    await expect(session.finishAuthorization(callback)).rejects.toMatchObject({
      code: "token_request_rejected",
      status: 400,
      oauthError: "invalid_grant",
    });
    const again = await session.startAuthorization({ redirectUri: REDIRECT });
    for (const name of ["state", "code_challenge"]) {
      expect(again.authorizationUrl.searchParams.get(name)).not.toBe(authorizationUrl.searchParams.get(name));
    }
  });

  it("with status 200 is refused all the same [spec-3.8-19, fact-03]", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    server.faults.add({ endpoint: "token", fault: "error_in_200" });

    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({
      code: "token_request_rejected",
      oauthError: "invalid_grant",
    });
    expect(await session.getTokens()).toBeUndefined();
  });

  it("is not sent again when its answer was lost", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);
    server.faults.add({ endpoint: "token", fault: "lost_answer" });

    await expect(session.authorize(approvedBy(server))).rejects.toMatchObject({ code: "network_error" });
    expect(server.counts.token).toBe(1);
    await session.authorize(approvedBy(server));
    expect(server.counts.registration).toBe(1);
  });
});
