import { chmodSync, closeSync, fchmodSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "./error-code.js";

/** Creates a file that was not there, for the owner alone, and opens it for writing. The folder is made if there is none. */
export function createPrivateFile(path: string): number {
  const file = create(path);
  try {
    // the umask may have taken from our own rights too
    fchmodSync(file, 0o600);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function create(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    makePrivateDirectory(dirname(path));
    return openSync(path, "wx", 0o600);
  }
}

/** Folders that are there already keep their mode: the host may share them with others on purpose. */
function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    if (codeOf(error) !== "ENOENT") throw error;
    makePrivateDirectory(dirname(path));
    mkdirSync(path, 0o700);
  }
  chmodSync(path, 0o700);
}
