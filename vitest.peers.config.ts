import { defineConfig } from "vitest/config";
import { FeatureTable } from "./test/peers/feature-table.ts";

// Tests against authorization servers and MCP servers that others wrote, started on loopback.
export default defineConfig({
  test: {
    include: ["test/peers/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    chaiConfig: { truncateThreshold: 1_000 },
    reporters: ["default", ["json", { outputFile: ".cache/results/peers.json" }], new FeatureTable()],
  },
});
