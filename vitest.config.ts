import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/package/**", "test/peers/**", "test/services/**", "test/processes/**"],
    restoreMocks: true,
    unstubGlobals: true,
    unstubEnvs: true,
    reporters: ["default", ["json", { outputFile: ".cache/results/unit.json" }]],
    coverage: {
      enabled: process.env["CI"] === "true",
      provider: "v8",
      include: ["src/**/*.ts"],
      reportsDirectory: ".cache/coverage",
      reporter: [["text", { skipFull: true }], "json-summary"],
      thresholds: {
        statements: 90,
        branches: 90,
        functions: 90,
        lines: 90,
        "src/wire/**": { branches: 100 },
        "src/oauth/**": { branches: 100 },
        "src/session/refresh.ts": { branches: 100 },
      },
    },
    benchmark: { include: ["test/bench/**/*.bench.ts"] },
  },
});
