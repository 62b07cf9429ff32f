import { operatingSystem, startTimer } from "../platform.js";
import { codeOf } from "./error-code.js";

const ATTEMPTS = 20;

/** Whether Windows refused because another process, a virus scanner for one, has the file open. */
export const isInUse = (error: unknown): boolean =>
  operatingSystem() === "win32" && ["EPERM", "EACCES", "EBUSY"].includes(String(codeOf(error)));

/** Does something to a file, and where it is in use, tries again for two seconds. */
export async function patiently(action: () => void): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    try {
      action();
      return;
    } catch (error) {
      if (!isInUse(error) || attempts === ATTEMPTS) throw error;
    }
    await new Promise<void>((resolve) => startTimer(resolve, 10 * attempts));
  }
}
