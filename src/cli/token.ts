import type { CommandContext } from "./command-context.js";
import { CommandError, EXIT } from "./command-error.js";
import { timestamp } from "./describe-login.js";
import { findLogin, usedPlaces, readServerUrl } from "./places.js";
import type { PlaceKind } from "./places.js";

/** Flags of `token`. */
export interface TokenFlags {
  readonly json?: true;
  readonly tty?: true;
  readonly subject?: string;
  readonly store?: PlaceKind;
}

export async function token(url: string, flags: TokenFlags, { output, signal }: CommandContext): Promise<number> {
  const serverUrl = readServerUrl(url);
  if (output.isTerminal() && flags.tty === undefined) {
    throw new CommandError("terminal", "a token is not shown on a terminal", {
      exitCode: EXIT.usage,
      next: `Use it in a command, as in $(mcp-oauth token ${serverUrl.href}), or say --tty.`,
    });
  }
  const found = await findLogin(usedPlaces(flags), serverUrl, flags.subject);
  const accessToken = await found?.session.getAccessToken({ signal });
  if (accessToken === undefined) throw loginNeeded(serverUrl, flags.subject, found !== undefined);
  if (flags.json) {
    const { tokenType, expiresAt } = (await found?.session.getTokens()) ?? {};
    output.printJson({ accessToken, tokenType, expiresAt: timestamp(expiresAt) });
  } else output.print(accessToken);
  return EXIT.ok;
}

/** What every command says that needs a login and has none. */
export function loginNeeded(serverUrl: URL, subject: string | undefined, wasLoggedIn: boolean): CommandError {
  const account = subject === undefined ? "" : ` as ${JSON.stringify(subject)}`;
  const reason = wasLoggedIn
    ? `the login at ${serverUrl.href}${account} has ended`
    : `nobody is logged in at ${serverUrl.href}${account}`;
  return new CommandError("login_needed", reason, {
    exitCode: EXIT.loginNeeded,
    next: `Log in with: mcp-oauth login ${serverUrl.href}${subject === undefined ? "" : ` --subject ${subject}`}`,
  });
}
