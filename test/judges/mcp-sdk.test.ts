import * as v2 from "@modelcontextprotocol/client";
import * as auth1 from "@modelcontextprotocol/sdk/client/auth.js";
import * as v1 from "@modelcontextprotocol/sdk/client/index.js";
import * as http1 from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../src/testing.js";
import { failureOf, until } from "../support/host.ts";
import { createMcpFake, REDIRECT } from "./support.ts";

/** A host's own memory, as the SDKs want it. Typed by nobody: both generations take it. */
function createProvider() {
  const held = {
    client: undefined as never,
    tokens: undefined as never,
    discovery: undefined as never,
    verifier: "",
    urls: [] as URL[],
  };
  return {
    held,
    get redirectUrl() {
      return REDIRECT;
    },
    get clientMetadata() {
      return {
        client_name: "Judge",
        redirect_uris: [REDIRECT],
        grant_types: ["authorization_code", "refresh_token"],
        token_endpoint_auth_method: "none",
      };
    },
    clientInformation: () => held.client,
    saveClientInformation: (client: unknown) => void (held.client = client as never),
    tokens: () => held.tokens,
    saveTokens: (tokens: unknown) => void (held.tokens = tokens as never),
    redirectToAuthorization: (url: URL) => void held.urls.push(url),
    saveCodeVerifier: (verifier: string) => void (held.verifier = verifier),
    codeVerifier: () => held.verifier,
    saveDiscoveryState: (discovery: unknown) => void (held.discovery = discovery as never),
    discoveryState: () => held.discovery,
    invalidateCredentials: () => void (held.tokens = undefined as never),
  };
}

type Provider = ReturnType<typeof createProvider>;

interface Judge {
  /** Fails with the SDK's `UnauthorizedError` when the user has been sent away. */
  connect(): Promise<void>;
  finish(callback: URL): Promise<void>;
  call(tool: string): Promise<unknown>;
}

const INFO = { name: "judge", version: "1.0.0" };

const countStreams = (server: FakeAuthServer): number =>
  server.requests.filter(({ method, endpoint, status }) => method === "GET" && endpoint === "resource" && status)
    .length;

/** Both open a stream on the side; where that meets the end of a token as well, both refresh, and the reuse ends the grant. */
async function connected(server: FakeAuthServer, work: Promise<void>): Promise<void> {
  const streams = countStreams(server);
  await work;
  await until(() => countStreams(server) > streams);
}

function createV1(server: FakeAuthServer, authProvider: Provider): Judge {
  const transport = () =>
    new http1.StreamableHTTPClientTransport(new URL(server.serverUrl), { authProvider, fetch: server.fetch });
  let client = new v1.Client(INFO);
  onTestFinished(() => client.close());
  return {
    connect: () => connected(server, (client = new v1.Client(INFO)).connect(transport())),
    finish: (callback) => transport().finishAuth(callback.searchParams.get("code") ?? ""),
    call: (name) => client.callTool({ name, arguments: {} }),
  };
}

function createV2(server: FakeAuthServer, authProvider: Provider): Judge {
  const transport = () =>
    new v2.StreamableHTTPClientTransport(new URL(server.serverUrl), { authProvider, fetch: server.fetch });
  let client = new v2.Client(INFO);
  onTestFinished(() => client.close());
  return {
    connect: () => connected(server, (client = new v2.Client(INFO)).connect(transport())),
    finish: (callback) => transport().finishAuth(callback.searchParams),
    call: (name) => client.callTool({ name, arguments: {} }),
  };
}

type Create = (server: FakeAuthServer, provider: Provider) => Judge;

function start(create: Create, options?: FakeAuthServerOptions) {
  const server = createMcpFake(options);
  const provider = createProvider();
  return { server, provider, judge: create(server, provider) };
}

type Started = ReturnType<typeof start>;

async function logIn({ server, provider, judge }: Started, Unauthorized: new () => Error): Promise<void> {
  expect(await failureOf(judge.connect())).toBeInstanceOf(Unauthorized);
  await judge.finish(await server.approve(provider.held.urls.at(-1) ?? ""));
  await judge.connect();
}

describe.each([
  ["@modelcontextprotocol/sdk", createV1, auth1.UnauthorizedError],
  ["@modelcontextprotocol/client", createV2, v2.UnauthorizedError],
] as const)("%s, with its own auth()", (_name, create, Unauthorized) => {
  it("registers, logs in and calls a tool", async () => {
    const at = start(create, { requiredScope: "notes:read" });
    await logIn(at, Unauthorized);
    expect(await at.judge.call("read_notes")).toMatchObject({ content: [{ text: "no notes" }] });
    expect(at.provider.held.urls[0]?.searchParams.get("scope")).toBe("notes:read");
    expect(at.server.counts).toMatchObject({ registration: 1, authorization: 1, token: 1, refresh: 0 });
    at.server.expectNoUnexpectedRequests();
  });

  it("refreshes an expired token, and keeps the one that it got for it", async () => {
    const at = start(create);
    await logIn(at, Unauthorized);
    for (let day = 0; day < 3; day += 1) {
      at.server.advance(86_400_000);
      await at.judge.call("read_notes");
    }
    expect(at.server.counts).toMatchObject({ authorization: 1, token: 1, refresh: 3 });
  });

  it("is refused with a refresh token that was revoked, and logs in again", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    const at = start(create);
    await logIn(at, Unauthorized);
    at.server.advance(86_400_000);
    at.server.faults.add({ fault: "invalid_grant", endpoint: "refresh" });
    expect(await failureOf(at.judge.call("read_notes"))).toBeInstanceOf(Unauthorized);
    await at.judge.finish(await at.server.approve(at.provider.held.urls.at(-1) ?? ""));
    await at.judge.connect();
    await at.judge.call("read_notes");
    expect(at.server.counts).toMatchObject({ authorization: 2, refresh: 1 });
  });
});

describe("step-up", () => {
  const TWO_SCOPES = { requiredScope: "mcp", toolScopes: { read_notes: "notes:read" } };

  it("@modelcontextprotocol/client asks for more scope when a tool needs it, and then may call it", async () => {
    const at = start(createV2, TWO_SCOPES);
    await logIn(at, v2.UnauthorizedError);
    expect(await failureOf(at.judge.call("read_notes"))).toBeInstanceOf(v2.UnauthorizedError);
    const url = at.provider.held.urls.at(-1) ?? "";
    expect(new URL(url).searchParams.get("scope")).toBe("mcp notes:read");
    await at.judge.finish(await at.server.approve(url));
    await at.judge.connect();
    expect(await at.judge.call("read_notes")).toMatchObject({ content: [{ text: "no notes" }] });
    expect(at.server.counts).toMatchObject({ authorization: 2, token: 2 });
  });

  it("@modelcontextprotocol/sdk fails: it refreshes where it would have to ask the user, and gives up", async () => {
    const at = start(createV1, TWO_SCOPES);
    await logIn(at, auth1.UnauthorizedError);
    const failure = await failureOf(at.judge.call("read_notes"));
    expect(failure).toBeInstanceOf(http1.StreamableHTTPError);
    expect(failure).toMatchObject({ code: 403 });
    expect(at.server.counts).toMatchObject({ authorization: 1, token: 1, refresh: 1 });
  });
});
