import { defineConfig } from "vitest/config";

// Pages in the Chromium that .ci/chromium.sh finds, driven from here.
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    chaiConfig: { truncateThreshold: 1_000 },
    reporters: ["default", ["json", { outputFile: ".cache/results/browser.json" }]],
  },
});
