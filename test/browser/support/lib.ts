// What the pages of the tests have as `lib`: the library as a page would import it.
import * as browser from "../../../src/browser.js";
import * as root from "../../../src/index.js";
import { kvStoreContract } from "../../../src/testing.js";

/** Those that the pages of an origin share. */
const sharedStores = {
  localStorage: () => root.createWebStorageStore(localStorage),
  IndexedDB: () => browser.createIndexedDbStore(),
};

export const lib = { ...root, ...browser, kvStoreContract, sharedStores };
Object.assign(globalThis, { lib });
