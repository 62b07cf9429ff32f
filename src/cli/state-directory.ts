import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { nodeProcess } from "./builtins.js";

/** Where the command keeps what it has: the folder of the platform for the state of programs. */
export function stateDirectory(): string {
  const { env, platform } = nodeProcess;
  const { XDG_STATE_HOME: chosen = "", LOCALAPPDATA: local = "" } = env;
  // the specification has relative paths ignored
  if (isAbsolute(chosen)) return join(chosen, "mcp-oauth");
  if (platform === "win32") return join(isAbsolute(local) ? local : join(homedir(), "AppData", "Local"), "mcp-oauth");
  if (platform === "darwin") return join(homedir(), "Library", "Application Support", "mcp-oauth");
  return join(homedir(), ".local", "state", "mcp-oauth");
}

/** A path as a person writes it. */
export function shortPath(path: string): string {
  const home = homedir();
  return path === home || path.startsWith(join(home, "/")) ? path.replace(home, "~") : path;
}
