import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";
import layers from "./.ci/layers.json" with { type: "json" };

const refuse = (selector, message) => ({ selector, message });

/** What src must not write, whatever the layer. */
const refusedInAll = [
  refuse("ExportAllDeclaration", "Name what is exported."),
  refuse("ExportDefaultDeclaration", "Export by name."),
  refuse("TSEnumDeclaration, TSModuleDeclaration", "Use a union of literals, or a module."),
  refuse("TSParameterProperty", "Declare the member."),
];

const refusedInSource = [
  ...refusedInAll,
  refuse(
    "ImportExpression:not([source.name='optionalPeer'], [source.value=/^\\.\\.\\u002Foauth\\u002F/])",
    "Import statically, save for an optional peer and what signs: whatever is needed at run time is handed in or comes from platform.ts.",
  ),
];

/** What only platform.ts may do. */
const refusedOutsidePlatform = [
  refuse("MemberExpression[object.name='Date'][property.name='now']", "Take the time from platform.ts."),
  refuse("NewExpression[callee.name='Date'][arguments.length=0]", "Take the time from platform.ts."),
  refuse("MemberExpression[object.name='Math'][property.name='random']", "Take random numbers from platform.ts."),
  refuse("MemberExpression[object.name='AbortSignal'][property.name='timeout']", "Take timers from platform.ts."),
];

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const any = (patterns) => `(?:${patterns.join("|") || "(?!)"})`;

/** The packages that `file` (a file or a folder of src) may import, as one pattern. */
function packagesOf(file) {
  const allowed = Object.entries(layers.packages).filter(([, users]) => users.includes(file));
  return any(allowed.map(([name]) => (name.endsWith("*") ? `${escape(name.slice(0, -1))}.*` : `${escape(name)}$`)));
}

function importRules(file, unit) {
  const up = unit.endsWith("/") ? "\\.\\./" : "\\./";
  const allowed = layers.imports[unit].map(
    (name) => `${up}${name.endsWith("/") ? escape(name) : escape(name.replace(/ts$/, "js"))}`,
  );
  if (unit.endsWith("/")) allowed.push("\\./[^/]+$");
  const message = `src/${file} imports nothing but: ${layers.imports[unit].join(", ") || "nothing"} (.ci/layers.json).`;
  return {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          { regex: `^(?!${any([...allowed, packagesOf(unit), packagesOf(file)])})`, message },
          { regex: "^\\..*(?<!\\.js)$", message: "A relative import ends with .js." },
        ],
      },
    ],
  };
}

const glob = (name) => `src/${name.endsWith("/") ? `${name}**/*.ts` : name}`;
const ownRules = Object.values(layers.packages)
  .flat()
  .filter((name) => name.endsWith(".ts"));

export default defineConfig(
  globalIgnores(["dist/", ".cache/", "docs/api-report/"]),
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true, argsIgnorePattern: "^_" }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
    },
  },
  {
    files: ["**/*.mjs", "**/*.js"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        fetch: "readonly",
        performance: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
        AbortController: "readonly",
        Response: "readonly",
        crypto: "readonly",
        localStorage: "readonly",
      },
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      "max-lines": ["error", { max: 300 }],
      "no-restricted-syntax": ["error", ...refusedInSource, ...refusedOutsidePlatform],
      "no-restricted-globals": [
        "error",
        ...layers.ambient.map((name) => ({ name, message: "Only platform.ts touches what the runtime provides." })),
      ],
    },
  },
  {
    files: ["src/platform.ts"],
    rules: { "no-restricted-globals": "off", "no-restricted-syntax": ["error", ...refusedInSource] },
  },
  {
    // the command is a program: it loads its parts when they are needed, to start quickly
    files: ["src/cli/**/*.ts"],
    rules: { "no-restricted-syntax": ["error", ...refusedInAll, ...refusedOutsidePlatform] },
  },
  ...Object.keys(layers.imports).map((unit) => ({ files: [glob(unit)], rules: importRules(unit, unit) })),
  ...ownRules.map((file) => ({ files: [glob(file)], rules: importRules(file, file.replace(/[^/]+$/, "")) })),
  {
    files: ["test/**/*.ts", "examples/**/*.ts"],
    rules: {
      // fakes keep the asynchronous signature of what they stand for
      "@typescript-eslint/require-await": "off",
      "no-restricted-syntax": [
        "error",
        refuse(
          "MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|skip|todo)$/]",
          "Every test runs: mend it or remove it.",
        ),
      ],
    },
  },
);
