import type childProcess from "node:child_process";
import { nodeProcess } from "./builtins.js";
import { CallbackServerError, TransportError } from "../index.js";
import { getNodeBuiltin, operatingSystem, startTimer } from "../platform.js";
import { codeOf } from "./error-code.js";

/** A program and its arguments. */
export interface BrowserCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** An opener that finds no browser says so sooner. */
const PATIENCE_MS = 1_000;

/**
 * Opens a URL in the user's browser, by the opener of the platform: `open` on macOS, the URL handler of `url.dll` on Windows,
 * `xdg-open` elsewhere. Print the URL as well: that the opener found a browser does not mean that the user sees it.
 *
 * @remarks
 * No shell is involved, so that `&`, quotes and `%` arrive as they are. The process may exit while the browser runs.
 *
 * @param url - https, or http on loopback: the `authorizationUrl`. Everything else is refused
 * @returns resolves when the opener has done its work, or after a second: some stay for as long as the browser runs
 * @throws `TransportError` `insecure_url` for another scheme, http elsewhere, or a user name in the URL
 * @throws `CallbackServerError` `unsupported_runtime` when the machine has no such opener, or it finds no browser, as over SSH: let the
 * user open the URL
 * @example
 * ```ts
 * console.log(`Log in at ${authorizationUrl.href}`);
 * await openBrowser(authorizationUrl).catch(() => undefined);
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc8252#section-8.12 | RFC 8252 §8.12}
 * @public
 */
export async function openBrowser(url: URL | string): Promise<void> {
  const platform = operatingSystem();
  const { command, args } = browserCommand(platform, checkBrowserUrl(url), nodeProcess.env["SystemRoot"]);
  // loaded when it is needed: it takes longer than all else that a start with a stored token needs
  const { spawn } = getNodeBuiltin("node:child_process") as typeof childProcess;
  await new Promise<void>((resolve, reject) => {
    const fail = (what: string, options?: ErrorOptions): void => {
      const message = `no browser could be opened, since ${command} ${what}: show the URL to the user`;
      reject(new CallbackServerError("unsupported_runtime", message, options));
    };
    const opener = spawn(command, args, { detached: true, stdio: "ignore", shell: false });
    let stopTimer = (): void => undefined;
    opener.on("spawn", () => {
      opener.unref();
      stopTimer = startTimer(resolve, PATIENCE_MS);
    });
    opener.on("exit", (code) => {
      stopTimer();
      // the opener of Windows says nothing by its exit code
      if (code === 0 || platform === "win32") resolve();
      else fail(`found none (exit code ${String(code)})`);
    });
    opener.on("error", (cause) => {
      fail(`did not start (${String(codeOf(cause))})`, { cause });
    });
  });
}

/**
 * How a URL is opened on a platform. `cmd /c start` would end it at the first `&`, and a serialized URL has neither a space nor a
 * quote, so that Windows gets it without quoting.
 */
export function browserCommand(platform: string, { href }: URL, systemRoot = "C:\\Windows"): BrowserCommand {
  if (platform === "darwin") return { command: "open", args: [href] };
  if (platform !== "win32") return { command: "xdg-open", args: [href] };
  // by its whole path: Windows looks in the working directory before anywhere else
  return { command: `${systemRoot}\\System32\\rundll32.exe`, args: ["url.dll,FileProtocolHandler", href] };
}

/** Allows what may be opened; everything else could start any program that registered itself for a scheme. */
export function checkBrowserUrl(value: URL | string): URL {
  const url = parse(value);
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  const hasUser = url.username !== "" || url.password !== "";
  if (!hasUser && (url.protocol === "https:" || (url.protocol === "http:" && isLocal))) return new URL(url);
  const shown = url.host === "" ? url.protocol : `${url.protocol}//${url.host}`;
  throw new TransportError(
    "insecure_url",
    `only https URLs, and http on loopback, are opened in a browser, and none with a user name; refused one of ${shown}`,
    { url: shown },
  );
}

function parse(value: URL | string): URL {
  try {
    return new URL(value);
  } catch {
    throw new TypeError("url must be an absolute URL, such as the authorizationUrl of a login");
  }
}
