import { defineConfig } from "vitest/config";

// Tests of the command as it is shipped, in a terminal and without one: they run after the build.
export default defineConfig({
  test: {
    include: ["test/command/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    chaiConfig: { truncateThreshold: 1_000 },
    reporters: ["default", ["json", { outputFile: ".cache/results/command.json" }]],
  },
});
