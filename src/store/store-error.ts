import { StoreError } from "../errors.js";
import { publicKey } from "../wire/public-key.js";

/** What the store did not do, and with which record or lock. */
export function storeError(
  code: StoreError["code"],
  what: string,
  name: string,
  advice: string,
  cause?: unknown,
): StoreError {
  const key = publicKey(name);
  return new StoreError(code, `the store ${what} ${JSON.stringify(key)}: ${advice}`, { key, cause });
}
