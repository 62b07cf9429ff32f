export { authorizeWithLoopback } from "./node/authorize-with-loopback.js";
export type { AuthorizeWithLoopbackOptions } from "./node/authorize-with-loopback.js";
export { createFileStore } from "./node/file-store.js";
export type { FileStoreOptions } from "./node/file-store.js";
export { openBrowser } from "./node/open-browser.js";
