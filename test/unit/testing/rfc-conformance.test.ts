import { describe, expect, it, test } from "vitest";
import { createFakeServerTarget } from "../../support/rfc-cases/fake-server-target.js";
import { USER_CASES, RFC_TABLES } from "../../support/rfc-cases/rfc-tables.js";
import { outcomeOf } from "../../support/rfc-cases/rfc-target.js";
import type { RfcTarget } from "../../support/rfc-cases/rfc-target.js";

const TABLES = { ...RFC_TABLES, ...USER_CASES };

describe.each(Object.entries(TABLES))("%s", (_, cases) => {
  it.each(cases)("$name → $outcome ($rfc)", async ({ outcome, send }) => {
    const target = createFakeServerTarget();
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
