import { closeSync, fsync, openSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { patiently } from "./patiently.js";
import { createPrivateFile } from "./private-file.js";
import { temporaryFileName } from "./record-file.js";

// Only what waits for the disk is asynchronous: everything else takes less time here than handing it to another thread.
const sync = async (file: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fsync(file, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });

/**
 * Replaces a file in one step: whoever reads sees the old text or the new one, whole, even after a power cut. Only the owner may
 * read it. The folder is made if there is none. When it fails, the old text is still there.
 */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, temporaryFileName());
  try {
    const file = createPrivateFile(temporary);
    try {
      writeFileSync(file, text);
      await sync(file);
    } finally {
      closeSync(file);
    }
    await patiently(() => renameSync(temporary, path));
  } catch (error) {
    attempt(() => unlinkSync(temporary));
    throw error;
  }
  await syncDirectory(directory);
}

/** Makes the new name durable, where a folder can be synced: not on Windows and not on every network file system. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = openSync(path, "r");
    await sync(directory).finally(() => closeSync(directory));
  } catch {
    // the file itself was synced and has its name
  }
}

/** Does what is not worth failing for. */
export function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // somebody else did it, or nobody can
  }
}
