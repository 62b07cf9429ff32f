import { RegistrationError, quoteRemote } from "../errors.js";

/** Refuses to show what one issuer gave out to another; issuers are compared code point by code point. */
export function requireSameIssuer(what: string, belongsTo: string, issuer: string): void {
  if (belongsTo === issuer) return;
  throw new RegistrationError(
    "client_issuer_mismatch",
    `${what} belongs to the issuer ${quoteRemote(belongsTo)}, but this MCP server's is ${quoteRemote(issuer)}; nothing was sent`,
    { issuer },
  );
}
