import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** One browser for all tests of a file. */
export function useChromium(executablePath: string): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath,
      timeout: 120_000,
      args: ARGUMENTS,
      // as users have it
      ignoreDefaultArgs: ["--disable-popup-blocking"],
    });
  });
  afterAll(() => browser?.close());
  return () => {
    if (browser === undefined) throw new Error("the browser is not started");
    return browser;
  };
}
