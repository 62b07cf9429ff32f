import { isAuthError } from "../index.js";
import type { SignOutResult } from "../index.js";
import type { CommandContext } from "./command-context.js";
import { CommandError, EXIT } from "./command-error.js";
import { describeFailure } from "./describe-failure.js";
import { accountName } from "./describe-login.js";
import { findLogin, listLogins, usedPlaces, readServerUrl } from "./places.js";
import type { FoundLogin, ListedLogins, PlaceKind } from "./places.js";
import { printable, wrapText } from "./text-layout.js";

/** Flags of `logout`. */
export interface LogoutFlags {
  readonly all?: true;
  readonly json?: true;
  readonly subject?: string;
  readonly store?: PlaceKind;
}

export async function logout(url: string | undefined, flags: LogoutFlags, context: CommandContext): Promise<number> {
  const { output, signal } = context;
  const { logins, problem } = await loginsToEnd(url, flags);
  const results: object[] = [];
  let failures = 0;
  for (const found of logins) {
    const { session } = found;
    const { revoked } = await session.signOut({ signal });
    if (isAuthError(revoked)) failures += 1;
    if (!flags.json) output.print(wrapText(describeEnd(found, revoked), output.columns()));
    results.push({
      serverUrl: session.serverUrl,
      subject: session.subject ?? null,
      deleted: true,
      revoked: isAuthError(revoked) ? "failed" : revoked,
      ...(isAuthError(revoked) && { error: revoked.toJSON() }),
    });
  }
  if (flags.json) output.printJson(results);
  else if (logins.length === 0)
    output.print(url === undefined ? "There are no logins." : `There is no login at ${url}.`);
  if (failures > 0 && !flags.json) {
    output.say("What could not be revoked ends by itself; if that is too late, end the access at the server by hand.");
  }
  if (problem !== undefined) output.say(`mcp-oauth: ${describeFailure(problem).message}`);
  return failures > 0 || problem !== undefined ? EXIT.failed : EXIT.ok;
}

async function loginsToEnd(url: string | undefined, flags: LogoutFlags): Promise<ListedLogins> {
  if ((url === undefined) === (flags.all === undefined)) {
    throw new CommandError("usage", "logout needs the URL of a server, or --all", { exitCode: EXIT.usage });
  }
  const serverUrl = url === undefined ? undefined : readServerUrl(url);
  const places = usedPlaces(flags);
  if (serverUrl === undefined) return await listLogins(places);
  const found = await findLogin(places, serverUrl, flags.subject);
  return { logins: found === undefined ? [] : [found] };
}

function describeEnd({ session, tokens }: FoundLogin, revoked: SignOutResult["revoked"]): string {
  const mark = isAuthError(revoked) ? "!" : "✓";
  const atServer = isAuthError(revoked)
    ? `Not revoked at ${tokens.issuer}: ${revoked.message}.`
    : revoked === "yes"
      ? `Revoked at ${tokens.issuer}.`
      : `Not revoked: ${tokens.issuer} has no way to. The tokens end by themselves.`;
  const who = `${session.serverUrl}, account ${accountName(session.subject)}`;
  return `${mark} Logged out of ${printable(who)}\n  Deleted here.\n  ${printable(atServer)}`;
}
