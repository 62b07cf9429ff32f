import { expect } from "vitest";
import { spyOnConsole, type Scenario } from "./scenario.ts";

const loads: Scenario = async (load) => {
  await load();
};

/** Imports the example and looks at what it prints. */
const prints =
  (expected: RegExp): Scenario =>
  async (load) => {
    const log = spyOnConsole();
    await load();
    expect(log()).toMatch(expected);
  };

export const testing: Readonly<Record<string, Scenario>> = {
  "docs/testing.md › The smallest program": prints(/^undefined 1$/),
  "docs/testing.md › What it offers": loads,
  "docs/testing.md › Where the client is": prints(/^401$/),
  "docs/testing.md › Where the client is (2)": prints(/^connect to http:\/\/127\.0\.0\.1:\d+\/mcp$/),
  "docs/testing.md › Faults": loads,
  "docs/testing.md › Faults (2)": loads,
};
