import { describe, expect, it } from "vitest";

/**
 * Declares tests that need a service, which they find by what the environment says in `variable`. Without it there is one test, which
 * is skipped and says why; where nothing may be skipped it fails.
 */
export function describeWithService(name: string, variable: string, body: (value: string) => void): void {
  const value = process.env[variable];
  if (value !== undefined) {
    describe(name, () => body(value));
    return;
  }
  const missing = process.env[variable.replace(/(?:_URL)?$/, "_MISSING")] ?? `${variable} is not set`;
  it(`${name} is skipped: ${missing}`, ({ skip }) => {
    expect(process.env["CI"], missing).not.toBe("true");
    // the list of results counts skipped tests and does not name them
    console.warn(`${name} is skipped: ${missing}`);
    skip(missing);
  });
}
