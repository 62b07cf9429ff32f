import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { isAuthError } from "../../../src/index.js";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions, FakeListener } from "../../../src/testing.js";
import { failureOf, until } from "../../support/host.js";
import { authorizationUrl, call, jsonOf, logIn, pkce, registeredClientId } from "./plain-client.js";

async function listening(
  options?: FakeAuthServerOptions,
): Promise<{ readonly server: FakeAuthServer; readonly listener: FakeListener }> {
  const server = createFakeAuthServer(options);
  const listener = await server.listen();
  onTestFinished(() => listener.close());
  return { server, listener };
}

describe("listening on loopback", () => {
  it("puts every address on the port", async () => {
    const { server, listener } = await listening({ scopes: ["a"], deviceAuthorization: {} });
    const { origin, port } = listener;
    expect(origin).toBe(`http://127.0.0.1:${port}`);
    expect([server.serverUrl, server.issuer]).toEqual([`${origin}/mcp`, origin]);
    const challenge = (await fetch(server.serverUrl)).headers.get("www-authenticate");
    expect(challenge).toBe(`Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`);
    expect(await jsonOf(await fetch(`${origin}/.well-known/oauth-protected-resource/mcp`))).toMatchObject({
      resource: server.serverUrl,
      authorization_servers: [origin],
    });
    const metadata = await jsonOf(await fetch(`${origin}/.well-known/oauth-authorization-server`));
    const endpoints = Object.entries(metadata).filter(([name]) => name.endsWith("_endpoint") || name === "issuer");
    expect(endpoints.length).toBeGreaterThan(4);
    for (const [name, value] of endpoints) expect(value, name).toMatch(origin);
  });

  it.each<[FakeAuthServerOptions, string, string, string]>([
    [
      { serverUrl: "https://x.example/", issuer: "https://auth.example/" },
      "/",
      "/",
      "/.well-known/oauth-protected-resource",
    ],
    [
      { serverUrl: new URL("https://x.example/a?b=1"), issuer: "https://auth.example/tenant" },
      "/a?b=1",
      "/tenant",
      "/.well-known/oauth-protected-resource/a?b=1",
    ],
    [{ serverUrl: "https://x.example", resourceMetadataUrl: "https://x.example/prm" }, "", "", "/prm"],
  ])("keeps the paths: %j", async (options, path, issuerPath, metadataPath) => {
    const { server, listener } = await listening(options);
    expect([server.serverUrl, server.issuer]).toEqual([listener.origin + path, listener.origin + issuerPath]);
    expect((await fetch(listener.origin + metadataPath)).status).toBe(200);
  });

  it("leaves alone what was given on loopback, and what is not its own", async () => {
    const resourceMetadataUrl = "https://elsewhere.example/prm";
    const { server } = await listening({ serverUrl: "http://localhost:1234/mcp", resourceMetadataUrl });
    expect(server.serverUrl).toBe("http://localhost:1234/mcp");
    expect((await call(server)).headers.get("www-authenticate")).toContain(resourceMetadataUrl);
  });

  it("logs a client in, with the server's own time in every answer", async () => {
    const { server } = await listening({ now: () => Date.UTC(2027, 0, 1), consentPage: false });
    server.advance(60_000);
    const clientId = await registeredClientId(server);
    const { access_token: token } = await logIn(server, clientId);
    const response = await fetch(server.serverUrl, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(200);
    expect(response.headers.get("date")).toBe("Fri, 01 Jan 2027 00:01:00 GMT");
    const url = authorizationUrl(server, clientId, pkce().challenge);
    expect((await fetch(url, { redirect: "manual" })).headers.get("location")).toContain("code=");
  });

  it("tells localhost from 127.0.0.1", async () => {
    const { server, listener } = await listening();
    const response = await new Promise<number | undefined>((resolve) => {
      const headers = { host: `localhost:${listener.port}` };
      httpRequest(server.serverUrl, { headers }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode));
      }).end();
    });
    expect(response).toBe(404);
    expect(server.requests[0]?.url).toBe(`http://localhost:${listener.port}/mcp`);
  });

  it("hands on the body of a request, and streams that of the answer", async () => {
    let go = (): void => undefined;
    const { server } = await listening({
      handleResource: async (request) => {
        const text = await request.text();
        const parts = [text, "!".repeat(500_000)];
        const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
          const part = parts.shift();
          if (part === undefined) {
            controller.close();
            return;
          }
          controller.enqueue(new TextEncoder().encode(part));
          await new Promise<void>((resolve) => (go = resolve));
        };
        return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
      },
    });
    const { access_token: token } = await logIn(server, await registeredClientId(server));
    const response = await fetch(server.serverUrl, {
      method: "POST",
      body: "hello",
      headers: { authorization: `Bearer ${token}` },
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("hello");
    let length = 0;
    const goOn = setInterval(() => go(), 1);
    onTestFinished(() => clearInterval(goOn));
    for (let part = await reader.read(); !part.done; part = await reader.read()) length += part.value.length;
    expect(length).toBe(500_000);
  });

  it("keeps a connection for a minute, so that no slow client sends a request on one that is just being closed", async () => {
    const { server } = await listening();
    expect((await fetch(server.serverUrl)).headers.get("keep-alive")).toBe("timeout=60");
  });

  it("lets a connection fail when a fault says so", async () => {
    const { server } = await listening();
    for (const fault of ["network_error", "cut_off"] as const) server.faults.add({ fault, endpoint: "resource" });
    await expect(fetch(server.serverUrl)).rejects.toThrow("fetch failed");
    await expect(fetch(server.serverUrl).then((response) => response.text())).rejects.toThrow(TypeError);
    expect((await fetch(server.serverUrl)).status).toBe(401);
  });

  it("lets go of a request whose client has gone", async () => {
    const aborted = vi.fn();
    const { server } = await listening();
    server.faults.add({
      endpoint: "resource",
      fault: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            aborted();
            reject(signal.reason as Error);
          });
        }),
    });
    const controller = new AbortController();
    const gone = failureOf(fetch(server.serverUrl, { signal: controller.signal }));
    await until(() => server.requests.length === 1);
    controller.abort();
    await gone;
    await until(() => aborted.mock.calls.length === 1);
  });

  it("says what went wrong in a handler of the test", async () => {
    const { server } = await listening({
      handleResource: () => {
        throw new RangeError("made to fail");
      },
    });
    const { access_token: token } = await logIn(server, await registeredClientId(server));
    const response = await fetch(server.serverUrl, { headers: { authorization: `Bearer ${token}` } });
    expect([response.status, await response.text()]).toEqual([500, "RangeError: made to fail"]);
  });

  it("breaks off an answer whose body fails", async () => {
    const { server } = await listening({
      handleResource: () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              controller.error(new RangeError("made to fail"));
            },
          }),
        ),
    });
    const { access_token: token } = await logIn(server, await registeredClientId(server));
    const headers = { authorization: `Bearer ${token}` };
    await expect(fetch(server.serverUrl, { headers }).then((response) => response.text())).rejects.toThrow(TypeError);
    expect((await fetch(server.serverUrl)).status).toBe(401);
  });

  it("close() leaves nothing pending: requests that hang, idle connections, the port", async () => {
    const { server, listener } = await listening();
    server.faults.add({ fault: "hang", endpoint: "resource" });
    const hanging = failureOf(fetch(server.serverUrl));
    await until(() => server.requests.length === 1);
    const idle = connect(listener.port, "127.0.0.1").on("error", () => undefined);
    const closed = new Promise((resolve) => idle.on("close", resolve));
    await new Promise((resolve) => idle.on("connect", resolve));
    await Promise.all([listener.close(), listener.close()]);
    await closed;
    expect(await hanging).toBeInstanceOf(TypeError);
    await expect(fetch(server.serverUrl)).rejects.toThrow("fetch failed");

    const again = await server.listen({ port: listener.port });
    onTestFinished(() => again.close());
    expect((await fetch(server.serverUrl)).status).toBe(401);
  });

  it("refuses a port that is taken, and one that is none", async () => {
    const { listener } = await listening();
    const error = await failureOf(createFakeAuthServer().listen({ port: listener.port }));
    expect(isAuthError(error, "port_unavailable") && error.port).toBe(listener.port);
    await expect(createFakeAuthServer().listen({ port: 70_000 })).rejects.toThrow(
      new TypeError('"port" must be an integer from 0 to 65535'),
    );
  });

  it("refuses where nobody can listen, with a code", async () => {
    vi.stubGlobal("process", undefined);
    const error = await failureOf(createFakeAuthServer().listen());
    vi.unstubAllGlobals();
    expect(isAuthError(error, "unsupported_runtime")).toBe(true);
  });
});

describe("scripts of other origins", () => {
  const FROM_APP = { origin: "https://app.example" };
  const preflight = { ...FROM_APP, "access-control-request-method": "POST", "access-control-request-headers": "x-a" };

  it("may read metadata, tokens and challenges", async () => {
    const server = createFakeAuthServer();
    const response = await server.fetch(server.serverUrl, { headers: FROM_APP });
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("access-control-expose-headers")).toContain("www-authenticate");
    expect((await call(server)).headers.has("access-control-allow-origin")).toBe(false);
  });

  it("may send what they ask for beforehand, which counts as no request", async () => {
    const server = createFakeAuthServer();
    const response = await server.fetch(`${server.issuer}/token`, { method: "OPTIONS", headers: preflight });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-allow-headers": "x-a",
      // PUT: a registration is replaced with it (RFC 7592)
      "access-control-allow-methods": "GET, POST, PUT, DELETE",
    });
    expect(server.requests).toEqual([]);
    expect((await server.fetch(`${server.issuer}/token`, { method: "OPTIONS" })).status).toBe(405);
  });

  it("may not read the pages of the user", async () => {
    const server = createFakeAuthServer();
    const url = authorizationUrl(server, await registeredClientId(server), pkce().challenge);
    expect((await server.fetch(url, { headers: FROM_APP })).headers.has("access-control-allow-origin")).toBe(false);
  });

  it("may not read anything with no_cors, nor the challenge with challenge_not_exposed", async () => {
    const server = createFakeAuthServer();
    server.faults.add({ fault: "no_cors", times: 1 });
    server.faults.add({ fault: "challenge_not_exposed" });
    server.faults.add({ fault: "500", endpoint: "resource" });
    const closed = await server.fetch(server.serverUrl, { headers: FROM_APP });
    expect([closed.status, closed.headers.has("access-control-allow-origin")]).toEqual([500, false]);
    const unexposed = await server.fetch(server.serverUrl, { headers: FROM_APP });
    expect(unexposed.headers.get("access-control-allow-origin")).toBe("*");
    expect(unexposed.headers.has("access-control-expose-headers")).toBe(false);
  });
});
