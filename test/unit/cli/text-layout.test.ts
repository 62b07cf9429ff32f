import { expect, it } from "vitest";
import { printable, withoutControls } from "../../../src/cli/text-layout.js";

it("text of others keeps to its line, and turns nothing around", () => {
  expect(printable("a\u001b[31mb\nc\u202ed\u2028e é")).toBe(String.raw`a\u{1b}[31mb\u{a}c\u{202e}d\u{2028}e é`);
});

it("text for a terminal has lines, tabs and styles, and no other control characters", () => {
  const styled = "\u001b[32m✓\u001b[39m a\n\tb";
  expect(withoutControls(styled)).toBe(styled);
  expect(withoutControls("\u001b[2J\u001b]0;t\u0007\u009b31m\u0007[31m")).toBe(
    String.raw`\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{7}[31m`,
  );
});
