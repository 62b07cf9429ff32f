import { defineConfig } from "tsup";

const entries = {
  index: "src/index.ts",
  node: "src/node.ts",
  redis: "src/redis.ts",
  testing: "src/testing.ts",
};

export default defineConfig({
  // zod runs code when it is loaded; in a chunk of its own it is left out of programs that parse nothing.
  entry: { ...entries, schemas: "src/wire/documents.ts" },
  format: ["esm"],
  target: "es2022",
  platform: "neutral",
  dts: { entry: entries },
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
