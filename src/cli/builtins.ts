import type NodeProcess from "node:process";
import type NodeUtil from "node:util";
import { getNodeBuiltin } from "../platform.js";

// `import` would read every member of these modules at each start, and so open standard input and load streams and Web Crypto
export const nodeProcess = getNodeBuiltin("node:process") as typeof NodeProcess;
export const nodeUtil = getNodeBuiltin("node:util") as typeof NodeUtil;
