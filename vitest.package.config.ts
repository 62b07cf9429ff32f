import { defineConfig } from "vitest/config";

// Tests of what is shipped (dist and the packed tarball): they run after the build.
export default defineConfig({
  test: {
    include: ["test/package/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    chaiConfig: { truncateThreshold: 1_000 },
    reporters: ["default", ["json", { outputFile: ".cache/results/package.json" }]],
  },
});
