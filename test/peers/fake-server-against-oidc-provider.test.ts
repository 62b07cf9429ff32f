import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFakeServerTarget } from "../support/rfc-cases/fake-server-target.ts";
import { RFC_TABLES } from "../support/rfc-cases/rfc-tables.ts";
import { outcomeOf, paramsOf, post } from "../support/rfc-cases/rfc-target.ts";
import { DIFFERENCES } from "./oidc-provider-differences.ts";
import { startOidcProviderTarget } from "./servers/oidc-provider-rfc-target.ts";

let provider: Awaited<ReturnType<typeof startOidcProviderTarget>>;
beforeAll(async () => {
  provider = await startOidcProviderTarget();
});
afterAll(() => provider.close());

const CASES = Object.values(RFC_TABLES).flat();
const explained = new Map(DIFFERENCES.flatMap(({ theirs, cases }) => cases.map((name) => [name, theirs] as const)));

describe("the same request, sent to the test kit's server and to oidc-provider", () => {
  it.each(CASES.filter(({ name }) => !explained.has(name)))("has one outcome: $name ($rfc)", async ({ send }) => {
    const ours = createFakeServerTarget();
    const { target: theirs } = provider;
    expect(await outcomeOf(ours, await send(ours))).toBe(await outcomeOf(theirs, await send(theirs)));
  });

  describe.each(DIFFERENCES)("has two: $because", ({ theirs: expected, cases }) => {
    it.each(cases)(`%s → ${expected}`, async (name) => {
      const { send } = CASES.find((one) => one.name === name) ?? expect.fail("there is no such case");
      const ours = createFakeServerTarget();
      const { target: theirs } = provider;
      expect(await outcomeOf(theirs, await send(theirs))).toBe(expected);
      expect(await outcomeOf(ours, await send(ours))).not.toBe(expected);
    });
  });

  it("has a challenge with every 401 of ours, and with theirs when the client used the header (RFC 6749 §5.2)", async () => {
    const ours = createFakeServerTarget();
    for (const [target, challenge] of [
      [ours, 'Basic realm="token"'],
      [provider.target, null],
    ] as const) {
      const params = { grant_type: "refresh_token", refresh_token: "magic", client_id: "post", client_secret: "magic" };
      const response = await post(target, "token", paramsOf(params));
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, challenge]);
    }
  });
});
