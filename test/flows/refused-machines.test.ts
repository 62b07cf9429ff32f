import { describe, expect, it, vi } from "vitest";
import { createAuthFetch } from "../../src/index.js";
import { freezeClock } from "../support/freeze-clock.js";
import { failureOf, viewOf } from "../support/host.js";
import { HOUR, startServer, startMachine } from "../support/machine.js";

describe("a machine that is refused", () => {
  it("says so, and asks nobody again until a pause has passed, in no process [spec-129]", async () => {
    freezeClock();
    const server = startServer({ clientCredentials: false });
    const backing = new Map<string, string>();
    const { session, call } = startMachine(server, { store: viewOf(backing) });
    const error = await failureOf(session.getAccessToken());

    expect(error).toMatchObject({ code: "token_request_rejected", oauthError: "unsupported_grant_type" });
    await expect(session.getAccessToken()).rejects.toBe(error);
    await expect(call(server.serverUrl)).rejects.toMatchObject({ code: "token_request_rejected" });
    const restarted = startMachine(server, { store: viewOf(backing) });
    await expect(restarted.session.getAccessToken()).rejects.toHaveProperty("retryAt");
    expect(server.counts.token).toBe(1);

    server.advance(60_000);
    await expect(restarted.session.getAccessToken()).rejects.toMatchObject({ code: "token_request_rejected" });
    expect(server.counts.token).toBe(2);
  });

  it("goes on with a token that still works, and with nothing else", async () => {
    const server = startServer();
    const { session } = startMachine(server);
    const first = await session.getAccessToken();
    server.forgetClient("machine");
    server.advance(HOUR - 20_000);

    expect(await session.getAccessToken()).toBe(first);
    server.advance(80_000);
    await expect(session.getAccessToken()).rejects.toMatchObject({ oauthError: "invalid_client" });
  });

  it("for a moment recovers by itself [spec-3.8-18]", async () => {
    const server = startServer();
    const { session, events } = startMachine(server);
    server.faults.add({ endpoint: "token", fault: "503_retry_after" });

    const error = await failureOf(session.getAccessToken());
    expect(error).toMatchObject({ code: "server_error", status: 503 });
    await expect(session.getAccessToken()).rejects.toBe(error);
    expect(server.counts.token).toBe(1);
    server.advance(120_000);
    expect(await session.getAccessToken()).toBeDefined();
    expect(events.map(({ type }) => type)).toEqual(["discovered", "refresh_failed", "discovered", "refreshed"]);
  });

  it("by the MCP server, however fresh its token, is told that no login will help [spec-3.8-02]", async () => {
    const server = startServer();
    server.faults.add({ fault: "rejects_every_token" });
    const { call, session } = startMachine(server);
    const onAuthorizationRequired = vi.fn();
    const asking = createAuthFetch(session, { onAuthorizationRequired });

    for (let calls = 0; calls < 3; calls += 1) {
      await expect(call(server.serverUrl)).rejects.toMatchObject({ code: "token_not_accepted" });
      await expect(asking(server.serverUrl)).rejects.toMatchObject({ code: "token_not_accepted" });
    }
    expect(server.counts.token).toBeLessThanOrEqual(2);
    expect(onAuthorizationRequired).not.toHaveBeenCalled();
  });

  it("finds the token endpoint that has moved", async () => {
    const server = startServer();
    const { session } = startMachine(server);
    await session.getAccessToken();
    server.advance(2 * HOUR);
    server.faults.add({ endpoint: "token", fault: "404" });

    await expect(session.getAccessToken()).rejects.toMatchObject({ status: 404 });
    expect(server.counts.authorizationServerMetadata).toBe(2);
  });
});
