import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    node: "src/node.ts",
    redis: "src/redis.ts",
    "mcp-sdk": "src/mcp-sdk.ts",
    testing: "src/testing.ts",
  },
  format: ["esm"],
  target: "es2022",
  platform: "neutral",
  dts: true,
  splitting: true,
  treeshake: true,
  // dist is not minified: it can be read, and debugged, as it is.
  minify: false,
  sourcemap: false,
  clean: true,
  removeNodeProtocol: false,
  external: [/^node:/],
});
