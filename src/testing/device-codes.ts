import { createExpiringMap } from "./expiring-map.js";
import type { Settings } from "./fake-auth-server-options.js";
import type { Grant, Grants } from "./grants.js";
import type { Secrets } from "./secrets.js";

/** A device authorization request and what became of it. */
export interface DeviceCode {
  readonly userCode: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
  readonly expiresAt: number;
  /** Milliseconds that polls must be apart. */
  intervalMs: number;
  lastPollAt: number | undefined;
  state: "pending" | "denied" | "used" | Grant;
}

/** What a user does with a user code. */
export type DeviceDecision =
  { readonly scope: readonly string[] | undefined; readonly subject: string } | { readonly denied: true };

export type DeviceCodes = ReturnType<typeof createDeviceCodes>;

/** RFC 8628 §6.1: letters that are hard to mistake, and no vowels. */
const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";

/** How long an expired code is still told from an unknown one. */
const REMEMBERED_MS = 3_600_000;

/** Device codes by themselves and by their user codes. */
export function createDeviceCodes(settings: Settings, secrets: Secrets, grants: Grants, now: () => number) {
  const expiresAt = (code: DeviceCode): number => code.expiresAt + REMEMBERED_MS;
  const byDeviceCode = createExpiringMap(now, expiresAt);
  const byUserCode = createExpiringMap(now, expiresAt);
  let count = 0;

  return {
    issue(request: Pick<DeviceCode, "clientId" | "scopes" | "resource">): { deviceCode: string; userCode: string } {
      const { ttlMs, intervalMs } = settings.deviceAuthorization ?? { ttlMs: 0, intervalMs: 0 };
      const deviceCode = secrets.create("device_code");
      const userCode = userCodeOf((count += 1));
      const code: DeviceCode = {
        ...request,
        userCode,
        expiresAt: now() + ttlMs,
        intervalMs,
        lastPollAt: undefined,
        state: "pending",
      };
      byDeviceCode.set(deviceCode, code);
      byUserCode.set(userCode, code);
      return { deviceCode, userCode };
    },
    find: (deviceCode: string): DeviceCode | undefined => byDeviceCode.get(deviceCode),
    /** The request that a user code stands for while the user can decide on it. However it is typed: case and dash do not matter. */
    findPending(typed: string): DeviceCode | undefined {
      const letters = typed.toUpperCase().replace(/[^A-Z]/g, "");
      const code = byUserCode.get(`${letters.slice(0, 4)}-${letters.slice(4)}`);
      return code?.state === "pending" && code.expiresAt > now() ? code : undefined;
    },
    decide(code: DeviceCode, decision: DeviceDecision): void {
      if ("denied" in decision) {
        code.state = "denied";
        return;
      }
      const { clientId, scopes, resource } = code;
      const allowed = scopes.filter((scope) => decision.scope?.includes(scope) ?? true);
      code.state = grants.create({ clientId, resource, subject: decision.subject, scopes: allowed });
    },
  };
}

/** Eight letters that differ from number to number, and look like any. */
function userCodeOf(number: number): string {
  // the multiplier has no factor in common with 20 ** 8
  let rest = (BigInt(number) * 17_179_869_143n) % 20n ** 8n;
  let letters = "";
  for (let place = 0; place < 8; place += 1) {
    letters += ALPHABET[Number(rest % 20n)] ?? "";
    rest /= 20n;
  }
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}
