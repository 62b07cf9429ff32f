// What the pages of the tests have as `lib`: the library as a page would import it.
import * as browser from "../../../src/browser.js";
import * as root from "../../../src/index.js";
import { kvStoreContract } from "../../../src/testing.js";

export const lib = { ...root, ...browser, kvStoreContract };
Object.assign(globalThis, { lib });
