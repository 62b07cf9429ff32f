import {
  closeSync,
  fstatSync,
  futimesSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { codeOf } from "./error-code.js";
import { createPrivateFile } from "./private-file.js";
import { readAnew } from "./read-anew.js";
import { temporaryFileName } from "./record-file.js";
import { attempt } from "./write-file-atomically.js";

/** What a lock file says, and when its holder last renewed it: by whatever clock, so that it is only ever compared. */
export interface LockSight {
  readonly text: string;
  readonly renewal: number;
}

/** A lock file as it is now; `undefined` when there is none. */
export const lookAtLock = (path: string): LockSight | undefined => readAnew(() => openLock(path));

function openLock(path: string): LockSight | undefined {
  let file: number;
  try {
    // opened anew each time, by which network file systems notice what others did
    file = openSync(path, "r");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    return { renewal: fstatSync(file).mtimeMs, text: readFileSync(file, "utf8") };
  } finally {
    closeSync(file);
  }
}

const saysSo = (path: string, text: string): boolean => lookAtLock(path)?.text === text;

/** Makes a lock file where there is none, whole from the start: a holder who is killed at any moment has left its name. */
export function createLock(path: string, text: string): boolean {
  const temporary = writeTemporary(path, text);
  try {
    createOnce(() => linkSync(temporary, path));
  } catch {
    // a file system without links, such as FAT
    createOnce(() => writeNew(path, text));
  } finally {
    attempt(() => unlinkSync(temporary));
  }
  // a network file system may say that a file exists because it has just made it, and lost the answer
  return saysSo(path, text);
}

/** Puts a lock file in the place of one that is still as it was seen. Nobody else may do so at the same time. */
export function replaceLock(path: string, seen: LockSight, text: string): boolean {
  const found = lookAtLock(path);
  if (found?.text !== seen.text || found.renewal !== seen.renewal) return false;
  const temporary = writeTemporary(path, text);
  try {
    renameSync(temporary, path);
  } catch (error) {
    attempt(() => unlinkSync(temporary));
    throw error;
  }
  return saysSo(path, text);
}

/** Changes the time of a lock file; throws when it does not say `text` any more. */
export function renewLock(path: string, text: string, now: number): void {
  const file = openSync(path, "r+");
  try {
    if (readFileSync(file, "utf8") !== text) throw takenOver();
    futimesSync(file, now / 1000, now / 1000);
  } finally {
    closeSync(file);
  }
}

/** Removes a lock file if it says `text`. */
export function removeLock(path: string, text: string): void {
  if (saysSo(path, text)) unlinkSync(path);
}

export const takenOver = (): Error => new Error("another process has taken the lock over");

function createOnce(create: () => void): void {
  try {
    create();
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

function writeTemporary(path: string, text: string): string {
  const temporary = join(dirname(path), temporaryFileName());
  writeNew(temporary, text);
  return temporary;
}

function writeNew(path: string, text: string): void {
  const file = createPrivateFile(path);
  try {
    writeFileSync(file, text);
  } catch (error) {
    attempt(() => unlinkSync(path));
    throw error;
  } finally {
    closeSync(file);
  }
}
