import type { AssertionLog } from "./assertion-log.js";
import type { Clients } from "./clients.js";
import type { DeviceCodes } from "./device-codes.js";
import type { DpopGuard } from "./dpop-guard.js";
import type { Settings } from "./fake-auth-server-options.js";
import type { Grants } from "./grants.js";
import type { Secrets } from "./secrets.js";
import type { SigningKey } from "./signing-key.js";

/** What the endpoints of one server share. */
export interface AuthServerContext {
  readonly settings: Settings;
  readonly clients: Clients;
  readonly grants: Grants;
  readonly deviceCodes: DeviceCodes;
  readonly dpop: DpopGuard;
  readonly secrets: Secrets;
  readonly assertions: AssertionLog;
  readonly signingKey: SigningKey;
  readonly now: () => number;
}
