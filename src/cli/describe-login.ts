import type { TokenSet } from "../index.js";
import { currentTime } from "../platform.js";
import type { FoundLogin } from "./places.js";
import { describeSpan } from "./text-layout.js";

/** `valid`: the access token works. `renewable`: it has run out and is renewed when it is needed. `expired`: a login is needed. */
export type LoginState = "valid" | "renewable" | "expired";

export function stateOf({
  expiresAt = Infinity,
  refreshToken,
  refreshTokenExpiresAt = Infinity,
}: TokenSet): LoginState {
  const now = currentTime();
  if (expiresAt > now) return "valid";
  return refreshToken !== undefined && refreshTokenExpiresAt > now ? "renewable" : "expired";
}

/** For how long the access token works. */
export function describeExpiry({ expiresAt }: TokenSet): string {
  if (expiresAt === undefined) return "until it is refused";
  const left = expiresAt - currentTime();
  return left > 0 ? `for ${describeSpan(left)}` : `ended ${describeSpan(-left)} ago`;
}

/** What happens then. */
function describeRenewal({ refreshToken, refreshTokenExpiresAt }: TokenSet): string {
  if (refreshToken === undefined) return "no: then a new login is needed";
  if (refreshTokenExpiresAt === undefined) return "yes, without you";
  const left = refreshTokenExpiresAt - currentTime();
  return left > 0 ? `yes, without you, for ${describeSpan(left)}` : "no more: a new login is needed";
}

export const accountName = (subject: string | undefined): string => subject ?? "default";

/** A login for a person: everything but the tokens. */
export function loginFacts({ place, session, tokens }: FoundLogin): readonly (readonly [string, string])[] {
  const { registration } = tokens;
  const how = { dynamic: "registered there", metadata_document: "by its document", pre_registered: "given by you" };
  return [
    ["Server", session.serverUrl],
    ["Account", accountName(session.subject)],
    ["Logged in by", tokens.issuer],
    ["Client", `${registration.clientId} (${how[registration.source]})`],
    ["Scopes", tokens.scope ?? "not said"],
    ["Token valid", describeExpiry(tokens)],
    ["Renewable", describeRenewal(tokens)],
    ["Stored in", place.description],
  ];
}

/** A time for programs. */
export const timestamp = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString();

/** A login for a program; documented in docs/command.md. */
export function loginJson({ place, session, tokens }: FoundLogin): object {
  return {
    serverUrl: session.serverUrl,
    subject: session.subject ?? null,
    state: stateOf(tokens),
    issuer: tokens.issuer,
    clientId: tokens.registration.clientId,
    scopes: tokens.scope?.split(" ").filter(Boolean) ?? null,
    expiresAt: timestamp(tokens.expiresAt),
    renewable: tokens.refreshToken !== undefined,
    renewableUntil: timestamp(tokens.refreshTokenExpiresAt),
    obtainedAt: timestamp(tokens.obtainedAt),
    store: place.kind,
  };
}
