import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { operatingSystem, startTimer } from "../platform.js";
import { codeOf } from "./error-code.js";
import { temporaryFileName } from "./record-file.js";

// Only what waits for the disk is asynchronous: everything else takes less time here than handing it to another thread.
const sync = /* @__PURE__ */ promisify(fsync);

const RENAME_ATTEMPTS = 20;

/**
 * Replaces a file in one step: whoever reads sees the old text or the new one, whole, even after a power cut. Only the owner may
 * read it. The folder is made if there is none. When it fails, the old text is still there.
 */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, temporaryFileName());
  try {
    const file = create(temporary);
    try {
      // the umask may have taken from our own rights too
      fchmodSync(file, 0o600);
      writeFileSync(file, text);
      await sync(file);
    } finally {
      closeSync(file);
    }
    await rename(temporary, path);
  } catch (error) {
    attempt(() => unlinkSync(temporary));
    throw error;
  }
  await syncDirectory(directory);
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

async function rename(from: string, to: string): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      // Windows refuses while another process, a virus scanner for one, has the old file open.
      const mayPass = operatingSystem() === "win32" && ["EPERM", "EACCES", "EBUSY"].includes(String(codeOf(error)));
      if (!mayPass || attempts === RENAME_ATTEMPTS) throw error;
    }
    await new Promise<void>((resolve) => startTimer(resolve, 10 * attempts));
  }
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
