import type { CommandContext } from "./command-context.js";
import { EXIT } from "./command-error.js";
import { describeFailure } from "./describe-failure.js";
import { accountName, describeExpiry, loginFacts, loginJson, stateOf } from "./describe-login.js";
import { listLogins, usedPlaces, readServerUrl } from "./places.js";
import type { FoundLogin, PlaceKind } from "./places.js";
import { layOutFacts, layOutTable } from "./text-layout.js";
import { loginNeeded } from "./token.js";

/** Flags of `status`. */
export interface StatusFlags {
  readonly json?: true;
  readonly subject?: string;
  readonly store?: PlaceKind;
}

/** Prints what is stored; what cannot be looked at, as in a locked keychain, is named and makes the difference in the exit code. */
export async function status(url: string | undefined, flags: StatusFlags, { output }: CommandContext): Promise<number> {
  const serverUrl = url === undefined ? undefined : readServerUrl(url);
  const listed = await listLogins(usedPlaces(flags), serverUrl);
  const logins = listed.logins.filter(
    ({ session }) => flags.subject === undefined || session.subject === flags.subject,
  );
  const isUsable = serverUrl === undefined || logins.some(({ tokens }) => stateOf(tokens) !== "expired");
  if (flags.json) output.printJson(logins.map(loginJson));
  else if (serverUrl !== undefined) {
    for (const found of logins) output.print(layOutFacts(loginFacts(found), output.columns()));
  } else if (logins.length > 0) output.print(describeAll(logins, output.columns()));
  else if (listed.problem === undefined) output.print("There are no logins. Begin with: mcp-oauth login <url>");
  if (listed.problem !== undefined) {
    output.say(`mcp-oauth: ${describeFailure(listed.problem).message}`);
    return EXIT.failed;
  }
  if (isUsable || flags.json) return isUsable ? EXIT.ok : EXIT.loginNeeded;
  throw loginNeeded(serverUrl, flags.subject, logins.length > 0);
}

function describeAll(logins: readonly FoundLogin[], columns: number): string {
  const head = ["SERVER", "ACCOUNT", "TOKEN VALID", "RENEWABLE", "SCOPES", "STORE"];
  const rows = logins.map(({ session, tokens, place }) => [
    session.serverUrl,
    accountName(session.subject),
    stateOf(tokens) === "expired" ? "login needed" : describeExpiry(tokens),
    tokens.refreshToken === undefined ? "no" : "yes",
    tokens.scope ?? "",
    place.kind,
  ]);
  return (
    layOutTable(head, rows, columns) ?? logins.map((found) => layOutFacts(loginFacts(found), columns)).join("\n\n")
  );
}
