import { defineConfig } from "vitest/config";

// Crowds of processes on one store, some of which are killed. They run what is in dist. PROCESSES=long runs them for many rounds.
export default defineConfig({
  test: {
    include: ["test/processes/**/*.test.ts"],
    testTimeout: 600_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
    chaiConfig: { truncateThreshold: 1_000 },
    reporters: ["default", ["json", { outputFile: ".cache/results/processes.json" }]],
  },
});
