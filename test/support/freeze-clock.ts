import { onTestFinished, vi } from "vitest";

/** Lets no time pass in this test but by `advance`, however long the machine takes for it. */
export function freezeClock(): void {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
}
