import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [
      "test/package/**",
      "test/peers/**",
      "test/services/**",
      "test/processes/**",
      "test/browser/**",
      "test/command/**",
    ],
    // against hangs: how long something takes is the machine's business
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // so that what CI says last says enough
    chaiConfig: { truncateThreshold: 1_000 },
    restoreMocks: true,
    unstubGlobals: true,
    unstubEnvs: true,
    reporters: ["default", ["json", { outputFile: ".cache/results/unit.json" }]],
    coverage: {
      enabled: process.env["CI"] === "true",
      provider: "v8",
      include: ["src/**/*.ts"],
      // the command is tested as it is shipped, in processes that are not seen from here: test/command
      exclude: ["src/cli/**"],
      reportsDirectory: ".cache/coverage",
      reporter: [["text", { skipFull: true }], "json-summary"],
      thresholds: {
        statements: 95,
        branches: 95,
        functions: 95,
        lines: 95,
        "src/wire/**": { branches: 100 },
        "src/oauth/**": { branches: 100 },
        "src/session/refresh.ts": { branches: 100 },
      },
    },
    benchmark: { include: ["test/bench/**/*.bench.ts"] },
  },
});
