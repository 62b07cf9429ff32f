import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The Node of the machine: what is supported is not what the development tools run on. */
export const machineNode: string =
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !folder.includes("node_modules"))
    .map((folder) => join(folder, process.platform === "win32" ? "node.exe" : "node"))
    .find((path) => existsSync(path)) ?? process.execPath;
