import type { CommandContext } from "./command-context.js";
import { EXIT } from "./command-error.js";
import { accountName, describeExpiry, loginFacts, loginJson, stateOf } from "./describe-login.js";
import { listLogins, openPlaces, readServerUrl } from "./places.js";
import type { FoundLogin, PlaceKind } from "./places.js";
import { layOutFacts, layOutTable } from "./text-layout.js";
import { loginNeeded } from "./token.js";

/** Flags of `status`. */
export interface StatusFlags {
  readonly json?: true;
  readonly subject?: string;
  readonly store?: PlaceKind;
}

export async function status(url: string | undefined, flags: StatusFlags, { output }: CommandContext): Promise<number> {
  const serverUrl = url === undefined ? undefined : readServerUrl(url);
  const logins = (await listLogins(await openPlaces(flags), serverUrl)).filter(
    ({ session }) => flags.subject === undefined || session.subject === flags.subject,
  );
  const isUsable = serverUrl === undefined || logins.some(({ tokens }) => stateOf(tokens) !== "expired");
  if (flags.json) {
    output.printJson(logins.map(loginJson));
    return isUsable ? EXIT.ok : EXIT.loginNeeded;
  }
  if (serverUrl !== undefined) {
    for (const found of logins) output.print(layOutFacts(loginFacts(found), output.columns()));
  } else if (logins.length === 0) output.print("There are no logins. Begin with: mcp-oauth login <url>");
  else output.print(describeAll(logins, output.columns()));
  if (!isUsable) throw loginNeeded(serverUrl, flags.subject, logins.length > 0);
  return EXIT.ok;
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
