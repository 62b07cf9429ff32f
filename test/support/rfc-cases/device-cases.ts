import { SECRET, paramsOf, post } from "./rfc-target.ts";
import type { Params, RfcCase, RfcTarget } from "./rfc-target.ts";

type Row = readonly [name: string, rfc: string, outcome: string, send: RfcCase["send"]];

const begin = (target: RfcTarget, changes: Params = {}): Promise<Response> =>
  post(
    target,
    "deviceAuthorization",
    paramsOf({ client_id: "public", scope: "mcp:read", resource: target.resource }, changes),
  );

const start =
  (changes: Params): RfcCase["send"] =>
  (target) =>
    begin(target, changes);

interface Device {
  readonly device_code: string;
  readonly user_code: string;
}

const poll = (target: RfcTarget, { device_code: code }: Device, changes: Params = {}): Promise<Response> => {
  const params = { grant_type: "urn:ietf:params:oauth:grant-type:device_code", client_id: "public", device_code: code };
  return post(target, "token", paramsOf(params, changes));
};

const ask =
  (changes: Params): RfcCase["send"] =>
  async (target) =>
    poll(target, (await (await begin(target)).json()) as Device, changes);

/** What needs a clock, or a user at a device. */
const asWhen =
  (happens: (target: RfcTarget, device: Device) => unknown): RfcCase["send"] =>
  async (target) => {
    const device = (await (await begin(target)).json()) as Device;
    await happens(target, device);
    return poll(target, device);
  };

const DEVICE: readonly Row[] = [
  ["a request", "RFC 8628 §3.2", "200", start({})],
  ["a request of nobody", "RFC 8628 §3.1", "401 invalid_client", start({ client_id: undefined })],
  ["a request of an unknown client", "RFC 8628 §3.1", "401 invalid_client", start({ client_id: "nobody" })],
  ["a request with a secret where there is none", "RFC 8628 §3.1", "401 invalid_client", start({ client_secret: "x" })],
  [
    "a request of a client not registered for it",
    "RFC 8628 §3.1",
    "400 unauthorized_client",
    start({ client_id: "post", client_secret: SECRET }),
  ],
  ["a request for an unknown scope", "RFC 8628 §3.1", "400 invalid_scope", start({ scope: "magic" })],
  ["a request for another resource", "RFC 8707 §2", "400 invalid_target", start({ resource: "https://other.example" })],
  [
    "a request with a repeated scope",
    "RFC 6749 §3.2",
    "400 invalid_request",
    start({ scope: ["mcp:read", "mcp:write"] }),
  ],
  ["GET", "RFC 8628 §3.1", "405 invalid_request", (target) => target.fetch(target.endpoints.deviceAuthorization)],
  ["a poll while the user decides", "RFC 8628 §3.5", "400 authorization_pending", ask({})],
  ["a poll without device_code", "RFC 8628 §3.4", "400 invalid_request", ask({ device_code: undefined })],
  ["a poll with a repeated device_code", "RFC 6749 §3.2", "400 invalid_request", ask({ device_code: ["a", "b"] })],
  ["a poll with an unknown device_code", "RFC 6749 §5.2", "400 invalid_grant", ask({ device_code: "magic" })],
  ["a poll of another client", "RFC 6749 §5.2", "400 invalid_grant", ask({ client_id: "other" })],
  ["a poll of nobody", "RFC 8628 §3.4", "401 invalid_client", ask({ client_id: undefined })],
  [
    "a poll of a client not registered for it",
    "RFC 6749 §5.2",
    "400 unauthorized_client",
    ask({ client_id: "post", client_secret: SECRET }),
  ],
  ["a poll too soon", "RFC 8628 §3.5", "400 slow_down", asWhen((target, device) => poll(target, device))],
];

const OF_USERS: readonly Row[] = [
  [
    "a poll after the user refused",
    "RFC 8628 §3.5",
    "400 access_denied",
    asWhen((target, { user_code: code }) => target.denyDevice?.(code)),
  ],
  [
    "a poll after the user allowed",
    "RFC 8628 §3.5",
    "200",
    asWhen((target, { user_code: code }) => target.approveDevice?.(code)),
  ],
  ["a poll after ten minutes", "RFC 8628 §3.5", "400 expired_token", asWhen((target) => target.advance?.(600_000))],
  [
    "a second poll after the tokens",
    "RFC 8628 §3.4",
    "400 invalid_grant",
    asWhen(async (target, device) => {
      target.approveDevice?.(device.user_code);
      await poll(target, device);
    }),
  ],
];

const toCase = ([name, rfc, outcome, send]: Row): RfcCase => ({ name: `device: ${name}`, rfc, outcome, send });

export const DEVICE_CASES: readonly RfcCase[] = DEVICE.map(toCase);

/** For targets whose clock and users a test can play. */
export const DEVICE_USER_CASES: readonly RfcCase[] = OF_USERS.map(toCase);
