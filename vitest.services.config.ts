import { defineConfig } from "vitest/config";

// Tests against the services that .ci/redis.sh and .ci/postgres.sh start for as long as they run.
export default defineConfig({
  test: {
    include: ["test/services/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    reporters: ["default", ["json", { outputFile: ".cache/results/services.json" }]],
  },
});
