import { expect, it } from "vitest";
import { mayStepUp } from "../../../src/session/interaction.js";
import { createTokenCell } from "../../../src/session/token-cell.js";

it("what a server demanded more than ten minutes ago is not kept, however many scopes it invents", () => {
  const serverUrl = new URL("https://mcp.example.com/mcp");
  const cell = createTokenCell(serverUrl, { serverUrl: serverUrl.href }, "name");
  const minute = 60_000;
  for (let count = 0; count < 100; count += 1) expect(mayStepUp(cell, `scope-${count}`, count * minute)).toBe(true);
  expect(cell.stepUps.size).toBeLessThanOrEqual(11);

  expect(mayStepUp(cell, "scope-99", 100 * minute)).toBe(true);
  expect(mayStepUp(cell, "scope-99", 100 * minute)).toBe(false);
  expect(mayStepUp(cell, "scope-99", 111 * minute)).toBe(true);
});
