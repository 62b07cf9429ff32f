import { defineConfig } from "vitest/config";

// Tests against the services that .ci/redis.sh, .ci/postgres.sh and .ci/keyring.sh start for as long as they run.
export default defineConfig({
  test: {
    include: ["test/services/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    chaiConfig: { truncateThreshold: 1_000 },
    reporters: ["default", ["json", { outputFile: ".cache/results/services.json" }]],
  },
});
