import { expect, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../../src/testing.js";
import { call, jsonOf, outcomeOf, postForm, refresh } from "./plain-client.js";
import type { Tokens } from "./plain-client.js";

const CLIENTS = [{ client_id: "tv" }, { client_id: "other" }];

const createServer = (options: FakeAuthServerOptions = {}): FakeAuthServer =>
  createFakeAuthServer({ now: () => 1_800_000_000_000, deviceAuthorization: {}, clients: CLIENTS, ...options });

interface DeviceAuthorization {
  readonly device_code: string;
  readonly user_code: string;
}

async function begin(
  server: FakeAuthServer,
  changes: Record<string, string | undefined> = {},
): Promise<DeviceAuthorization> {
  const params = { client_id: "tv", scope: "a b", resource: server.serverUrl, ...changes };
  return (await (await postForm(server, "/device_authorization", params)).json()) as DeviceAuthorization;
}

const poll = (
  server: FakeAuthServer,
  { device_code: code }: DeviceAuthorization,
  changes: Record<string, string | undefined> = {},
): Promise<Response> =>
  postForm(server, "/token", {
    grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    client_id: "tv",
    device_code: code,
    ...changes,
  });

test("answers a device with its codes (RFC 8628 §3.2)", async () => {
  const server = createServer();
  const response = await postForm(server, "/device_authorization", { client_id: "tv" });
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const answer = await jsonOf(response);
  expect(answer).toEqual({
    device_code: expect.any(String) as string,
    user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/) as string,
    verification_uri: "https://auth.example.com/device",
    verification_uri_complete: `https://auth.example.com/device?user_code=${String(answer["user_code"])}`,
    expires_in: 600,
    interval: 5,
  });
  expect(server.counts.deviceAuthorization).toBe(1);
});

test("makes the device wait until its user has typed the code, and gives tokens once", async () => {
  const server = createServer();
  const device = await begin(server);
  expect(await outcomeOf(await poll(server, device))).toEqual([400, "authorization_pending"]);
  server.approveDevice(device.user_code.toLowerCase().replace("-", " "), { scope: "a" });
  server.advance(5000);
  const response = await poll(server, device);
  expect(response.status).toBe(200);
  const tokens = (await response.json()) as Tokens;
  expect(await jsonOf(await call(server, tokens.access_token))).toEqual({ ok: true, scope: "a" });
  expect((await refresh(server, "tv", tokens.refresh_token)).status).toBe(200);
  server.advance(5000);
  expect(await outcomeOf(await poll(server, device))).toEqual([400, "invalid_grant"]);
  expect(server.requests.at(-1)?.form.get("device_code")).toBe("[device_code 1]");
});

test("tells a device to slow down that asks too soon, by five seconds each time (RFC 8628 §3.5)", async () => {
  const server = createServer({ deviceAuthorization: { intervalMs: 2000 } });
  const device = await begin(server);
  expect(await outcomeOf(await poll(server, device))).toEqual([400, "authorization_pending"]);
  server.advance(1999);
  expect(await outcomeOf(await poll(server, device))).toEqual([400, "slow_down"]);
  server.approveDevice(device.user_code);
  server.advance(6999);
  expect(await outcomeOf(await poll(server, device))).toEqual([400, "slow_down"]);
  server.advance(12_000);
  expect((await poll(server, device)).status).toBe(200);
});

test("tells a device that its user refused", async () => {
  const server = createServer();
  const device = await begin(server);
  server.denyDevice(device.user_code);
  expect(await outcomeOf(await poll(server, device))).toEqual([400, "access_denied"]);
});

test("lets codes expire, also those that were approved", async () => {
  const server = createServer({ deviceAuthorization: { ttlMs: 60_000 } });
  const [pending, approved] = [await begin(server), await begin(server)];
  expect(pending.user_code).not.toBe(approved.user_code);
  server.approveDevice(approved.user_code);
  server.advance(60_000);
  expect(await outcomeOf(await poll(server, pending))).toEqual([400, "expired_token"]);
  expect(await outcomeOf(await poll(server, approved))).toEqual([400, "expired_token"]);
  expect(() => {
    server.approveDevice(pending.user_code);
  }).toThrow(new TypeError('no device waits for this "userCode"'));
});

test("takes a decision once, on a code that there is", async () => {
  const server = createServer();
  const { user_code: code } = await begin(server);
  server.denyDevice(code);
  expect(() => {
    server.approveDevice(code);
  }).toThrow(TypeError);
  expect(() => {
    server.denyDevice("BBBB-BBBB");
  }).toThrow(TypeError);
});

test.each<[string, Record<string, string | undefined>, number, string]>([
  ["no device code", { device_code: undefined }, 400, "invalid_request"],
  ["an unknown device code", { device_code: "x" }, 400, "invalid_grant"],
  ["another client", { client_id: "other" }, 400, "invalid_grant"],
  ["no client", { client_id: undefined }, 401, "invalid_client"],
  ["another resource", { resource: "https://other.example" }, 400, "invalid_target"],
])("refuses a device with %s", async (_, changes, status, error) => {
  const server = createServer();
  const device = await begin(server);
  server.approveDevice(device.user_code);
  expect(await outcomeOf(await poll(server, device, changes))).toEqual([status, error]);
});

test.each<[string, Record<string, string | undefined>, number, string]>([
  ["no client", { client_id: undefined }, 401, "invalid_client"],
  ["an unknown client", { client_id: "nobody" }, 401, "invalid_client"],
  ["a scope that does not exist", { scope: "c" }, 400, "invalid_scope"],
  ["another resource", { resource: "https://other.example" }, 400, "invalid_target"],
])("refuses an authorization request with %s", async (_, changes, status, error) => {
  const server = createServer({ scopes: ["a"] });
  const params = { client_id: "tv", scope: "a", ...changes };
  expect(await outcomeOf(await postForm(server, "/device_authorization", params))).toEqual([status, error]);
});

test("offers the grant when told, and to clients that are registered for it", async () => {
  const off = createServer({ deviceAuthorization: undefined });
  expect((await postForm(off, "/device_authorization", { client_id: "tv" })).status).toBe(404);
  expect((await off.fetch("https://auth.example.com/device")).status).toBe(404);
  expect(await outcomeOf(await poll(off, { device_code: "x", user_code: "" }))).toEqual([
    400,
    "unsupported_grant_type",
  ]);
  const server = createServer({ clients: [{ client_id: "tv", grant_types: ["authorization_code"] }] });
  expect(await outcomeOf(await postForm(server, "/device_authorization", { client_id: "tv" }))).toEqual([
    400,
    "unauthorized_client",
  ]);
});
