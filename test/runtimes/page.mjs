// The scenarios in a page.
import { createWebStorageStore } from "mcp-oauth-client";
import { createIndexedDbStore } from "mcp-oauth-client/browser";
import { runScenarios } from "./portable.mjs";

const stores = {
  localStorage: (name) => createWebStorageStore(localStorage, { prefix: `${name}:` }),
  indexedDB: (name) => createIndexedDbStore({ name }),
};
globalThis.outcomes = runScenarios({ stores });
