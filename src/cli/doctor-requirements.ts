/** A requirement that a server was judged by. */
export interface Requirement {
  /** As docs/requirements.md numbers it: 29 is `spec-29`. */
  readonly id: string;
  readonly text: string;
  readonly url: string;
}

const MCP = "https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization";
const DISCOVERY = `${MCP}/authorization-server-discovery`;
const REGISTRATION = `${MCP}/client-registration`;
const SECURITY = `${MCP}/security-considerations`;
const rfc = (number: number, section: string): string =>
  `https://www.rfc-editor.org/rfc/rfc${number}#section-${section}`;

const ROWS: Readonly<Partial<Record<number, readonly [text: string, url: string]>>> = {
  11: ["MCP servers publish protected resource metadata.", DISCOVERY],
  12: ["A request without a token is answered 401, with a challenge.", DISCOVERY],
  13: ["The challenge names the metadata, or it is at the well-known URL.", DISCOVERY],
  14: ["The well-known URL of the path comes first, then that of the host.", DISCOVERY],
  15: ["A server without metadata is one of an earlier revision.", DISCOVERY],
  16: ["Metadata is a JSON object with status 200.", rfc(9728, "3.2")],
  17: ['"resource" is the server that the metadata was asked for.', rfc(9728, "3.3")],
  18: ['"authorization_servers" lists at least one.', DISCOVERY],
  25: ["Authorization servers publish RFC 8414 or OpenID Connect metadata.", DISCOVERY],
  27: ["An issuer with a path has three places for metadata, in this order.", DISCOVERY],
  28: ["An issuer without a path has two places for metadata, in this order.", DISCOVERY],
  29: ['"issuer" is the one that the metadata was asked for.', rfc(8414, "3.3")],
  30: ['"code_challenge_methods_supported" lists S256.', SECURITY],
  31: ["Every URL of OAuth is https.", SECURITY],
  33: ["A client has an id before it sends the user.", REGISTRATION],
  34: ["Known clients first, then metadata documents, then registration.", REGISTRATION],
  50: ["A refused registration says why.", REGISTRATION],
  52: ["Clients that want refresh tokens register for that grant.", MCP],
  57: ["Redirect URIs are registered, and loopback ones have any port.", rfc(8252, "7.3")],
  60: ["The scopes to ask for are in the challenge or in the metadata.", MCP],
  68: ['Requests have "resource", and tokens are for that server alone.', MCP],
  81: ['Callbacks carry the "state" that was sent.', rfc(6749, "4.1.2")],
  82: ['Callbacks carry "iss", and metadata says so.', rfc(9207, "2.4")],
  90: ['Token requests have "resource" too.', MCP],
  97: ["The access token is taken from the Authorization header.", MCP],
  104: ["A server may issue refresh tokens, or not.", MCP],
};

/** Requirements that MCP takes for granted and does not number. */
const OTHERS = {
  tokenResponse: ["Token responses have access_token, token_type and expires_in.", rfc(6749, "5.1")],
  refresh: ["A refresh token gives a new access token.", rfc(6749, "6")],
  rotation: ["A refresh token of a public client works once.", rfc(9700, "4.14.2")],
  revocation: ["Tokens can be revoked.", rfc(7009, "2")],
} as const;

/** A row of the list of requirements, or one of the others. */
export type RequirementName = number | keyof typeof OTHERS;

export function requirement(id: RequirementName): Requirement {
  const [text, url] = (typeof id === "number" ? ROWS[id] : OTHERS[id]) ?? ["See the specification.", MCP];
  return { id: typeof id === "number" ? `spec-${id}` : id, text, url };
}
