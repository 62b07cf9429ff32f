// The scenarios in a page.
import { createWebStorageStore } from "mcp-oauth-client";
import { runScenarios } from "./portable.mjs";

const stores = { localStorage: (name) => createWebStorageStore(localStorage, { prefix: `${name}:` }) };
globalThis.outcomes = runScenarios({ stores });
