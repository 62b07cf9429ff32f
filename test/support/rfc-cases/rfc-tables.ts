import { AUTHORIZATION_CASES } from "./authorization-cases.ts";
import { CLIENT_AUTHENTICATION_CASES } from "./client-authentication-cases.ts";
import { DEVICE_CASES, DEVICE_USER_CASES } from "./device-cases.ts";
import { MANAGEMENT_CASES, REGISTRATION_CASES } from "./registration-cases.ts";
import type { RfcCase } from "./rfc-target.ts";
import { CLIENT_CREDENTIALS_CASES, CODE_CASES, REFRESH_CASES, TOKEN_CASES } from "./token-cases.ts";
import { INTROSPECTION_CASES, REVOCATION_CASES } from "./token-state-cases.ts";

/** Requests that any authorization server can be sent, by endpoint. */
export const RFC_TABLES: Readonly<Record<string, readonly RfcCase[]>> = {
  "authorization endpoint": AUTHORIZATION_CASES,
  "token endpoint": [...TOKEN_CASES, ...CODE_CASES, ...REFRESH_CASES, ...CLIENT_CREDENTIALS_CASES],
  "client authentication": CLIENT_AUTHENTICATION_CASES,
  "device authorization": DEVICE_CASES,
  registration: [...REGISTRATION_CASES, ...MANAGEMENT_CASES],
  "revocation and introspection": [...REVOCATION_CASES, ...INTROSPECTION_CASES],
};

/** Requests that need a clock and a user that a test can play. */
export const USER_CASES: Readonly<Record<string, readonly RfcCase[]>> = { "device users": DEVICE_USER_CASES };
