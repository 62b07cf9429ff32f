import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", node: "src/node.ts", testing: "src/testing.ts" },
  format: ["esm"],
  target: "es2022",
  platform: "neutral",
  dts: true,
  splitting: true,
  treeshake: true,
  sourcemap: true,
  clean: true,
  minify: false,
  // The part of zod/mini that is used becomes part of dist: importing it from node_modules costs 90 modules at every start.
  noExternal: [/^zod/],
  removeNodeProtocol: false,
  external: [/^node:/],
});
