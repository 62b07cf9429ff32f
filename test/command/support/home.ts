import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { machineNode } from "../../support/machine-node.ts";

/** The home of a user, empty but for an opener of URLs that notes what it was to open. */
export interface Home {
  readonly folder: string;
  /** Where the command keeps logins. */
  readonly state: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the browser was to open last. */
  opened(): string | undefined;
}

/** Makes a home that goes away with the test. */
export function createHome(): Home {
  const folder = mkdtempSync(join(tmpdir(), "mcp-oauth-home-"));
  onTestFinished(() => {
    // an opener may be writing still
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });
  const bin = join(folder, "bin");
  const opened = join(folder, "opened");
  mkdirSync(bin);
  for (const name of ["xdg-open", "open"]) {
    writeFileSync(join(bin, name), `#!/bin/sh\nprintf %s "$1" > "${opened}.new" && mv "${opened}.new" "${opened}"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return {
    folder,
    state: join(folder, ".local", "state", "mcp-oauth"),
    env: {
      PATH: [bin, dirname(machineNode), "/usr/bin", "/bin"].join(delimiter),
      HOME: folder,
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
    },
    opened: () => (existsSync(opened) ? readFileSync(opened, "utf8") : undefined),
  };
}

/** Environment of a command that is started so much later. */
export const later = (ms: number): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${new URL("clock.mjs", import.meta.url).href}`,
  CLOCK_AHEAD_MS: String(ms),
});

/** Files that the command has left, pending logins and locks among them. */
export const leftIn = ({ state }: Home): readonly string[] => (existsSync(state) ? readdirSync(state).sort() : []);
