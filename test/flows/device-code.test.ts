import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  authorizeWithDeviceCode,
  createAuthFetch,
  createDpop,
  type AuthClientOptions,
  type DeviceCodeOptions,
  type UserCodePrompt,
} from "../../src/index.js";
import { createFakeAuthServer, type FakeAuthServer, type FakeAuthServerOptions } from "../../src/testing.js";
import { approvedBy, createHost, failureOf, until, viewOf } from "../support/host.js";

const INTERVAL = 5_000;

// the server's time is that of the timers
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const startServer = (options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({ deviceAuthorization: {}, ...options });

/** A device whose login has begun: the user has been shown the code. */
async function startLogin(
  server: FakeAuthServer,
  options: Partial<DeviceCodeOptions> = {},
  clientOptions: Partial<AuthClientOptions> = {},
) {
  const host = createHost(server, clientOptions);
  const prompts: UserCodePrompt[] = [];
  const login = authorizeWithDeviceCode(host.session, {
    onUserCode: (prompt) => {
      prompts.push(prompt);
    },
    ...options,
  });
  const outcome = login.catch((error: unknown) => error);
  await until(() => prompts.length > 0);
  const [prompt] = prompts as [UserCodePrompt];
  return { ...host, prompt, login, outcome };
}

const polls = (server: FakeAuthServer) => server.requests.filter(({ endpoint }) => endpoint === "token");
const askedOf = (server: FakeAuthServer): readonly string[] => server.requests.map(({ endpoint }) => endpoint);

describe("a login with a code", () => {
  it("registers a client without redirect URI, asks for a code, and waits for the user", async () => {
    const server = startServer({ scopes: ["read"] });
    const { prompt, login, session, events } = await startLogin(server);

    expect(prompt).toEqual({
      userCode: expect.stringMatching(/^[A-Z]{4}-[A-Z]{4}$/) as string,
      verificationUri: new URL(`${server.issuer}/device`),
      verificationUriComplete: new URL(`${server.issuer}/device?user_code=${prompt.userCode}`),
      expiresAt: server.now() + 600_000,
    });
    await vi.advanceTimersByTimeAsync(2 * INTERVAL);
    server.approveDevice(prompt.userCode);
    await vi.advanceTimersByTimeAsync(INTERVAL);
    const tokens = await login;

    expect(askedOf(server)).toEqual([
      "protectedResourceMetadata",
      "authorizationServerMetadata",
      "registration",
      "deviceAuthorization",
      "token",
      "token",
      "token",
    ]);
    expect(server.requests[2]?.json).toMatchObject({
      redirect_uris: [],
      response_types: [],
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
      application_type: "native",
    });
    expect(server.requests[3]?.form.get("resource")).toBe(server.serverUrl);
    expect(server.requests[3]?.form.get("scope")).toBe("read");
    expect(polls(server)[0]?.form.get("resource")).toBe(server.serverUrl);
    expect(await session.getTokens()).toEqual(tokens);
    expect(tokens).toMatchObject({ scope: "read", requestedScope: "read" });
    expect(events.map(({ type }) => type)).toEqual(["discovered", "registered", "authorized"]);
  });

  it("goes on as any other login: the fetch sends the token, and it is renewed", async () => {
    const server = startServer();
    const { prompt, login, session } = await startLogin(server);
    server.approveDevice(prompt.userCode);
    await vi.advanceTimersByTimeAsync(INTERVAL);
    await login;
    server.advance(86_400_000);

    expect((await createAuthFetch(session)(server.serverUrl)).status).toBe(200);
    expect(server.counts.refresh).toBe(1);
  });

  it("uses the same client the next time, and another one when that was forgotten", async () => {
    const server = startServer();
    const backing = new Map<string, string>();
    const logIn = async (): Promise<string> => {
      const { prompt, login } = await startLogin(server, { force: true }, { store: viewOf(backing) });
      server.approveDevice(prompt.userCode);
      await vi.advanceTimersByTimeAsync(INTERVAL);
      return (await login).registration.clientId;
    };
    const first = await logIn();
    expect(await logIn()).toBe(first);
    server.forgetClient(first);

    expect(await logIn()).not.toBe(first);
    expect(server.counts.registration).toBe(2);
  });

  it("is made by a client that is known beforehand", async () => {
    const server = startServer({ clients: [{ client_id: "tv", client_secret: "s" }] });
    const preRegistered = [{ issuer: server.issuer, clientId: "tv", clientSecret: "s" }];
    const { prompt, login } = await startLogin(server, {}, { preRegistered });
    server.approveDevice(prompt.userCode);
    await vi.advanceTimersByTimeAsync(INTERVAL);
    await login;

    expect(server.counts.registration).toBe(0);
    expect(
      server.requests.find(({ endpoint }) => endpoint === "deviceAuthorization")?.headers["authorization"],
    ).toMatch(/^Basic /);
  });

  it("asks for more when the server demands it, together with what was granted", async () => {
    const server = startServer({ requiredScope: "read", pathScopes: { "/mcp/admin": "admin" } });
    const { session } = createHost(server);
    const call = createAuthFetch(session, {
      onAuthorizationRequired: ({ scope, challenge, signal }) =>
        authorizeWithDeviceCode(session, {
          scope,
          challenge,
          signal,
          onUserCode: ({ userCode }) => {
            server.approveDevice(userCode);
          },
        }).then(() => undefined),
    });
    const response = call(`${server.serverUrl}/admin`);
    await until(() => server.counts.deviceAuthorization === 1);
    await vi.advanceTimersByTimeAsync(INTERVAL);
    await until(() => server.counts.deviceAuthorization === 2);
    await vi.advanceTimersByTimeAsync(INTERVAL);

    expect((await response).status).toBe(200);
    expect((await session.getTokens())?.scope).toBe("read admin");
  });

  it("that another login overtakes takes over its tokens", async () => {
    const server = startServer();
    const { session, prompt, login } = await startLogin(server);
    const second = authorizeWithDeviceCode(session, { onUserCode: () => undefined });
    server.approveDevice(prompt.userCode);
    await vi.advanceTimersByTimeAsync(INTERVAL);

    expect(await second).toEqual(await login);
    expect(server.counts.deviceAuthorization).toBe(1);
  });
});

describe("between its questions a device", () => {
  it("waits as long as the server wants", async () => {
    const server = startServer({ deviceAuthorization: { intervalMs: 10_000 } });
    const { prompt, login } = await startLogin(server);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(polls(server)).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(polls(server)).toHaveLength(1);
    server.approveDevice(prompt.userCode);
    await vi.advanceTimersByTimeAsync(10_000);
    await login;
  });

  it("waits longer from then on when it is told to slow down", async () => {
    const server = startServer();
    server.faults.add({ endpoint: "token", fault: { status: 400, body: { error: "slow_down" } }, times: 2 });
    const { prompt, login } = await startLogin(server);
    await vi.advanceTimersByTimeAsync(INTERVAL + (INTERVAL + 5_000) + (INTERVAL + 10_000) - 1);
    expect(polls(server)).toHaveLength(2);
    server.approveDevice(prompt.userCode);
    await vi.advanceTimersByTimeAsync(1);
    await login;
    expect(polls(server)).toHaveLength(3);
  });

  it("goes on when the network fails, more slowly, and when the server is out of order [spec-3.8-18]", async () => {
    const server = startServer();
    server.faults.add({ endpoint: "token", fault: "network_error" });
    server.faults.add({ endpoint: "token", fault: "503_retry_after" });
    const { prompt, login } = await startLogin(server);
    await vi.advanceTimersByTimeAsync(INTERVAL);
    await vi.advanceTimersByTimeAsync(2 * INTERVAL);
    expect(polls(server)).toHaveLength(2);
    server.approveDevice(prompt.userCode);
    await vi.advanceTimersByTimeAsync(119_000);
    expect(polls(server)).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1_000);
    await login;
  });
});

describe("a login with a code ends", () => {
  it("when the user refuses [spec-84]", async () => {
    const server = startServer();
    const { prompt, outcome, session } = await startLogin(server);
    server.denyDevice(prompt.userCode);
    await vi.advanceTimersByTimeAsync(INTERVAL);

    expect(await outcome).toMatchObject({ code: "authorization_denied", oauthError: "access_denied" });
    expect(await session.getTokens()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(polls(server)).toHaveLength(1);
  });

  it("when nobody approves before the code expires", async () => {
    const server = startServer({ deviceAuthorization: { ttlMs: 12_000 } });
    const { outcome } = await startLogin(server);
    await vi.advanceTimersByTimeAsync(12_000);

    expect(await outcome).toMatchObject({ code: "device_code_expired" });
    expect(String(await outcome)).toContain("start the login again");
    await vi.advanceTimersByTimeAsync(600_000);
    expect(polls(server).length).toBeLessThanOrEqual(3);
  });

  it("when the server says that the code has expired", async () => {
    const server = startServer();
    server.faults.add({ endpoint: "token", fault: { status: 400, body: { error: "expired_token" } } });
    const { outcome } = await startLogin(server);
    await vi.advanceTimersByTimeAsync(INTERVAL);

    expect(await outcome).toMatchObject({ code: "device_code_expired" });
  });

  it("when the server refuses for another reason, at once", async () => {
    const server = startServer();
    server.faults.add({ endpoint: "token", fault: "invalid_grant" });
    const { outcome } = await startLogin(server);
    await vi.advanceTimersByTimeAsync(INTERVAL);

    expect(await outcome).toMatchObject({ code: "token_request_rejected", oauthError: "invalid_grant" });
    expect(polls(server)).toHaveLength(1);
  });

  it("when the host gives up, while it waits for the user and while it shows the code", async () => {
    const server = startServer();
    const abort = new AbortController();
    const waiting = await startLogin(server, { signal: abort.signal });
    await vi.advanceTimersByTimeAsync(INTERVAL);
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await waiting.outcome).toBe(reason);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(polls(server)).toHaveLength(1);

    const showing = createHost(server);
    const other = new AbortController();
    const stuck = failureOf(
      authorizeWithDeviceCode(showing.session, {
        signal: other.signal,
        onUserCode: () => {
          other.abort(reason);
          return new Promise(() => undefined);
        },
      }),
    );
    expect(await stuck).toBe(reason);
  });

  it("when the host cannot show the code", async () => {
    const server = startServer();
    const failure = new Error("no screen");
    const { session } = createHost(server);
    const login = authorizeWithDeviceCode(session, {
      onUserCode: () => {
        throw failure;
      },
    });

    expect(await failureOf(login)).toBe(failure);
    expect(polls(server)).toHaveLength(0);
  });
});

describe("a server", () => {
  const answering = (body: object, status = 200): FakeAuthServer =>
    startServer({ faults: [{ endpoint: "deviceAuthorization", fault: { status, body } }] });
  const GOOD = {
    device_code: "device code one",
    user_code: "U",
    verification_uri: "https://auth.example.com/device",
    expires_in: 600,
    interval: 5,
  };

  it("without device authorization is found out before a client is registered", async () => {
    const server = createFakeAuthServer();
    const { session } = createHost(server);

    const error = await failureOf(authorizeWithDeviceCode(session, { onUserCode: () => undefined }));
    expect(error).toMatchObject({ code: "device_authorization_unsupported" });
    expect(String(error)).toContain(server.issuer);
    expect(server.counts).toMatchObject({ registration: 0, token: 0 });
  });

  it("that answers without a JSON document is out of order: it is not the client that is refused [spec-3.8-18]", async () => {
    const server = startServer();
    const { session } = createHost(server, {
      fetch: (url, init) =>
        new URL(url).pathname === "/device_authorization"
          ? Promise.resolve(new Response("<h1>Welcome</h1>", { headers: { "retry-after": "7" } }))
          : server.fetch(url, init),
    });

    expect(await failureOf(authorizeWithDeviceCode(session, { onUserCode: () => undefined }))).toMatchObject({
      code: "server_error",
      status: 200,
      retryAt: server.now() + 7_000,
    });
    expect(server.counts.token).toBe(0);
  });

  it.each([
    ["device_code", { ...GOOD, device_code: undefined }],
    ["user_code", { ...GOOD, user_code: 12 }],
    ["verification_uri", { ...GOOD, verification_uri: "" }],
  ])("that answers without a usable %s is at fault", async (member, body) => {
    const { session } = createHost(answering(body));
    const error = await failureOf(authorizeWithDeviceCode(session, { onUserCode: () => undefined }));

    expect(error).toMatchObject({ code: "token_response_invalid" });
    expect(String(error)).toContain(`"${member}"`);
  });

  it.each([
    { ...GOOD, verification_uri: "http://auth.example.com/device" },
    { ...GOOD, verification_uri_complete: "javascript:alert(1)" },
  ])("sends the user to no page that a browser would not be sent to", async (body) => {
    const onUserCode = vi.fn();
    const { session } = createHost(answering(body));

    expect(await failureOf(authorizeWithDeviceCode(session, { onUserCode }))).toMatchObject({ code: "insecure_url" });
    expect(onUserCode).not.toHaveBeenCalled();
  });

  it("may leave out what has a default", async () => {
    const { device_code, user_code, verification_uri } = GOOD;
    const server = answering({ device_code, user_code, verification_url: verification_uri });
    const { prompt, outcome } = await startLogin(server);
    expect(prompt).toEqual({
      userCode: "U",
      verificationUri: new URL(verification_uri),
      verificationUriComplete: undefined,
      expiresAt: server.now() + 600_000,
    });
    await vi.advanceTimersByTimeAsync(INTERVAL);
    expect(await outcome).toMatchObject({ oauthError: "invalid_grant" });
  });

  it("that wants to be asked once in a month is not asked at once", async () => {
    const server = answering({ ...GOOD, interval: 3_000_000, expires_in: 6_000_000 });
    const controller = new AbortController();
    const { outcome } = await startLogin(server, { signal: controller.signal });
    await vi.advanceTimersByTimeAsync(10 * INTERVAL);
    expect(polls(server)).toHaveLength(0);
    controller.abort(new Error("enough"));
    expect(await outcome).toEqual(new Error("enough"));
  });

  it("that offers no DPoP is refused where it is required, before the user is bothered [spec-152]", async () => {
    const onUserCode = vi.fn();
    const { session } = createHost(startServer(), { dpop: createDpop({ required: true }) });

    const error = await failureOf(authorizeWithDeviceCode(session, { onUserCode }));
    expect(error).toMatchObject({ code: "dpop_unsupported" });
    expect(onUserCode).not.toHaveBeenCalled();
  });

  it("that refuses the scope says so before the user is bothered", async () => {
    const onUserCode = vi.fn();
    const { session } = createHost(answering({ error: "invalid_scope" }, 400));

    expect(await failureOf(authorizeWithDeviceCode(session, { onUserCode }))).toMatchObject({
      code: "token_request_rejected",
      oauthError: "invalid_scope",
    });
    expect(onUserCode).not.toHaveBeenCalled();
  });
});

it("a login with a code leaves what was granted before alone when it fails", async () => {
  const server = startServer();
  const { session } = createHost(server);
  const before = await session.authorize(approvedBy(server));
  const login = failureOf(
    authorizeWithDeviceCode(session, {
      force: true,
      onUserCode: ({ userCode }) => {
        server.denyDevice(userCode);
      },
    }),
  );
  await until(() => server.counts.deviceAuthorization === 1);
  await vi.advanceTimersByTimeAsync(INTERVAL);

  expect(await login).toMatchObject({ code: "authorization_denied" });
  expect(await session.getTokens()).toEqual(before);
});

it("the options are checked", async () => {
  const server = startServer();
  const { session } = createHost(server);
  await expect(authorizeWithDeviceCode(session, {} as never)).rejects.toThrow("onUserCode");
  await expect(authorizeWithDeviceCode({} as never, { onUserCode: () => undefined })).rejects.toThrow("session");
});
