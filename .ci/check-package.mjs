// Packs once, then asks publint and attw about the very tarball that would be published.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const folder = join(".cache", "pack");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const run = (command, ...args) =>
  execFileSync(command, args, { stdio: "inherit", shell: process.platform === "win32" });
run("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder);
const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
run("publint", "run", "--strict", join(folder, tarball));
run("attw", "--profile", "esm-only", "--no-emoji", join(folder, tarball));
