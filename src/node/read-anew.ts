import { codeOf } from "./error-code.js";

const ATTEMPTS = 5;

/**
 * Opens and reads a file as it is now. On a network file system one that another machine replaces or removes in between is out of
 * reach (`ESTALE`), which says nothing about what has its name by then: the next look finds that.
 */
export function readAnew<T>(openAndRead: () => T): T {
  for (let attempts = 1; ; attempts++) {
    try {
      return openAndRead();
    } catch (error) {
      if (codeOf(error) !== "ESTALE" || attempts === ATTEMPTS) throw error;
    }
  }
}
