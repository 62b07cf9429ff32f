import { describe, expect, it, test } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServerOptions } from "../../../src/testing.js";
import { AUTHORIZATION_CASES } from "../../support/rfc-cases/authorization-cases.js";
import { CLIENT_AUTHENTICATION_CASES } from "../../support/rfc-cases/client-authentication-cases.js";
import { DEVICE_CASES, DEVICE_USER_CASES } from "../../support/rfc-cases/device-cases.js";
import { MANAGEMENT_CASES, REGISTRATION_CASES } from "../../support/rfc-cases/registration-cases.js";
import { RFC_CLIENTS, outcomeOf } from "../../support/rfc-cases/rfc-target.js";
import type { RfcCase, RfcTarget } from "../../support/rfc-cases/rfc-target.js";
import {
  CLIENT_CREDENTIALS_CASES,
  CODE_CASES,
  REFRESH_CASES,
  TOKEN_CASES,
} from "../../support/rfc-cases/token-cases.js";
import { INTROSPECTION_CASES, REVOCATION_CASES } from "../../support/rfc-cases/token-state-cases.js";

const OPTIONS: FakeAuthServerOptions = {
  clients: RFC_CLIENTS,
  scopes: ["mcp:read", "mcp:write"],
  tokenEndpointAuthMethods: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
  clientCredentials: true,
  deviceAuthorization: {},
  registrationManagement: true,
  applicationTypeRules: true,
  introspectionToken: "of-the-resource-server",
};

function createTarget(): RfcTarget {
  const server = createFakeAuthServer(OPTIONS);
  return {
    issuer: server.issuer,
    resource: server.serverUrl,
    endpoints: {
      authorization: `${server.issuer}/authorize`,
      token: `${server.issuer}/token`,
      registration: `${server.issuer}/register`,
      revocation: `${server.issuer}/revoke`,
      introspection: `${server.issuer}/introspect`,
      deviceAuthorization: `${server.issuer}/device_authorization`,
    },
    introspectionAuthorization: "Bearer of-the-resource-server",
    fetch: (url, init) => server.fetch(url, init),
    approve: (url) => server.approve(url),
    advance: (ms) => {
      server.advance(ms);
    },
    approveDevice: (userCode) => {
      server.approveDevice(userCode);
    },
    denyDevice: (userCode) => {
      server.denyDevice(userCode);
    },
  };
}

const TABLES: Readonly<Record<string, readonly RfcCase[]>> = {
  "authorization endpoint": AUTHORIZATION_CASES,
  "token endpoint": [...TOKEN_CASES, ...CODE_CASES, ...REFRESH_CASES, ...CLIENT_CREDENTIALS_CASES],
  "client authentication": CLIENT_AUTHENTICATION_CASES,
  "device authorization": [...DEVICE_CASES, ...DEVICE_USER_CASES],
  registration: [...REGISTRATION_CASES, ...MANAGEMENT_CASES],
  "revocation and introspection": [...REVOCATION_CASES, ...INTROSPECTION_CASES],
};

describe.each(Object.entries(TABLES))("%s", (_, cases) => {
  it.each(cases)("$name → $outcome ($rfc)", async ({ outcome, send }) => {
    const target = createTarget();
    const response = await send(target);
    expect(await outcomeOf(target, response.clone())).toBe(outcome);
    await expectWellFormed(target, response);
  });
});

/** What every answer has to be, whatever it says. */
async function expectWellFormed({ issuer }: RfcTarget, response: Response): Promise<void> {
  const location = response.headers.get("location");
  if (location !== null) {
    const { searchParams } = new URL(location);
    // RFC 9207 §2: also when the answer is an error
    expect(searchParams.get("iss")).toBe(issuer);
    expectDescription(searchParams.get("error_description"));
    return;
  }
  // RFC 9110 §15.5.2, §15.5.6
  if (response.status === 401) expect(response.headers.get("www-authenticate")).toMatch(/^(Basic|Bearer)\b/);
  if (response.status === 405) expect(response.headers.get("allow")).not.toBeNull();
  // RFC 6749 §5.1, §5.2
  expect(response.headers.get("cache-control")).toBe("no-store");
  if (response.headers.get("content-type")?.startsWith("application/json") !== true) return;
  expectDescription(((await response.json()) as { error_description?: string }).error_description);
}

/** RFC 6749 §5.2: no characters outside %x20-21, %x23-5B and %x5D-7E. */
const expectDescription = (description: string | null | undefined): void => {
  expect(description ?? "").toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]*$/);
};

test("the tables are as long as they are meant to be, and every row names its section", () => {
  const all = Object.values(TABLES).flat();
  expect(all.length).toBeGreaterThanOrEqual(200);
  for (const { name, rfc } of all) expect([name, rfc]).toEqual([name, expect.stringMatching(/§\d/)]);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});
