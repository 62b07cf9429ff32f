import type { opendir } from "node:fs/promises";
import type NodeCrypto from "node:crypto";
import type NodeProcess from "node:process";
import { getNodeBuiltin } from "../platform.js";

// `import` would read every member of these modules at once, and so load Web Crypto, streams and standard input at each start
export const nodeCrypto = /* @__PURE__ */ getNodeBuiltin("node:crypto") as typeof NodeCrypto;
export const nodeProcess = /* @__PURE__ */ getNodeBuiltin("node:process") as typeof NodeProcess;

/** Loaded with the first folder that is listed. */
export const openDirectory: typeof opendir = async (path, options) =>
  (getNodeBuiltin("node:fs/promises") as { readonly opendir: typeof opendir }).opendir(path, options);
