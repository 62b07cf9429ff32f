import { join } from "node:path";
import * as pty from "@lydell/node-pty";
import xterm from "@xterm/headless";
import { onTestFinished } from "vitest";
import { machineNode } from "../../support/machine-node.ts";
import type { Home } from "./home.ts";

/** The command as it is shipped. */
export const command = join(import.meta.dirname, "../../../dist/cli.js");

/** The command in a terminal, with a person before it. */
export interface Terminal {
  /** What there is to be seen, as it was scrolled, rows that the terminal broke joined again. */
  screen(): string;
  /** Resolves with the first match on the screen; rejects when the command ends without. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** The URL that a login asks the person to open, once it waits for what comes of it. */
  url(): Promise<string>;
  type(text: string): void;
  readonly exited: Promise<number>;
}

export const CTRL_C = "\u0003";

export interface TerminalOptions {
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What is started in place of the command. */
  readonly program?: string;
}

/** Starts the command in a pseudo-terminal, which ends with the test at the latest. */
export function startInTerminal(
  home: Home,
  args: readonly string[],
  { columns = 80, env = {}, program }: TerminalOptions = {},
): Terminal {
  const screen = new xterm.Terminal({ cols: columns, rows: 60, scrollback: 1000, allowProposedApi: true });
  const child = pty.spawn(program ?? machineNode, [...(program === undefined ? [command] : []), ...args], {
    cols: columns,
    rows: 60,
    cwd: home.folder,
    env: { ...home.env, ...env },
  });
  let hasEnded = false;
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  child.onData((data) => {
    screen.write(data, changed);
  });
  const exited = new Promise<number>((resolve) => {
    child.onExit(({ exitCode, signal }) => {
      hasEnded = true;
      // what was written last has to be on the screen first
      screen.write("", () => {
        resolve(signal ? 128 + signal : exitCode);
        changed();
      });
    });
  });
  onTestFinished(async () => {
    if (!hasEnded) child.kill("SIGKILL");
    await exited;
    screen.dispose();
  });

  function text(): string {
    const { active } = screen.buffer;
    const lines: string[] = [];
    for (let row = 0; row < active.length; row += 1) {
      const line = active.getLine(row);
      if (line === undefined) continue;
      if (line.isWrapped) lines.push((lines.pop() ?? "") + line.translateToString(true));
      else lines.push(line.translateToString(true));
    }
    return lines.join("\n").trimEnd();
  }

  const waitFor: Terminal["waitFor"] = (pattern) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(text());
        if (match !== null) {
          listeners.delete(look);
          resolve(match);
        } else if (hasEnded) reject(new Error(`the command ended without ${String(pattern)}:\n${text()}`));
      };
      listeners.add(look);
      look();
    });

  return {
    screen: text,
    waitFor,
    url: async () => (await waitFor(LOGIN_URL))[1] ?? "",
    type: (keys) => {
      child.write(keys);
    },
    exited,
  };
}

/** What a login says when it waits: the URL, then what else the person can do. */
export const LOGIN_URL = /^ {2}(http\S+)\n[^]*paste the URL/m;

/** What differs from run to run, by its name or in as many zeros: ports, ids, and all that is random in an authorization URL. */
export const masked = (screen: string): string =>
  `${screen
    .replace(/(?<=(?:127\.0\.0\.1|localhost):)\d+/g, (port) => "0".repeat(port.length))
    .replace(/(?<=127\.0\.0\.1%3A)\d+/g, (port) => "0".repeat(port.length))
    .replace(/(?<=\b(?:state|code_challenge|code|user_code|client_id)=)[\w.~%-]+/g, "…")
    .replace(/(?<=\bclient-\d-)\w+/g, "0000000")
    .replace(/(?<=^ +Client +)\S+/gm, "CLIENT")}\n`;
