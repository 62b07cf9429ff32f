import { readFileSync } from "node:fs";
import { defineConfig, type Options } from "tsup";

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

const common: Options = {
  format: ["esm"],
  target: "es2022",
  splitting: true,
  treeshake: true,
  // dist is not minified: it can be read, and debugged, as it is.
  minify: false,
  sourcemap: false,
  removeNodeProtocol: false,
  external: [/^node:/],
};

/** The command takes the entries as every other program does: as the files that are shipped. */
const shippedEntries: Plugin = {
  name: "shipped-entries",
  setup(build) {
    build.onResolve({ filter: /^\.\.\/(?:index|node|testing)\.js$/ }, ({ path }) => ({
      path: path.replace("../", "./"),
      external: true,
    }));
  },
};

/** The parser is CommonJS, and ES modules have no `require`. What it runs programs with, which this command
 * never does, need not be loaded. */
const parser: Plugin = {
  name: "parser",
  setup(build) {
    build.onLoad({ filter: /node_modules[\\/]commander[\\/].*\.js$/ }, ({ path }) => {
      const contents = readFileSync(path, "utf8")
        .replace(/\brequire\((['"])node:child_process\1\)/g, "{}")
        .replace(/\brequire\((['"])(node:[\w/]+)\1\)/g, 'globalThis.process.getBuiltinModule("$2")');
      return { contents, loader: "js" };
    });
  },
};

export default defineConfig([
  {
    ...common,
    entry: {
      index: "src/index.ts",
      node: "src/node.ts",
      redis: "src/redis.ts",
      "mcp-sdk": "src/mcp-sdk.ts",
      browser: "src/browser.ts",
      testing: "src/testing.ts",
    },
    platform: "neutral",
    dts: true,
    clean: true,
  },
  {
    ...common,
    entry: { cli: "src/cli/main.ts" },
    platform: "node",
    dts: false,
    clean: false,
    // read at each start, and by nobody else
    minify: true,
    esbuildPlugins: [shippedEntries, parser],
  },
]);
